//! Where code comes from, and the result of looking for it without compiling.

use super::code::Code;
use crate::cache::WasmSource;
use crate::compile::Kind;
use crate::error::Result;
use std::path::PathBuf;

/// Where code comes from.
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

/// The result of looking for code without compiling.
pub enum Sought {
    /// The code.
    Code(Code),
    /// Neither memory nor disk has it.
    Missing(Missing),
}

/// Code that neither memory nor disk has. Pass its source to [`Engine::load`](crate::engine::Engine::load), so that it
/// loads the very bytes that were looked up.
pub struct Missing {
    /// Its name in the shared tier.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// The kind that the caller asked for, if any.
    pub expected: Option<Kind>,
}

impl From<Code> for Sought {
    fn from(code: Code) -> Sought {
        Sought::Code(code)
    }
}

impl Source {
    pub(crate) fn open(&self) -> Result<WasmSource<'_>> {
        match self {
            Source::Bytes(bytes) => Ok(WasmSource::Bytes(bytes.into())),
            Source::Path(path) => WasmSource::open(path),
        }
    }
}
