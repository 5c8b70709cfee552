//! Compiled code of an engine, and its loading.

mod code;
mod load;
mod source;

pub use crate::compile::{Export, Function, Import, Kind, wat2wasm};
pub use code::Code;
pub use source::Source;
