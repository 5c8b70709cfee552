//! Why bytes did not compile: what they are instead, and where they are wrong.

use crate::error::{Error, ErrorCode};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

/// Not valid, at this offset.
pub(super) fn refused(message: impl Into<String>, offset: usize) -> Error {
    Error::new(ErrorCode::Compile, message).number("offset", offset as f64)
}

/// What bytes that are not WebAssembly probably are, for the message.
pub(super) fn looks_like(bytes: &[u8]) -> &'static str {
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

/// The failure behind what Wasmtime said.
pub(super) fn classify(simd: bool, bytes: &[u8], error: &wasmtime::Error) -> Error {
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
pub(super) fn validate(bytes: &[u8], simd: bool) -> std::result::Result<(), BinaryReaderError> {
    let mut features = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    features.remove(WasmFeatures::GC_TYPES | WasmFeatures::EXCEPTIONS | WasmFeatures::THREADS);
    features.set(WasmFeatures::SIMD | WasmFeatures::RELAXED_SIMD, simd);
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map(|_| ())
}
