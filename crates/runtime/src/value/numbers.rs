//! Lists of numbers, moved between host and guest memory as one block.

use super::types::Type;
use wasmtime::component::__internal::InterfaceType;

macro_rules! numbers {
    ($($variant:ident $interface:ident $rust:ident $kind:literal,)*) => {
        /// A list of numbers as one block.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Numbers {
            $(
                #[doc = concat!("`", $kind, "`")]
                $variant(Vec<$rust>),
            )*
        }

        impl Numbers {
            /// How many numbers.
            pub fn len(&self) -> usize {
                match self { $(Numbers::$variant(items) => items.len(),)* }
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many bytes the block takes, here and in the guest.
            pub fn byte_len(&self) -> usize {
                match self { $(Numbers::$variant(items) => size_of_val(items.as_slice()),)* }
            }

            /// The size of one number, which is its alignment as well.
            pub(crate) fn size(&self) -> usize {
                match self { $(Numbers::$variant(_) => size_of::<$rust>(),)* }
            }

            /// The WIT name of this list.
            pub(crate) fn kind(&self) -> &'static str {
                match self { $(Numbers::$variant(_) => $kind,)* }
            }

            /// Whether a list of `element` may be given as this block.
            pub(crate) fn fits(&self, element: &Type) -> bool {
                match self { $(Numbers::$variant(_) => matches!(element, Type::$variant),)* }
            }

            /// Whether a list of `element` may be given as this block.
            pub(crate) fn fits_interface(&self, element: &InterfaceType) -> bool {
                match self { $(Numbers::$variant(_) => matches!(element, InterfaceType::$interface),)* }
            }

            /// Writes the block as guest memory holds it. `target` is [`Numbers::byte_len`] bytes.
            pub(crate) fn store(&self, target: &mut [u8]) {
                match self {
                    $(Numbers::$variant(items) => {
                        let (chunks, _) = target.as_chunks_mut::<{ size_of::<$rust>() }>();
                        for (chunk, item) in chunks.iter_mut().zip(items) {
                            *chunk = item.to_le_bytes();
                        }
                    })*
                }
            }

            /// Reads a block of `element`s out of guest memory; `None` when that is no number type.
            pub(crate) fn load(element: &InterfaceType, source: &[u8]) -> Option<Numbers> {
                match element {
                    $(InterfaceType::$interface => {
                        let (chunks, _) = source.as_chunks::<{ size_of::<$rust>() }>();
                        let items = chunks.iter().map(|chunk| <$rust>::from_le_bytes(*chunk)).collect();
                        Some(Numbers::$variant(items))
                    })*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    S8 S8 i8 "list<s8>",
    U8 U8 u8 "list<u8>",
    S16 S16 i16 "list<s16>",
    U16 U16 u16 "list<u16>",
    S32 S32 i32 "list<s32>",
    U32 U32 u32 "list<u32>",
    S64 S64 i64 "list<s64>",
    U64 U64 u64 "list<u64>",
    F32 Float32 f32 "list<f32>",
    F64 Float64 f64 "list<f64>",
}
