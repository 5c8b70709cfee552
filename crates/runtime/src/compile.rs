//! Bytes to compiled code, with failures told apart.
//!
//! Nothing is cached here, and nothing is read from a file: see [`crate::cache`].

use crate::error::{Error, ErrorCode, Result};
use std::fmt;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The four bytes every WebAssembly binary begins with.
const MAGIC: &[u8; 4] = b"\0asm";
/// Version and layer of a core module, after the magic bytes.
const MODULE: [u8; 4] = [1, 0, 0, 0];
/// Version and layer of a component, after the magic bytes.
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// Which of the two things WebAssembly bytes hold.
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

/// Code ready to be instantiated, in the engine that compiled it. A clone shares the code.
#[derive(Clone)]
pub enum Compiled {
    /// A core module.
    Module(wasmtime::Module),
    /// A component.
    Component(Component),
}

impl Compiled {
    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        match self {
            Compiled::Module(_) => Kind::Module,
            Compiled::Component(_) => Kind::Component,
        }
    }

    /// The artefact: native code and tables as an ELF file, a copy.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] where Wasmtime cannot serialize it.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        match self {
            Compiled::Module(module) => module.serialize(),
            Compiled::Component(component) => component.serialize(),
        }
        .map_err(|error| {
            Error::new(
                ErrorCode::Internal,
                format!("compiled code could not be serialized: {error:#}"),
            )
        })
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compiled({})", self.kind())
    }
}

/// Tells module from component by the eight bytes of the header.
///
/// # Errors
/// [`ErrorCode::Compile`] with `offset`: 0 where the bytes are not WebAssembly, their length where
/// they end inside the header, 4 for a version or layer that is neither.
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

/// Compiles a module or component for this engine. Takes from milliseconds to seconds, on several
/// cores.
///
/// `simd` says whether the engine admits SIMD; where it does not, a guest that is valid but for its
/// SIMD is told apart from an invalid one.
///
/// # Errors
/// [`ErrorCode::Compile`] or [`ErrorCode::SimdDisabled`], with `offset` in bytes where it is known.
pub fn compile(engine: &Engine, simd: bool, bytes: &[u8]) -> Result<Compiled> {
    let compiled = match kind_of(bytes)? {
        // `from_binary`, never `new`: text must not be compiled silently, even if the `wat` feature
        // comes in through another crate.
        Kind::Module => wasmtime::Module::from_binary(engine, bytes).map(Compiled::Module),
        Kind::Component => Component::from_binary(engine, bytes).map(Compiled::Component),
    };
    compiled.map_err(|error| classify(simd, bytes, &error))
}

/// The text format to bytes.
///
/// # Errors
/// [`ErrorCode::Compile`]; the message names line and column.
pub fn wat2wasm(text: &str) -> Result<Vec<u8>> {
    wat::parse_str(text).map_err(|error| {
        Error::new(
            ErrorCode::Compile,
            format!("the text is not WebAssembly: {error}"),
        )
    })
}

fn refused(message: impl Into<String>, offset: usize) -> Error {
    Error::new(ErrorCode::Compile, message).number("offset", offset as f64)
}

/// What bytes that are not WebAssembly probably are, for the message.
fn looks_like(bytes: &[u8]) -> &'static str {
    let text = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match text {
        Some(b'(') | Some(b';') => ": it looks like the text format, which must be converted first",
        _ if bytes.starts_with(b"\x7fELF") => {
            ": it looks like native code, which is loaded from the cache alone"
        }
        _ if bytes.starts_with(b"\x1f\x8b") => ": it looks like gzip",
        _ => ", the first bytes are not `\\0asm`",
    }
}

fn classify(simd: bool, bytes: &[u8], error: &wasmtime::Error) -> Error {
    let plain = validate(bytes, false);
    if let (false, Err(plain)) = (simd, &plain)
        && validate(bytes, true).is_ok()
    {
        return Error::new(
            ErrorCode::SimdDisabled,
            "the code uses SIMD, which this engine has turned off",
        )
        .number("offset", plain.offset() as f64);
    }
    let own = error.downcast_ref::<BinaryReaderError>();
    // Wasmtime turns some validation failures into its own type, which has no public offset.
    let again = if simd { validate(bytes, true) } else { plain }.err();
    match own.or(again.as_ref()) {
        Some(invalid) => refused(
            format!("the code is not valid: {}", invalid.message()),
            invalid.offset(),
        ),
        None if cut_short(bytes) => refused(
            "the code is not valid: it ends inside a nested module or component",
            bytes.len(),
        ),
        None => Error::new(
            ErrorCode::Compile,
            format!("the code could not be compiled: {error:#}"),
        ),
    }
}

/// Whether a nested module or component claims bytes beyond the end: where the cut falls between two
/// of its sections, the validator does not mind, and Wasmtime does.
fn cut_short(bytes: &[u8]) -> bool {
    Parser::new(0)
        .parse_all(bytes)
        .map_while(|payload| payload.ok())
        .any(|payload| match payload {
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => unchecked_range.end > bytes.len(),
            _ => false,
        })
}

/// Validates as Wasmtime 48 does by default in this build (no `gc`, no `threads`), with or without
/// SIMD.
fn validate(bytes: &[u8], simd: bool) -> std::result::Result<(), BinaryReaderError> {
    let mut features = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    features.remove(WasmFeatures::GC_TYPES | WasmFeatures::EXCEPTIONS | WasmFeatures::THREADS);
    features.set(WasmFeatures::SIMD | WasmFeatures::RELAXED_SIMD, simd);
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map(|_| ())
}
