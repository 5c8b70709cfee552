//! Anything is rendered, and in linear time: soup, deep nesting, pages made to take long.

use proptest::collection::vec;
use proptest::prelude::*;
use riptide_page::html::{self, NodeId};
use riptide_page::render::{self, Base};
use riptide_page::selection::Selection;

const URL: &str = "https://paper.example/2026/page";

/// The chosen part in all forms.
fn render_all(html: &str) -> render::Rendered {
    let document = html::parse(html).expect("a page");
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    let base = Base::new(&document, URL);
    render::links(&document, &selection, &base);
    render::media(&document, &selection, &base);
    render::render(&document, &selection, &base)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_soup_is_rendered(
        parts in vec(prop::sample::select(SOUP.to_vec()), 0..40),
        chosen in vec((any::<u16>(), 0u16..8), 0..4),
    ) {
        let html = parts.concat();
        let rendered = render_all(&html);
        prop_assert!(!rendered.text.contains("\n\n\n") || html.contains("<pre") || html.contains("<x"));
        prop_assert_eq!(rendered.text.trim_end(), rendered.text.as_str());
        let _events = pulldown_cmark::Parser::new(&rendered.markdown).count();
        let document = html::parse(&html).expect("a page");
        let mut selection = Selection::nothing(&document);
        for (first, length) in chosen {
            let first = u32::from(first) % document.len() as u32;
            selection.insert_range(&document, NodeId(first), NodeId(first + u32::from(length)));
        }
        render::render(&document, &selection, &Base::default());
        render::links(&document, &selection, &Base::default());
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
    render::links(&document, &selection, &base);
    render::media(&document, &selection, &base);
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
