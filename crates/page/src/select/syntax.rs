//! Selectors as data.

use super::nth::Nth;

/// Alternatives: what matches one of them matches.
pub(super) type List = Vec<Complex>;

/// Compounds with combinators between: `a > b c`.
#[derive(Debug, PartialEq)]
pub(super) struct Complex {
    /// The combinator before the first compound counts only in `:has()`.
    pub(super) parts: Vec<(Combinator, Compound)>,
}

/// What a compound matches relative to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combinator {
    Descendant,
    Child,
    Next,
    Later,
}

/// Conditions on one element.
pub(super) type Compound = Vec<Simple>;

/// A condition on an element.
#[derive(Debug, PartialEq)]
pub(super) enum Simple {
    Universal,
    /// A name, as it is written.
    Type(String),
    Id(String),
    Class(String),
    Attribute {
        name: String,
        test: Test,
        value: String,
        ignores_case: bool,
    },
    Is(List),
    Not(List),
    Has(List),
    Root,
    Empty,
    Nth {
        nth: Nth,
        from_end: bool,
        of_type: bool,
        /// Only these siblings count.
        of: Option<List>,
    },
}

/// What is asked of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Exists,
    Equals,
    Word,
    Dash,
    Prefix,
    Suffix,
    Substring,
}
