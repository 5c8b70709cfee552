//! CSS selectors.
//!
//! A selector is evaluated in sets: what matches its first part, what of their children matches the next, and so on.
//! So the time is the size of the page times the length of the selector, however it is nested.
//!
//! Supported are type, universal, class, id and attribute selectors (all operators, the flags `i` and `s`), all
//! combinators, lists, and the pseudo-classes of [`PSEUDO_CLASSES`]. Names of elements and attributes match in upper and
//! lower case, values as they are written.

mod error;
mod matching;
mod nth;
mod parse;
mod places;
mod scanner;
mod syntax;

pub use error::{Fault, PSEUDO_CLASSES, SelectorError};

use crate::html::{Document, NodeId};

/// The elements that match a selector, in document order.
///
/// # Errors
///
/// If the selector is none, or uses what is not supported.
pub fn select(document: &Document<'_>, selector: &str) -> Result<Vec<NodeId>, SelectorError> {
    let list = parse::parse(selector)?;
    let found = matching::Matcher::new(document).list(&list);
    Ok(found.iter().map(NodeId).collect())
}

/// Whether a selector can be used: [`select`] fails for no page with it.
///
/// # Errors
///
/// As for [`select`].
pub fn check(selector: &str) -> Result<(), SelectorError> {
    parse::parse(selector).map(|_| ())
}
