//! Anything is rendered, and in linear time: soup, deep nesting, pages made to take long.

use flate2::read::GzDecoder;
use proptest::collection::vec;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use riptide_page::html::{self, NodeId};
use riptide_page::render::{self, Base};
use riptide_page::selection::Selection;
use std::io::Read;

const URL: &str = "https://paper.example/2026/page";

/// The chosen part in all forms.
fn render_all(html: &str) -> render::Rendered {
    let document = html::parse(html).expect("a page");
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    let base = Base::new(&document, URL);
    render::links(&document, &[NodeId::DOCUMENT], &base);
    render::media(&document, &[NodeId::DOCUMENT], &base);
    render::render(&document, &selection, &base)
}

/// All text that a parser finds in Markdown, without white space and pictures.
fn text_of(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::new();
    let mut images = 0;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Image { .. }) => images += 1,
            Event::End(TagEnd::Image) => images -= 1,
            Event::Text(text) | Event::Code(text) if images == 0 => out.push_str(&text),
            Event::Html(text) | Event::InlineHtml(text) => out.push_str(&text),
            _ => {}
        }
    }
    out.retain(|c| !c.is_whitespace());
    out
}

/// Markdown holds the text, and nothing but the text.
fn assert_same_text(html: &str, rendered: &render::Rendered) -> Result<(), TestCaseError> {
    let mut text = rendered.text.clone();
    text.retain(|c| !c.is_whitespace());
    let found = text_of(&rendered.markdown);
    if found != text {
        let at = found
            .bytes()
            .zip(text.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let around = |text: &str| {
            let from = text.floor_char_boundary(at.saturating_sub(30));
            text[from..].chars().take(80).collect::<String>()
        };
        let page = &html[..html.floor_char_boundary(2_000)];
        let lines = &rendered.markdown[..rendered.markdown.floor_char_boundary(2_000)];
        return Err(TestCaseError::fail(format!(
            "\n{}\nwhere the text has\n{}\npage: {page}\nmarkdown:\n{lines}",
            around(&found),
            around(&text)
        )));
    }
    Ok(())
}

#[test]
fn pages_are_read_back_to_their_text() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pages/articles");
    let Ok(files) = std::fs::read_dir(folder) else {
        eprintln!("skipped: there are no labelled pages");
        return;
    };
    let mut faults = Vec::new();
    for file in files {
        let path = file.expect("a file").path();
        let packed = std::fs::File::open(&path).expect("a page");
        let mut bytes = Vec::new();
        GzDecoder::new(packed)
            .read_to_end(&mut bytes)
            .expect("a packed page");
        let html = String::from_utf8_lossy(&bytes);
        let rendered = render_all(&html);
        if let Err(fault) = assert_same_text("", &rendered) {
            let shown = fault.to_string();
            let shown = shown.split("\npage:").next().unwrap_or_default().to_owned();
            faults.push(format!("{}: {shown}", path.display()));
        }
    }
    assert!(
        faults.is_empty(),
        "{} pages: {}",
        faults.len(),
        faults.join("\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_soup_is_rendered(
        parts in vec(prop::sample::select(SOUP.to_vec()), 0..40),
        chosen in vec((any::<u16>(), 0u16..8), 0..4),
    ) {
        let html = parts.concat();
        let rendered = render_all(&html);
        prop_assert!(!rendered.text.contains("\n\n\n") || html.contains("<pre") || html.contains("<x"));
        prop_assert_eq!(rendered.text.trim_end(), rendered.text.as_str());
        // Captions stand before their tables in Markdown, wherever the page has them.
        if !html.contains("<caption>") {
            assert_same_text(&html, &rendered)?;
        }
        let document = html::parse(&html).expect("a page");
        let mut selection = Selection::nothing(&document);
        for (first, length) in chosen {
            let first = u32::from(first) % document.len() as u32;
            selection.insert_range(&document, NodeId(first), NodeId(first + u32::from(length)));
        }
        render::render(&document, &selection, &Base::default());
        render::links(&document, &[NodeId::DOCUMENT], &Base::default());
    }
}

const SOUP: &[&str] = &[
    "a",
    " ",
    "b c",
    "\n",
    "1.",
    "- ",
    "*",
    "|",
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<b>",
    "</b>",
    "<i>",
    "<a href=x>",
    "<a href='#n'>",
    "</a>",
    "<sup>",
    "</sup>",
    "<ul>",
    "</ul>",
    "<ol start=3>",
    "<li>",
    "<li value=9>",
    "<dl>",
    "<dt>",
    "<dd>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<td colspan=3>",
    "<td rowspan=0>",
    "<th rowspan=2>",
    "<caption>",
    "<thead>",
    "<h1>",
    "<h2>",
    "</h2>",
    "<button>",
    "<pre>",
    "</pre>",
    "<code>",
    "</code>",
    "<br>",
    "<hr>",
    "<img src=i>",
    "<img>",
    "<noscript>",
    "</noscript>",
    "<math>",
    "<mi>",
    "</math>",
    "<svg>",
    "</svg>",
    "<ruby>",
    "<rt>",
    "<rp>",
    "<q>",
    "<details>",
    "<summary>",
    "<figure>",
    "<figcaption>",
    "<blockquote>",
    "</blockquote>",
    "<template shadowrootmode=open>",
    "<slot>",
    "<slot name=s>",
    "</slot>",
    "<i slot=s>",
    "</template>",
    "<x-y>",
    "</x-y>",
    "<select>",
    "<option>",
    "<xmp>",
    "<div class=admonition>",
    "<p class=admonition-title>",
    "<td class=lineno>",
    "<script type='math/tex'>",
    "</script>",
    "<video src=v>",
    "</video>",
    "<div role=heading aria-level=2>",
];

/// Documents deeper than the parser makes them: others build documents too.
fn deep(names: &[&str], depth: usize) -> String {
    use riptide_page::html::{Builder, Namespace};
    let source = "x y ";
    let mut builder = Builder::new(source);
    let tags: Vec<_> = names.iter().map(|name| builder.tag(name)).collect();
    let href = builder.attribute("href");
    for _ in 0..depth {
        for tag in &tags {
            builder.open(*tag, Namespace::Html, &[(href, Builder::borrowed(0, 1))]);
        }
        builder.text(Builder::borrowed(0, 4));
    }
    let document = builder.finish();
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    let base = Base::default();
    render::links(&document, &[NodeId::DOCUMENT], &base);
    render::media(&document, &[NodeId::DOCUMENT], &base);
    let rendered = render::render(&document, &selection, &base);
    assert_eq!(
        rendered.text.split_whitespace().count(),
        2 * depth,
        "{names:?}"
    );
    assert!(
        rendered.markdown.len() < 200 * depth,
        "{names:?}: {}",
        rendered.markdown.len()
    );
    rendered.markdown
}

#[test]
fn deep_nesting_is_rendered_in_linear_time() {
    let started = std::time::Instant::now();
    for names in [
        &["div"][..],
        &["ul", "li"],
        &["ol", "li"],
        &["blockquote"],
        &["b"],
        &["a"],
        &["h2"],
        &["code"],
        &["pre"],
        &["table", "tr", "td"],
        &["table"],
        &["td"],
        &["span"],
        &["sup", "a"],
        &["dl", "dt"],
        &["figure"],
        &["ul"],
        &["details", "summary"],
    ] {
        deep(names, 10_000);
    }
    // Some tenths of a second.
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn pages_made_to_take_long_do_not() {
    let started = std::time::Instant::now();
    let many = |part: &str, times: usize| part.repeat(times);
    for page in [
        many("<b>*</b><i>a</i>", 50_000),
        many("<ul><li>a", 300) + &many("<li>b", 100_000),
        many("<table><tr><td rowspan=65534 colspan=1000>a", 2_000),
        "<table>".to_owned() + &many("<tr><td rowspan=9999>a<td>b", 20_000),
        many("<noscript><img src=a></noscript>", 50_000),
        many("<img>", 50_000) + "a",
        many("<a href=x><sup>1</sup>", 50_000),
        "<h1>".to_owned() + &many("<span>[<a href=edit>x</a>]", 20_000),
        "<ol>".to_owned() + &many("<li>a<li>", 50_000),
        many("<math display=block><mi>a</mi></math>", 30_000),
        many("*_~`[](<&!|\\", 50_000),
        many(
            "<x-a><template shadowrootmode=open><slot></slot></template>a</x-a>",
            20_000,
        ),
        format!(
            "<p {}>a",
            (0..60_000).map(|n| format!(" a{n}")).collect::<String>()
        ) + &many("<img src=a>", 20_000),
        "<x-a><template shadowrootmode=open><slot name=a></slot></template>".to_owned()
            + &many("<i slot=a>b</i>", 50_000),
        "<img srcset='".to_owned() + &many("a 1w,", 100_000) + "'>b",
    ] {
        render_all(&page);
    }
    // Some seconds at most on a slow machine; quadratic work would take minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
