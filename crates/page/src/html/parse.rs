//! Parsing a page.

use super::construct::Constructor;
use super::document::Document;
use std::fmt;

/// The largest page in bytes: the largest documents people read, whole specifications on one page, are about 15 MiB.
pub const MAX_BYTES: usize = 64 << 20;

/// The most nodes of a page: about sixteen times what the largest documents hold, in 160 MB.
pub const MAX_NODES: usize = 8_000_000;

/// Why a page was not parsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// It is too large.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The bytes that are allowed.
        allowed: usize,
    },
    /// It has too many elements and pieces of text.
    TooManyNodes {
        /// The nodes there were when parsing was given up.
        nodes: usize,
        /// The nodes that are allowed.
        allowed: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::TooLarge { bytes, allowed } => {
                write!(
                    f,
                    "the page has {bytes} bytes; at most {allowed} are allowed"
                )
            }
            ParseError::TooManyNodes { nodes, allowed } => {
                write!(
                    f,
                    "the page has at least {nodes} nodes; at most {allowed} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// Parses a page by the rules of the HTML standard, with scripting off: what `noscript` holds is content.
///
/// Any text is a page. Elements nested deeper than 512 stand side by side, as in browsers; the contents of a `template`
/// are its children.
///
/// # Errors
///
/// If the page has more bytes than [`MAX_BYTES`] or more nodes than [`MAX_NODES`].
pub fn parse(html: &str) -> Result<Document<'_>, ParseError> {
    if html.len() > MAX_BYTES {
        return Err(ParseError::TooLarge {
            bytes: html.len(),
            allowed: MAX_BYTES,
        });
    }
    let mut constructor = Constructor::new(html);
    match constructor.run(MAX_NODES) {
        Ok(()) => Ok(constructor.finish()),
        Err(nodes) => Err(ParseError::TooManyNodes {
            nodes,
            allowed: MAX_NODES,
        }),
    }
}
