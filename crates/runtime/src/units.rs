//! Units that more than one part counts in.

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 64 * 1024;

/// Pages that hold these bytes: the last one may be partly used.
pub fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_BYTES)
}
