//! HTML as a tree.

mod document;
mod names;

pub use document::{Builder, Document, Namespace, NodeId, Text};
pub use names::{Attr, Tag};
