//! Whether an input is a page.

use super::ExtractError;
use crate::html::{Document, Tag};

/// The largest page. The largest documents people read, whole specifications on one page, are about 15 MiB.
pub const MAX_INPUT_BYTES: usize = 32 << 20;

/// Characters looked at to tell text from binary data.
const SAMPLE_CHARS: usize = 8192;

/// Whether the input is worth parsing: not too large, not empty, not binary.
///
/// # Errors
///
/// If it is not.
pub fn check_input(html: &str) -> Result<(), ExtractError> {
    if html.len() > MAX_INPUT_BYTES {
        return Err(ExtractError::ResourceLimit(format!(
            "the page has {} bytes; at most {MAX_INPUT_BYTES} are allowed",
            html.len()
        )));
    }
    let text = html.trim_start_matches('\u{feff}').trim_start();
    if text.is_empty() {
        return Err(ExtractError::InvalidHtml(if html.is_empty() {
            "the page is empty".into()
        } else {
            "the page holds only white space".into()
        }));
    }
    if is_binary(text) {
        return Err(ExtractError::InvalidHtml(
            "the input is binary data, or text decoded with the wrong character set".into(),
        ));
    }
    Ok(())
}

/// Whether the input holds markup: a tag, a comment or a document type.
pub fn has_markup(html: &str) -> bool {
    let bytes = html.as_bytes();
    // Without a `>` after it, no `<` opens anything.
    let Some(last) = memchr::memrchr(b'>', bytes) else {
        return false;
    };
    memchr::memchr_iter(b'<', &bytes[..last]).any(|at| {
        let next = bytes[at + 1];
        next.is_ascii_alphabetic() || matches!(next, b'!' | b'/' | b'?')
    })
}

/// Refuses a page that has neither text nor elements of its own.
pub(super) fn check_content(document: &Document<'_>) -> Result<(), ExtractError> {
    let has_content = document.nodes().any(|id| {
        let own = document.text(id).is_some() || document.tag(id).is_some();
        own && ![Tag::HTML, Tag::HEAD, Tag::BODY]
            .iter()
            .any(|tag| document.is(id, *tag))
    });
    if has_content {
        Ok(())
    } else {
        Err(ExtractError::InvalidHtml(
            "the page has neither text nor elements".into(),
        ))
    }
}

/// Control characters are no text; where every fourth character was not UTF-8 and there is no tag, it is no page.
fn is_binary(text: &str) -> bool {
    let (mut seen, mut controls, mut replaced) = (0usize, 0usize, 0usize);
    for c in text.chars().take(SAMPLE_CHARS) {
        seen += 1;
        controls += usize::from(c.is_ascii_control() && !c.is_ascii_whitespace());
        replaced += usize::from(c == char::REPLACEMENT_CHARACTER);
    }
    // One in 32: a page may hold a stray control character, binary data has one in about nine.
    controls * 32 > seen || (replaced * 4 > seen && !has_markup(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::parse;

    fn refusal(html: &str) -> ExtractError {
        check_input(html)
            .and_then(|()| check_content(&parse(html).expect("parsed")))
            .expect_err("refused")
    }

    #[test]
    fn empty_pages_are_invalid() {
        for html in ["", " \n\t", "\u{feff}", "\u{feff} \n"] {
            assert!(
                matches!(refusal(html), ExtractError::InvalidHtml(_)),
                "{html:?}"
            );
        }
    }

    #[test]
    fn a_page_without_anything_is_invalid() {
        for html in [
            "<!doctype html>",
            "<html><body></body></html>",
            "<!-- -->",
            "</p",
        ] {
            assert!(
                matches!(refusal(html), ExtractError::InvalidHtml(_)),
                "{html:?}"
            );
        }
    }

    #[test]
    fn binary_data_is_invalid() {
        let png = String::from_utf8_lossy(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\x08\x06\0\0\0")
            .into_owned();
        let utf16: String = "<p>text</p>".chars().flat_map(|c| [c, '\0']).collect();
        let noise = "\u{fffd}".repeat(100);
        for html in [png, utf16, noise] {
            assert!(
                matches!(refusal(&html), ExtractError::InvalidHtml(_)),
                "{html:?}"
            );
        }
    }

    #[test]
    fn a_page_in_another_character_set_is_no_binary_data() {
        let html = format!("<p>{}</p>", "\u{fffd}".repeat(100));
        assert!(check_input(&html).is_ok());
    }

    #[test]
    fn a_page_that_is_too_large_is_a_limit() {
        let error = refusal(&" ".repeat(MAX_INPUT_BYTES + 1));
        let ExtractError::ResourceLimit(why) = error else {
            panic!("{error:?}");
        };
        assert!(
            why.contains("33554433") && why.contains("33554432"),
            "{why}"
        );
    }

    #[test]
    fn markup_is_told_from_plain_text() {
        for html in ["<p>", "a <!doctype html>", "</p>", "<?xml?>", "1 < 2 <b>"] {
            assert!(has_markup(html), "{html}");
        }
        for text in ["", "1 < 2 > 0", "a <", "<p", "> <p"] {
            assert!(!has_markup(text), "{text}");
        }
    }
}
