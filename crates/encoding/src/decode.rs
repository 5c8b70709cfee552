//! Which encoding a page has, and the page as UTF-8.

use crate::label::encoding_of;
use crate::meta::declared_in_meta;
use crate::xml::{declared_in_xml, utf16_of_xml};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// How far the HTML standard's prescan looks, in bytes.
const PRESCAN_BYTES: usize = 1024;

/// A page's bytes as UTF-8, without a byte order mark. Bytes that are no characters of the page's encoding become U+FFFD.
/// Borrowed where the bytes are UTF-8 already.
///
/// The encoding is the first of these that there is, as in the HTML standard:
/// 1. that of the byte order mark;
/// 2. the one that `label` names, which is the `charset` of the `content-type` header;
/// 3. the one that the first `<meta>` with a known label names, wherever it stands; a label of UTF-16 means UTF-8 there, and
///    `x-user-defined` windows-1252. After 64 unknown labels no further `<meta>` counts;
/// 4. one that only looks like a `<meta>`, as inside of a script, in the first 1,024 bytes;
/// 5. that of an XML declaration;
/// 6. UTF-8 if the bytes are valid;
/// 7. windows-1252.
///
/// An unknown label is as if it were absent; so is one of more than 64 bytes.
pub fn to_utf8<'a>(bytes: &'a [u8], label: Option<&str>) -> Cow<'a, str> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (Some(encoding), mark),
        None => (named(bytes, label), 0),
    };
    let bytes = &bytes[mark..];
    match encoding {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
        None => UTF_8
            .decode_without_bom_handling_and_without_replacement(bytes)
            .unwrap_or_else(|| WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// The encoding that the header or the page itself names.
fn named(bytes: &[u8], label: Option<&str>) -> Option<&'static Encoding> {
    if let Some(encoding) = label.and_then(|label| encoding_of(label.as_bytes())) {
        return Some(encoding);
    }
    if let Some(encoding) = utf16_of_xml(bytes) {
        return Some(encoding);
    }
    let head = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    declared_in_meta(bytes, true)
        .or_else(|| declared_in_meta(head, false))
        .or_else(|| declared_in_xml(head))
}
