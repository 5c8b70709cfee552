//! The encoding in an XML declaration (HTML standard, 13.2.3.2, "get an XML encoding").

use crate::label::encoding_of_xml;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use memchr::memchr;
use memchr::memmem::find;

/// The encoding of a page that begins with `<?x` in UTF-16.
pub(crate) fn utf16_of_xml(page: &[u8]) -> Option<&'static Encoding> {
    if page.starts_with(b"<\0?\0x\0") {
        Some(UTF_16LE)
    } else if page.starts_with(b"\0<\0?\0x") {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The encoding that the XML declaration at the very beginning of `head` names, if it is there whole.
pub(crate) fn declared_in_xml(head: &[u8]) -> Option<&'static Encoding> {
    if !head.starts_with(b"<?xml") {
        return None;
    }
    let declaration = &head[..memchr(b'>', head)?];
    let rest = &declaration[find(declaration, b"encoding")? + b"encoding".len()..];
    let rest = trimmed(trimmed(rest).strip_prefix(b"=")?);
    let (&quote, rest) = rest.split_first()?;
    if quote != b'"' && quote != b'\'' {
        return None;
    }
    let label = &rest[..memchr(quote, rest)?];
    if label.iter().any(|&byte| byte <= b' ') {
        return None;
    }
    encoding_of_xml(label)
}

/// Without the control characters and spaces that it begins with, all of which are white space here.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte > b' ');
    &bytes[start.unwrap_or(bytes.len())..]
}
