//! The text format of WebAssembly.

use crate::error::{Error, ErrorCode, Result};

/// Converts the text format to bytes.
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
