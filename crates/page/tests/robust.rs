//! Any text is a page: soup, pages cut short, and pages made to take long.

#[path = "oracle/mod.rs"]
mod oracle;

use flate2::read::GzDecoder;
use proptest::prelude::*;
use riptide_page::html::{self, Document, NodeId, ParseError};
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A parent stands before its children, and what is below a node is a range within the parent's.
fn assert_well_formed(document: &Document<'_>) {
    let mut last_text = None;
    for id in document.nodes() {
        let parent = document.parent(id).expect("a parent");
        assert!(parent < id);
        assert!(document.end(id) > id && document.end(id) <= document.end(parent));
        if document.tag(id).is_none() {
            assert_eq!(document.end(id).0, id.0 + 1);
        }
        if let Some(text) = document.text(id) {
            assert!(!text.is_empty());
            let before = last_text.replace((parent, id));
            let is_beside =
                before.is_some_and(|(its, at): (NodeId, NodeId)| its == parent && at.0 + 1 == id.0);
            assert!(!is_beside, "text beside text");
        }
        for (name, _) in document.attributes(id) {
            assert!(!document.attribute_name(name).is_empty());
        }
    }
    assert_eq!(document.end(NodeId::DOCUMENT).index(), document.len());
}

/// Elements and text in document order, with their depths.
fn outline(document: &Document<'_>) -> String {
    let mut out = String::new();
    let mut depths = vec![0usize; document.len()];
    for id in document.nodes() {
        let depth = depths[document.parent(id).expect("a parent").index()] + 1;
        depths[id.index()] = depth;
        let indent = " ".repeat(depth);
        if let Some(text) = document.text(id) {
            out += &format!("{indent}{text:?}\n");
        } else if let Some(tag) = document.tag(id) {
            out += &format!("{indent}<{}", document.tag_name(tag));
            for (name, value) in document.attributes(id) {
                // The oracle leaves out the prefix in SVG and MathML.
                let name = document.attribute_name(name);
                let name = name.rsplit(':').next().unwrap_or(name);
                out += &format!(" {name}={value:?}");
            }
            out += ">\n";
        }
    }
    out
}

const NAMES: &[&str] = &[
    "a",
    "b",
    "i",
    "nobr",
    "font",
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "dd",
    "dt",
    "h1",
    "h2",
    "table",
    "tbody",
    "tr",
    "td",
    "th",
    "caption",
    "colgroup",
    "col",
    "select",
    "option",
    "optgroup",
    "button",
    "form",
    "input",
    "svg",
    "math",
    "title",
    "style",
    "script",
    "textarea",
    "noscript",
    "iframe",
    "body",
    "html",
    "head",
    "frameset",
    "frame",
    "br",
    "hr",
    "img",
    "pre",
    "ruby",
    "rt",
    "rp",
    "rb",
    "rtc",
    "span",
    "object",
    "marquee",
    "applet",
    "plaintext",
    "xmp",
    "x-y",
    "address",
    "center",
    "meta",
    "link",
    "base",
    "image",
];

fn soup() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(NAMES);
    let attribute = prop::sample::select(
        &[
            "",
            " class=a",
            " id='b&amp;c'",
            " href=\"x&#65;\ry\"",
            " A=1 a=2",
            " type=hidden",
            " color=red",
            " a",
            " encoding=text/html",
            "/",
            " x=&lt;",
            " b=1 a=2",
        ][..],
    );
    let text = prop::sample::select(
        &[
            "text",
            " ",
            "\n",
            "a\r\nb",
            "&amp;",
            "&notit;",
            "&#x80;",
            "\0",
            "<",
            "</",
            "<!",
            "é",
            "&",
            " x ",
            "\u{c}",
            "<!--c-->",
            "<!-- <p> -->",
            "<!doctype html>",
            "<![CDATA[x]]>",
            "<?pi>",
            "]]>",
            "--!>",
            "<!-->",
            "<!--<script>",
            "</>",
        ][..],
    );
    let piece = prop_oneof![
        4 => (name(), attribute).prop_map(|(name, attribute)| format!("<{name}{attribute}>")),
        3 => name().prop_map(|name| format!("</{name}>")),
        3 => text.prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Whether the page may have what the oracle does otherwise than the standard says.
fn oracle_differs(html: &str) -> bool {
    let has = |part| html.contains(part);
    // `title` of SVG is special.
    (has("<svg") && has("<title"))
        // A document type ends a run of text in a table.
        || (has("<table") && has("<!doctype"))
        // `</>` is no token, so that a line end after it is still the first one in `pre`.
        || (has("<pre") && has("</>"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn soup_gives_the_tree_of_the_oracle(html in soup()) {
        let document = html::parse(&html).expect("parsed");
        assert_well_formed(&document);
        if oracle_differs(&html) {
            return Ok(());
        }
        prop_assert_eq!(outline(&document), outline(&oracle::document(&html)), "{}", html);
    }

    #[test]
    fn any_text_is_a_page(html in "\\PC{0,60}|[<>/!?&;#a-cx\\-\\[\\]'\"= \0\r\n]{0,80}") {
        let document = html::parse(&html).expect("parsed");
        assert_well_formed(&document);
        prop_assert_eq!(
            document.text_content(NodeId::DOCUMENT),
            oracle::document(&html).text_content(NodeId::DOCUMENT)
        );
    }
}

fn pages(limit: usize) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pages/articles");
    let Ok(files) = std::fs::read_dir(folder) else {
        eprintln!("skipped: ../shared has no pages");
        return Vec::new();
    };
    files
        .take(limit)
        .map(|file| {
            let file = std::fs::File::open(file.expect("an entry").path()).expect("a page");
            let mut bytes = Vec::new();
            GzDecoder::new(file).read_to_end(&mut bytes).expect("gzip");
            String::from_utf8_lossy(&bytes).into_owned()
        })
        .collect()
}

#[test]
fn pages_cut_anywhere_are_pages() {
    for page in pages(8) {
        for cut in (0..page.len()).step_by(page.len() / 40 + 1) {
            let part = &page[..page.floor_char_boundary(cut)];
            assert_well_formed(&html::parse(part).expect("parsed"));
        }
    }
}

#[test]
fn pages_give_the_tree_of_the_oracle() {
    for page in pages(usize::MAX) {
        let document = html::parse(&page).expect("parsed");
        assert_well_formed(&document);
        let (ours, theirs) = (outline(&document), outline(&oracle::document(&page)));
        let differ = ours
            .lines()
            .zip(theirs.lines())
            .find(|(ours, theirs)| ours != theirs);
        assert_eq!(differ, None);
        assert_eq!(ours.len(), theirs.len());
    }
}

#[test]
fn deep_nesting_is_flattened_and_keeps_all_text() {
    let html = format!(
        "{}text{}after",
        "<div>".repeat(10_000),
        "</div>".repeat(10_000)
    );
    let document = html::parse(&html).expect("parsed");
    assert_well_formed(&document);
    let depth = document
        .nodes()
        .map(|id| document.ancestors(id).count())
        .max();
    assert_eq!(depth, Some(514));
    let after = document.nodes().last().expect("a node");
    assert_eq!(document.text(after), Some("after"));
    assert_eq!(document.ancestors(after).count(), 3);
    assert_eq!(document.text_content(NodeId::DOCUMENT), "textafter");
}

#[test]
fn too_much_is_refused_with_both_numbers() {
    let html = " ".repeat(html::MAX_BYTES + 1);
    let error = html::parse(&html).err().expect("refused");
    assert_eq!(
        error,
        ParseError::TooLarge {
            bytes: html::MAX_BYTES + 1,
            allowed: html::MAX_BYTES
        }
    );
    let html = "<br>".repeat(html::MAX_NODES + 1);
    let error = html::parse(&html).err().expect("refused");
    assert!(matches!(
        error,
        ParseError::TooManyNodes {
            allowed: html::MAX_NODES,
            ..
        }
    ));
    assert!(error.to_string().contains("8000000"));
}

/// The time that this thread has run: other work on the machine does not count.
fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    ran.map_or_else(
        || START.get_or_init(Instant::now).elapsed(),
        Duration::from_nanos,
    )
}

/// The least time of three in which a page is parsed so many times.
fn time(html: &str, times: usize) -> Duration {
    let once = || {
        let start = now();
        for _ in 0..times {
            let _ = html::parse(html);
        }
        now() - start
    };
    (0..3).map(|_| once()).min().expect("a time")
}

#[test]
fn time_grows_with_the_length_only() {
    let repeated: [(&str, &str, &str); 27] = [
        ("", "<div>", ""),
        ("", "<b>", ""),
        ("", "<table><tr><td>", ""),
        ("", "<ul><li>", ""),
        ("", "<p><span>", ""),
        ("", "<svg><g>", ""),
        ("<svg>", "<g></x>", ""),
        ("", "<a><div>", ""),
        ("", "<b><p>", ""),
        ("<b>", "<div></b>", ""),
        ("", "<span></x>", ""),
        ("", "<table><a>", ""),
        ("<table>", "x</b> </b>", ""),
        ("<ul>", "<div><li></li>", ""),
        ("<p>", "<button><div><p></div>", ""),
        ("<div", " a=1", ">"),
        ("", "<!--", ""),
        ("", "<!-- >", ""),
        ("<script>", "<!--<script>", ""),
        ("<title>", "</titl", ""),
        ("", "&amp;<x>", ""),
        ("", "&abcdefghijklmnopqrstuvwxyzabcdefgh", ""),
        ("", "\0\r", ""),
        ("", "<template>", ""),
        ("", "<select><option>", ""),
        ("", "<form><table><tr></form>", ""),
        ("", "<html a=1><body b=2>", ""),
    ];
    for (before, piece, after) in repeated {
        let page = |count: usize| format!("{before}{}{after}", piece.repeat(count));
        grows_linearly(piece, page);
    }
    grows_linearly("attributes", |count| {
        let attributes: String = (0..count).map(|it| format!(" a{it}={it}")).collect();
        format!("<div{attributes}>")
    });
    grows_linearly("formatting", |count| {
        let tags: String = (0..count / 8).map(|it| format!("<b id={it}>")).collect();
        format!(
            "{tags}{}{}",
            "<div>".repeat(count / 8),
            "</b>".repeat(count / 8)
        )
    });
    grows_linearly("root attributes", |count| {
        (0..count).map(|it| format!("<html a{it}=&amp;>")).collect()
    });
    grows_linearly("tags", |count| {
        (0..count).map(|it| format!("<x{it}>")).collect()
    });
}

/// Sixteen times as much takes at most sixteen times as long, by a factor for what no longer fits in caches; by the square
/// it would be another sixteen.
fn grows_linearly(name: &str, page: impl Fn(usize) -> String) {
    let (small, large) = (time(&page(6_000), 16), time(&page(96_000), 1));
    eprintln!("{name}: {small:?}, {large:?}");
    assert!(
        large < small * 4 + Duration::from_millis(20),
        "{name}: {small:?}, {large:?}"
    );
}
