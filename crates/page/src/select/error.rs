//! Why a selector cannot be used.

use std::fmt;

/// The pseudo-classes that are supported.
pub const PSEUDO_CLASSES: &[&str] = &[
    ":is()",
    ":where()",
    ":not()",
    ":has()",
    ":root",
    ":scope",
    ":empty",
    ":first-child",
    ":last-child",
    ":only-child",
    ":first-of-type",
    ":last-of-type",
    ":only-of-type",
    ":nth-child()",
    ":nth-last-child()",
    ":nth-of-type()",
    ":nth-last-of-type()",
];

/// A selector that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    /// Where, in bytes of the selector.
    pub position: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Ends {
        /// What could stand there.
        expected: &'static str,
    },
    /// A character that cannot stand there.
    Unexpected {
        /// The character.
        found: char,
        /// What could stand there.
        expected: &'static str,
    },
    /// A pseudo-class that is unknown or has no meaning on a page that nobody uses.
    PseudoClass {
        /// Its name without the colon.
        name: String,
    },
    /// A pseudo-element: no part of the document.
    PseudoElement,
    /// A namespace before a name.
    Namespace,
    /// It is too long.
    TooLong {
        /// The bytes that are allowed.
        allowed: usize,
    },
    /// Its brackets are nested too deep.
    TooDeep {
        /// The depth that is allowed.
        allowed: usize,
    },
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Ends { expected } => write!(f, "the selector ends where {expected} is expected"),
            Fault::Unexpected { found, expected } => {
                write!(f, "`{found}` where {expected} is expected")
            }
            Fault::PseudoClass { name } => write!(
                f,
                "the pseudo-class `:{name}` is not supported; allowed are {}",
                PSEUDO_CLASSES.join(", ")
            ),
            Fault::PseudoElement => write!(f, "pseudo-elements are no part of a page"),
            Fault::Namespace => write!(f, "namespaces are not supported"),
            Fault::TooLong { allowed } => write!(f, "more than the {allowed} bytes allowed"),
            Fault::TooDeep { allowed } => {
                write!(f, "brackets nested deeper than the {allowed} allowed")
            }
        }?;
        write!(f, " (at byte {})", self.position)
    }
}

impl std::error::Error for SelectorError {}
