//! HTML as a tree.

mod arena;
mod builder;
mod construct;
mod decode;
mod document;
mod entities;
mod intern;
mod names;
mod parse;
mod tokenizer;

pub use builder::Builder;
pub use construct::MAX_DEPTH;
pub use document::{Document, Namespace, NodeId, Text};
pub use names::{Attr, Tag};
pub use parse::{MAX_BYTES, MAX_NODES, ParseError, parse};
