//! From the HTML of a page to its text, Markdown and metadata.
//!
//! `html` makes a document of the source, `blocks` decides which of its text is content, `metadata` reads what the page
//! says about itself, `render` writes the content, `select` finds elements; `extract` is all of it in one call. Each imports only
//! from those before it. The crate knows nothing of WebAssembly: the guest in `crates/extractor` binds it to
//! its interface.

mod bits;
mod scan;

pub mod address;
pub mod blocks;
pub mod extract;
pub mod html;
pub mod metadata;
pub mod render;
pub mod select;
pub mod selection;
