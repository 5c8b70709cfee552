//! Pages made at random: trees of what pages are made of, with metadata, and soup.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Elements that hold others.
const BLOCKS: &[&str] = &[
    "div",
    "p",
    "section",
    "article",
    "main",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "tbody",
    "thead",
    "tr",
    "td",
    "th",
    "caption",
    "blockquote",
    "figure",
    "figcaption",
    "details",
    "summary",
    "h1",
    "h2",
    "h3",
    "h6",
    "pre",
    "nav",
    "aside",
    "header",
    "footer",
    "form",
    "template",
    "noscript",
    "center",
    "fieldset",
    "address",
    "hr",
    "search",
    "dialog",
    "slot",
];

const INLINES: &[&str] = &[
    "a",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "kbd",
    "span",
    "sup",
    "sub",
    "q",
    "s",
    "del",
    "mark",
    "small",
    "time",
    "abbr",
    "br",
    "img",
    "ruby",
    "rt",
    "rp",
    "button",
    "label",
    "math",
    "mi",
    "mn",
    "svg",
    "text",
    "semantics",
    "annotation",
    "input",
    "select",
    "option",
    "textarea",
    "video",
    "audio",
    "source",
    "picture",
    "amp-img",
    "iframe",
    "object",
    "script",
    "style",
    "x-y",
    "font",
    "u",
    "cite",
    "var",
    "wbr",
    "nobr",
];

const ATTRIBUTES: &[&str] = &[
    "class=byline",
    "class='author-name'",
    "class='published date'",
    "class=comments",
    "class='language-rust'",
    "class=hljs",
    "class='katex-html' aria-hidden=true",
    "class=lineno",
    "class='admonition note'",
    "class='mw-editsection'",
    "class='footnotes'",
    "class='MathJax'",
    "role=presentation",
    "role=heading aria-level=3",
    "role=button",
    "role=note",
    "hidden",
    "aria-hidden=true",
    "shadowrootmode=open",
    "slot=end",
    "name=end",
    "href=#f1",
    "href='/a b(c)'",
    "href='javascript:alert(1)'",
    "href=' JAVA&#9;SCRIPT:x'",
    "href='data:,x'",
    "href=//other.example",
    "href='?q=1&amp;r=2'",
    "href=mailto:a@b.example",
    "href='http://[bad'",
    "rel=author",
    "rel='nofollow ugc'",
    "src=/quay.jpg",
    "src='data:image/gif;base64,R0'",
    "srcset='/a.jpg 1x, /b.jpg 2x'",
    "srcset=', ,'",
    "data-src=/late.jpg",
    "data-srcset='/c.jpg 300w'",
    "alt='The *quay*'",
    "width=1 height=1",
    "colspan=2",
    "colspan=99999",
    "rowspan=3",
    "rowspan=0",
    "start=3",
    "start=-5",
    "start=999999999999",
    "value=7",
    "reversed",
    "type=a",
    "lang=en",
    "lang='x y'",
    "id=f1",
    "itemprop=author",
    "itemprop=datePublished",
    "itemprop='articleSection keywords'",
    "itemscope itemtype=https://schema.org/Article",
    "property=schema:author",
    "typeof=Article",
    "datetime=2026-02-20T07:30+01:00",
    "datetime=2026-99-99",
    "content='Mara Tveit'",
    "content=2026-02-20",
    "encoding='application/x-tex'",
    "alttext='a^2'",
    "display=block",
    "type='math/tex'",
    "type=application/ld+json",
    "a=b",
];

const TEXTS: &[&str] = &[
    "The harbour froze over in the last week of January, for the first time in nineteen years.",
    "Fishermen walked out to the edge of the channel, drilled holes, and came back with more perch than the market could sell.",
    "Nobody knows who pays.",
    "Ice",
    " ",
    "\n",
    "\u{a0}",
    "\u{200b}",
    "\u{ad}",
    "a",
    "1",
    "1.",
    "2026-02-20",
    "20 February 2026",
    "By Mara Tveit",
    "By",
    "# no heading",
    "- no item",
    "1) none",
    "> none",
    "*a*",
    "_b_",
    "`c`",
    "```",
    "~~~",
    "[d](e)",
    "![f]",
    "| g |",
    "---",
    "===",
    "\\",
    "&amp;",
    "&lt;b&gt;",
    "&#x202e;",
    "&#0;",
    "&notit;",
    "氷が張った。",
    "ледяной",
    "שלום",
    "👩‍👩‍👧",
    "e\u{301}",
    "\0",
    "\u{1}",
    "<",
    "x_1 = 5",
    "\\frac{1}{2}",
    "↩",
    "¶",
    "[edit]",
    "\t tab",
    "  two  ",
    "\r\n",
    "https://paper.example/?a_b=c",
    "{\"@type\": \"Article\", \"author\": {\"name\": \"@mara\"}}",
    "{\"@graph\": [{\"@id\": \"#a\", \"author\": {\"@id\": \"#a\"}}]}",
];

const HEADS: &[&str] = &[
    "<title>Ice | The Post</title>",
    "<title></title>",
    "<title>A: b - c – d</title>",
    "<base href=/in/>",
    "<base href='http://[bad'>",
    "<base href='data:,x'>",
    "<meta name=author content='Mara Tveit'>",
    "<meta name=author content='By , '>",
    "<meta property=og:title content=Ice>",
    "<meta property=og:site_name content='The Post'>",
    "<meta property=og:type content=article>",
    "<meta property=article:published_time content='2026-02-20T07:30:00+01:00'>",
    "<meta name=date content='20.2.26'>",
    "<meta name=date content='99999999999999999999'>",
    "<meta property=og:locale content=en_GB>",
    "<meta name=keywords content='a, b,,c;d'>",
    "<meta name=citation_author content='Tveit, Mara'>",
    "<link rel=canonical href=/ice>",
    "<link rel=canonical href='javascript:x'>",
    "<script type=application/ld+json>{\"@type\":\"Article\",\"headline\":\"Ice\",\"author\":[\"A\",{\"name\":\"B\"}],\"datePublished\":\"2026-02-20\"}</script>",
    "<script type=application/ld+json>[[[[{\"@graph\":{}}]]]]</script>",
    "<script type=application/ld+json>{\"author\":\"\\ud800\\u0000\"}</script>",
    "<meta name=description content='  What   it is. '>",
    "<style>p{}</style>",
    "<noscript><img src=/p.gif></noscript>",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(TEXTS).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn start_tag(names: &'static [&'static str]) -> impl Strategy<Value = (String, String)> {
    (select(names), vec(select(ATTRIBUTES), 0..3)).prop_map(|(name, attributes)| {
        let attributes: String = attributes.iter().map(|its| format!(" {its}")).collect();
        (format!("<{name}{attributes}>"), format!("</{name}>"))
    })
}

/// A tree whose elements are mostly closed.
fn tree() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => text(),
        1 => start_tag(INLINES).prop_map(|(start, _)| start),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let tag = prop_oneof![3 => start_tag(BLOCKS), 2 => start_tag(INLINES)];
        (tag, vec(inner, 0..6), prop::bool::weighted(0.95)).prop_map(
            |((start, end), children, is_closed)| {
                let end = if is_closed { end.as_str() } else { "" };
                format!("{start}{}{end}", children.concat())
            },
        )
    })
}

/// A page with a head and an article, some of whose parts are repeated.
pub(crate) fn page() -> impl Strategy<Value = String> {
    let head = vec(select(HEADS), 0..6);
    let part = (tree(), prop_oneof![9 => Just(1usize), 1 => 2..40usize]);
    (head, vec(part, 0..12)).prop_map(|(head, parts)| {
        let body: String = parts
            .iter()
            .map(|(part, times)| part.repeat(*times))
            .collect();
        format!(
            "<!doctype html><html lang=en><head>{}</head><body>{body}</body></html>",
            head.concat()
        )
    })
}

/// Elements of which all text is shown, where it stands.
const PLAIN: &[&str] = &[
    "div",
    "p",
    "section",
    "article",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "td",
    "th",
    "caption",
    "blockquote",
    "figure",
    "figcaption",
    "h2",
    "h3",
    "pre",
    "b",
    "i",
    "em",
    "code",
    "span",
    "sup",
    "q",
    "del",
    "small",
    "br",
    "hr",
    "img",
    "ruby",
    "rt",
    "font",
    "nobr",
    "header",
    "footer",
    "nav",
    "details",
    "summary",
];

/// Pages of nothing but these, without attributes: each of their words can be looked for.
pub(crate) fn plain() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => select(PLAIN).prop_map(|name| format!("<{name}>")),
        2 => select(PLAIN).prop_map(|name| format!("</{name}>")),
        4 => text(),
    ];
    vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

/// Tags that open and close as they like.
pub(crate) fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => start_tag(BLOCKS).prop_map(|(start, _)| start),
        2 => start_tag(INLINES).prop_map(|(start, _)| start),
        2 => start_tag(BLOCKS).prop_map(|(_, end)| end),
        1 => start_tag(INLINES).prop_map(|(_, end)| end),
        3 => text(),
        1 => select(HEADS).prop_map(str::to_owned),
        1 => "[<>/!?&;#a-cx\\-\\[\\]'\"= \0\r\n]{0,20}",
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}
