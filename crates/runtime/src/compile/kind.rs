//! Module or component: what WebAssembly bytes hold.

use super::diagnosis::{looks_like, refused};
use crate::error::{Error, ErrorCode, Result};
use std::fmt;

/// The four bytes every WebAssembly binary begins with.
const MAGIC: &[u8; 4] = b"\0asm";
/// Version and layer of a core module, after the magic bytes.
const MODULE: [u8; 4] = [1, 0, 0, 0];
/// Version and layer of a component, after the magic bytes.
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// What WebAssembly bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Kind {
    /// `"module"` or `"component"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Module => "module",
            Kind::Component => "component",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Tells module from component by the eight bytes of the header.
///
/// # Errors
/// [`ErrorCode::Compile`] with `offset`: 0 if the bytes are not WebAssembly, their length if they end inside the
/// header, 4 if version and layer are neither.
pub fn kind_of(bytes: &[u8]) -> Result<Kind> {
    let start = &bytes[..bytes.len().min(MAGIC.len())];
    if bytes.is_empty() {
        return Err(refused("no bytes were given", 0));
    }
    if !MAGIC.starts_with(start) {
        return Err(refused(format!("not WebAssembly{}", looks_like(bytes)), 0));
    }
    match bytes.get(4..8) {
        None => Err(refused(
            "the bytes end inside the WebAssembly header",
            bytes.len(),
        )),
        Some(rest) if rest == MODULE => Ok(Kind::Module),
        Some(rest) if rest == COMPONENT => Ok(Kind::Component),
        Some(rest) => Err(refused(
            format!("WebAssembly of an unknown version: {rest:02x?} after the magic bytes"),
            MAGIC.len(),
        )),
    }
}

/// Refuses a guest of the other kind.
///
/// # Errors
/// [`ErrorCode::WrongKind`] with both.
pub(crate) fn expect_kind(kind: Kind, expected: Option<Kind>) -> Result<()> {
    match expected {
        Some(expected) if expected != kind => {
            let (expected, received) = (expected.as_str(), kind.as_str());
            Err(Error::new(
                ErrorCode::WrongKind,
                format!("a {expected} was wanted, and this is a {received}"),
            )
            .text("expected", expected)
            .text("received", received))
        }
        _ => Ok(()),
    }
}
