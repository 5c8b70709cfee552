//! Why bytes did not compile: what they are instead, and where they are wrong.

use crate::error::{Error, ErrorCode};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Engine;
use wasmtime_environ::WasmError;

/// The failure of bytes that are not valid at this offset.
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

/// The failure for Wasmtime's `error`, found by validating the bytes with the engine's features and with more.
pub(super) fn classify(engine: &Engine, bytes: &[u8], error: &wasmtime::Error) -> Error {
    let had = engine.get_wasm_features();
    match needed(bytes, had) {
        Needed::Nothing if cut_short(bytes) => refused(
            "the code is not valid: it ends inside a nested module or component",
            bytes.len(),
        ),
        Needed::Nothing => {
            if let Some(invalid) = error.downcast_ref::<BinaryReaderError>() {
                return not_valid(invalid);
            }
            let own = error.chain().find_map(|cause| cause.downcast_ref());
            if let Some(WasmError::Unsupported(feature)) = own {
                return unsupported(feature);
            }
            let message = format!("the code could not be compiled: {error:#}");
            Error::new(ErrorCode::Compile, message)
        }
        Needed::Never(invalid) => not_valid(&invalid),
        Needed::Features { lacking, offset } => {
            let other = lacking - SIMD;
            if other.is_empty() {
                let message = "the code uses SIMD, which this engine has turned off";
                return Error::new(ErrorCode::SimdDisabled, message)
                    .number("offset", offset as f64);
            }
            unsupported(&name(bytes, had | lacking, other)).number("offset", offset as f64)
        }
    }
}

fn unsupported(feature: &str) -> Error {
    let message = format!("the code needs what is not supported: {feature}");
    Error::new(ErrorCode::Unsupported, message).text("feature", feature)
}

fn not_valid(error: &BinaryReaderError) -> Error {
    refused(
        format!("the code is not valid: {}", error.message()),
        error.offset(),
    )
}

const SIMD: WasmFeatures = WasmFeatures::SIMD.union(WasmFeatures::RELAXED_SIMD);

/// The features that would make code valid.
enum Needed {
    /// None: the code is valid.
    Nothing,
    /// Features, the first of which is needed at this offset.
    Features {
        lacking: WasmFeatures,
        offset: usize,
    },
    /// No feature would make it valid.
    Never(BinaryReaderError),
}

/// Turns on the features that the validator misses, one after another.
fn needed(bytes: &[u8], had: WasmFeatures) -> Needed {
    let mut lacking = WasmFeatures::empty();
    let mut first = 0;
    while let Err(error) = validate(bytes, had | lacking) {
        match error.missing_wasm_feature() {
            Some(feature) if !(had | lacking).contains(feature) => {
                if lacking.is_empty() {
                    first = error.offset();
                }
                lacking |= feature;
            }
            _ => return Needed::Never(error),
        }
    }
    if lacking.is_empty() {
        return Needed::Nothing;
    }
    Needed::Features {
        lacking,
        offset: first,
    }
}

/// Whether the code is valid with the features of this engine.
pub(super) fn is_valid(engine: &Engine, bytes: &[u8]) -> bool {
    validate(bytes, engine.get_wasm_features()).is_ok()
}

fn validate(bytes: &[u8], features: WasmFeatures) -> std::result::Result<(), BinaryReaderError> {
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map(|_| ())
}

/// The features by the names that Wasmtime's command line gives them. `enough`: those with which the code is valid.
fn name(bytes: &[u8], enough: WasmFeatures, lacking: WasmFeatures) -> String {
    // Continuations are garbage-collected too, so stack switching alone is named.
    let implied = if lacking.contains(WasmFeatures::STACK_SWITCHING) {
        WasmFeatures::GC_TYPES
    } else {
        WasmFeatures::empty()
    };
    let names: Vec<String> = (lacking - implied)
        .iter_names()
        .map(|(name, feature)| {
            if feature == WasmFeatures::GC_TYPES {
                // The engine has the GC proposal, but no collector: `externref` needs only the collector.
                let collected = validate(bytes, enough - WasmFeatures::GC).is_err();
                return if collected { "gc" } else { "externref" }.to_owned();
            }
            let name = name.to_lowercase().replace('_', "-");
            match name.strip_prefix("cm-") {
                Some(rest) => format!("component-model-{rest}"),
                None => name,
            }
        })
        .collect();
    names.join(", ")
}

/// Whether a nested module or component claims bytes beyond the end. If the cut falls between two of its sections, the
/// validator accepts it, but Wasmtime does not.
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
