//! Enumerations whose values have names outside: in errors, metrics, events and commands.

macro_rules! named {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: [$name; [$($text,)*].len()] = [$($name::$variant,)*];

            /// The value's name, as JavaScript and metrics see it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
    };
}

pub(crate) use named;
