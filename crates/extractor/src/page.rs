//! A page: parsed within limits, so that no input can exhaust the stack or make parsing quadratic.

use crate::bindings::ExtractionError;
use dom_query::{Document, NodeRef};
use html5ever::driver::{ParseOpts, Parser, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeBuilderOpts;

/// The largest page. The largest documents people read, whole specifications on one page, are about 15 MiB.
pub(crate) const MAX_INPUT_BYTES: usize = 32 << 20;

/// The deepest nesting. Browsers stop nesting at 512; the tree builder takes time by the square of the depth,
/// and readability walks some of the tree by recursion.
pub(crate) const MAX_DEPTH: usize = 512;

/// The most nodes: about four times what the largest documents hold. They take some 350 MiB, and three times
/// that while the article is looked for.
pub(crate) const MAX_NODES: usize = 2_000_000;

/// Bytes fed between two looks at the limits. It bounds what can be built beyond a limit.
const PIECE_BYTES: usize = 4096;

/// Characters looked at to tell text from binary data.
const SAMPLE_CHARS: usize = 8192;

/// Whether the input is worth parsing: not too large, not empty, not binary.
pub(crate) fn check_input(html: &str) -> Result<(), ExtractionError> {
    if html.len() > MAX_INPUT_BYTES {
        return Err(ExtractionError::ResourceLimit(format!(
            "the page has {} bytes; at most {MAX_INPUT_BYTES} are allowed",
            html.len()
        )));
    }
    let text = html.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(ExtractionError::InvalidHtml(if html.is_empty() {
            "the page is empty".into()
        } else {
            "the page holds only white space".into()
        }));
    }
    if is_binary(text) {
        return Err(ExtractionError::InvalidHtml(
            "the input is binary data, or text decoded with the wrong character set".into(),
        ));
    }
    Ok(())
}

/// Parses a page that passed [`check_input`].
pub(crate) fn parse(html: &str) -> Result<Document, ExtractionError> {
    // Scripts are off, so that what `noscript` holds counts as content.
    let opts = ParseOpts {
        tree_builder: TreeBuilderOpts {
            scripting_enabled: false,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut parser = parse_document(Document::default(), opts);
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        parser.process(StrTendril::from(piece));
        rest = after;
        check_growth(&parser)?;
    }
    let document = parser.finish();
    check_nodes(document.tree.len())?;
    check_depth(depth(&document))?;
    let has_content = document
        .body()
        .is_some_and(|body| body.first_child().is_some());
    if has_content
        || document
            .head()
            .is_some_and(|head| head.first_child().is_some())
    {
        Ok(document)
    } else {
        Err(ExtractionError::InvalidHtml(
            "the page has neither text nor elements".into(),
        ))
    }
}

/// Whether the input holds markup: a tag, a comment or a document type.
pub(crate) fn has_markup(html: &str) -> bool {
    let bytes = html.as_bytes();
    bytes.windows(2).enumerate().any(|(at, pair)| {
        let opens = pair[0] == b'<'
            && (pair[1].is_ascii_alphabetic() || matches!(pair[1], b'!' | b'/' | b'?'));
        opens && bytes[at..].contains(&b'>')
    })
}

/// The limits while a page is being parsed. The last node of each level leads to where the parser is, except
/// inside tables; the exact depth is taken at the end.
fn check_growth(parser: &Parser<Document>) -> Result<(), ExtractionError> {
    let tree = &parser.tokenizer.sink.sink.tree;
    check_nodes(tree.len())?;
    let mut depth = 0;
    let mut node = tree.root().last_child();
    while let Some(last) = node {
        depth += 1;
        check_depth(depth)?;
        node = last.last_child();
    }
    Ok(())
}

fn check_nodes(nodes: usize) -> Result<(), ExtractionError> {
    if nodes <= MAX_NODES {
        return Ok(());
    }
    Err(ExtractionError::ResourceLimit(format!(
        "the page has at least {nodes} nodes; at most {MAX_NODES} are allowed"
    )))
}

fn check_depth(depth: usize) -> Result<(), ExtractionError> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(ExtractionError::ResourceLimit(format!(
        "the page's elements nest at least {depth} deep; at most {MAX_DEPTH} levels are allowed"
    )))
}

/// The depth of the document's tree, without recursion.
fn depth(document: &Document) -> usize {
    let mut deepest = 0;
    let mut depth = 0usize;
    let mut next = document.root().first_child();
    if next.is_some() {
        depth = 1;
    }
    while let Some(node) = next {
        deepest = deepest.max(depth);
        if let Some(child) = node.first_child() {
            depth += 1;
            next = Some(child);
            continue;
        }
        next = following(node, &mut depth);
    }
    deepest
}

/// The next node in document order that is no descendant of `node`.
fn following<'a>(node: NodeRef<'a>, depth: &mut usize) -> Option<NodeRef<'a>> {
    let mut node = node;
    loop {
        if let Some(sibling) = node.next_sibling() {
            return Some(sibling);
        }
        node = node.parent()?;
        *depth -= 1;
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

    fn refusal(html: &str) -> ExtractionError {
        check_input(html)
            .and_then(|()| parse(html).map(drop))
            .expect_err("refused")
    }

    #[test]
    fn empty_pages_are_invalid() {
        for html in ["", " \n\t", "\u{feff}", "\u{feff} \n"] {
            assert!(
                matches!(refusal(html), ExtractionError::InvalidHtml(_)),
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
                matches!(refusal(html), ExtractionError::InvalidHtml(_)),
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
                matches!(refusal(&html), ExtractionError::InvalidHtml(_)),
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
    fn a_page_too_large_is_refused_with_both_numbers() {
        let ExtractionError::ResourceLimit(why) = refusal(&"a".repeat(MAX_INPUT_BYTES + 1)) else {
            panic!("not a limit");
        };
        assert!(
            why.contains("33554433") && why.contains("33554432"),
            "{why}"
        );
    }

    #[test]
    fn deep_nesting_is_refused_in_linear_time() {
        for tag in [
            "div",
            "b",
            "table><tr><td",
            "ul><li",
            "blockquote",
            "span",
            "svg><g",
        ] {
            let html = format!("<{tag}>").repeat(100_000);
            assert!(
                matches!(refusal(&html), ExtractionError::ResourceLimit(_)),
                "{tag}"
            );
        }
    }

    #[test]
    fn nesting_below_the_limit_is_taken() {
        let html = "<div>".repeat(MAX_DEPTH - 10) + "text";
        let document = parse(&html).expect("parsed");
        assert_eq!(depth(&document), MAX_DEPTH - 10 + 3);
    }

    #[test]
    fn a_closed_deep_part_is_still_found() {
        let html = format!("{}{}<p>text", "<div>".repeat(600), "</div>".repeat(600));
        assert!(matches!(refusal(&html), ExtractionError::ResourceLimit(_)));
    }

    #[test]
    fn pieces_do_not_show_in_the_text() {
        let text = "é&amp;<b>ü</b> ".repeat(2_000);
        let document = parse(&format!("<p>{text}")).expect("parsed");
        assert_eq!(document.select("p").text().as_ref(), "é&ü ".repeat(2_000));
    }

    #[test]
    fn markup_is_told_from_text() {
        for html in ["<p>", "a <b>b</b>", "<!doctype html>", "</p>"] {
            assert!(has_markup(html), "{html}");
        }
        for text in ["a < b", "a <3 > b", "<p", "plain"] {
            assert!(!has_markup(text), "{text}");
        }
    }
}
