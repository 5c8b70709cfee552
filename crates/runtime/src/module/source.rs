//! Where code comes from.

use crate::cache::WasmSource;
use crate::error::Result;
use std::path::PathBuf;

/// Where code comes from.
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

impl Source {
    pub(crate) fn open(&self) -> Result<WasmSource<'_>> {
        match self {
            Source::Bytes(bytes) => Ok(WasmSource::Bytes(bytes.into())),
            Source::Path(path) => WasmSource::open(path),
        }
    }
}
