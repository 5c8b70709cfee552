//! Values as text: white space collapsed, leftover character references resolved, the text of an element.

use crate::html::{Attr, Document, Namespace, NodeId, Tag};
use std::borrow::Cow;

/// Nodes that are looked at for the text of one element: names, dates and titles are short.
const MAX_NODES: u32 = 256;

/// Where an element begins or ends that has lines of its own.
const LINE: char = '\u{1e}';

/// Where inline elements meet in the middle of a word that two may be.
const SEAM: char = '\u{1f}';

/// The text with white space collapsed and leftover character references resolved; `None` if nothing is left.
pub(super) fn clean(text: &str) -> Option<String> {
    let text = decode(text);
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || is_invisible(c)) {
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Characters that break words or steer, and show nothing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}'
        )
}

/// Resolves the references that pages leave in values by escaping twice, or in JSON, which has no references.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((character, length)) => {
                out.push(character);
                rest = &rest[length..];
                // Escaped twice: `&amp;#39;`.
                if character == '&'
                    && let Some((character, length)) = reference_after_ampersand(rest)
                {
                    out.pop();
                    out.push(character);
                    rest = &rest[length..];
                }
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character reference at the beginning, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    let (character, length) = reference_after_ampersand(text.strip_prefix('&')?)?;
    Some((character, length + 1))
}

fn reference_after_ampersand(text: &str) -> Option<(char, usize)> {
    // The longest name is `hellip`, the longest number `#x10ffff`.
    let end = text.bytes().take(10).position(|b| b == b';')?;
    let name = &text[..end];
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" | "QUOT" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "laquo" => '«',
        "raquo" => '»',
        "hellip" => '…',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            windows_1252(code).or_else(|| char::from_u32(code))?
        }
    };
    Some((character, end + 1))
}

/// Numbers of C1 controls that mean the quotes and dashes of Windows-1252, as in HTML.
fn windows_1252(code: u32) -> Option<char> {
    Some(match code {
        0x85 => '…',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        _ => return None,
    })
}

/// Elements that begin a new line of text, so that words on both sides are two.
pub(super) fn breaks(tag: Tag) -> bool {
    !matches!(
        tag,
        Tag::A
            | Tag::ABBR
            | Tag::ACRONYM
            | Tag::B
            | Tag::BDI
            | Tag::BDO
            | Tag::BIG
            | Tag::CITE
            | Tag::CODE
            | Tag::DATA
            | Tag::DEL
            | Tag::DFN
            | Tag::EM
            | Tag::FONT
            | Tag::I
            | Tag::INS
            | Tag::KBD
            | Tag::MARK
            | Tag::Q
            | Tag::RUBY
            | Tag::S
            | Tag::SAMP
            | Tag::SMALL
            | Tag::SPAN
            | Tag::STRIKE
            | Tag::STRONG
            | Tag::SUB
            | Tag::SUP
            | Tag::TIME
            | Tag::TT
            | Tag::U
            | Tag::VAR
            | Tag::WBR
    )
}

/// Elements whose text nobody reads as text.
pub(super) fn is_unread(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    document.namespace(id) != Namespace::Html
        || matches!(
            tag,
            Tag::SCRIPT
                | Tag::STYLE
                | Tag::TEMPLATE
                | Tag::NOSCRIPT
                | Tag::BUTTON
                | Tag::SELECT
                | Tag::TEXTAREA
                | Tag::IFRAME
                | Tag::OBJECT
                | Tag::RT
                | Tag::RP
        )
}

/// The text of an element, white space collapsed; `None` if it is empty, or longer than `most` bytes.
pub(super) fn text_of(document: &Document<'_>, id: NodeId, most: usize) -> Option<String> {
    let text = raw_text(document, id, most)?.replace(SEAM, "");
    clean(&text).filter(|text| text.len() <= most)
}

/// The text of an element by lines, white space collapsed; empty if it is longer than `most` bytes. Two inline elements
/// that meet without white space, the one ending in lower case and the other beginning in upper case, are two lines.
pub(super) fn lines_of(document: &Document<'_>, id: NodeId, most: usize) -> Vec<String> {
    let text = raw_text(document, id, most).filter(|text| text.len() <= 2 * most);
    let text = text.unwrap_or_default();
    let lines: Vec<String> = text.split([LINE, SEAM]).filter_map(clean).collect();
    let length: usize = lines.iter().map(String::len).sum();
    if length <= most { lines } else { Vec::new() }
}

/// All text, with marks where lines begin and end, and where inline elements meet.
fn raw_text(document: &Document<'_>, id: NodeId, most: usize) -> Option<String> {
    let mut out = String::new();
    let end = document.end(id).0.min(id.0 + MAX_NODES);
    let mut at = id.0;
    // Where elements that begin new lines end, the innermost last.
    let mut ends: Vec<u32> = Vec::new();
    while at < end {
        while ends.last().is_some_and(|end| *end <= at) {
            ends.pop();
            out.push(LINE);
        }
        let node = NodeId(at);
        if let Some(text) = document.text(node) {
            let seam = out.ends_with(char::is_lowercase) && text.starts_with(char::is_uppercase);
            out.extend(seam.then_some(SEAM));
            out.push_str(head(text, 4 * most + 64));
            if out.len() > 8 * most + 256 {
                return None;
            }
        } else if let Some(tag) = document.tag(node).filter(|_| node != id) {
            if is_unread(document, node, tag) || document.attribute(node, Attr::HIDDEN).is_some() {
                at = document.end(node).0;
                continue;
            }
            if breaks(tag) {
                out.push(LINE);
                ends.push(document.end(node).0);
            }
        }
        at += 1;
    }
    Some(out)
}

/// The beginning of a text, at most so many bytes.
pub(super) fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Lower-case words, as the order of sources compares titles.
pub(super) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    out
}
