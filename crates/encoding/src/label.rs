//! The encodings that labels name.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// The longest label that is looked up, in bytes: no label of the Encoding Standard has a third of it, and a page may hold
/// megabytes of white space around one.
const LONGEST_LABEL: usize = 64;

/// The encoding that a label names, as the Encoding Standard has it. `None` for an unknown label.
pub(crate) fn encoding_of(label: &[u8]) -> Option<&'static Encoding> {
    if label.len() > LONGEST_LABEL {
        return None;
    }
    Encoding::for_label(label)
}

/// The encoding that a label means in an XML declaration: a page whose declaration was read as ASCII is no UTF-16.
pub(crate) fn encoding_of_xml(label: &[u8]) -> Option<&'static Encoding> {
    let encoding = encoding_of(label)?;
    Some(if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else {
        encoding
    })
}

/// The encoding that a label means in a `<meta>`: as in an XML declaration, and `x-user-defined` is windows-1252.
pub(crate) fn encoding_of_meta(label: &[u8]) -> Option<&'static Encoding> {
    let encoding = encoding_of_xml(label)?;
    Some(if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    })
}
