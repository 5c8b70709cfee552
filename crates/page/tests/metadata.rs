//! What pages say about themselves, source by source.

#[path = "oracle/mod.rs"]
mod oracle;

use proptest::prelude::*;
use riptide_page::metadata::{Metadata, metadata};
use std::path::Path;
use std::time::{Duration, Instant};

const URL: &str = "https://www.lindholmpost.example/ice";

fn read(html: &str) -> Metadata {
    metadata(&oracle::document(html), URL)
}

fn byline(html: &str) -> Option<String> {
    read(html).byline
}

fn published(html: &str) -> Option<String> {
    read(html).published_iso
}

fn title(html: &str) -> Option<String> {
    read(html).title
}

fn json(script: &str) -> Metadata {
    read(&format!(
        "<script type=application/ld+json>{script}</script><p>text"
    ))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_page_without_metadata_has_none() {
    let document = oracle::document("<p>text</p>");
    assert_eq!(metadata(&document, ""), Metadata::default());
}

#[test]
fn all_fields_are_read() {
    let found = read(
        r#"<html lang="en_GB"><head><title>Ice | The Post</title><base href="/a/">
           <meta property="og:site_name" content="The Post"><meta name="description" content=" What  it is. ">
           <meta property="article:section" content="Arts, Letters"><meta name="keywords" content="one, two,One,">
           <link rel="canonical" href="ice"><meta name="author" content="Mara Tveit">
           <meta property="article:published_time" content="2023-01-05 10:20:30Z"></head>
           <body><h1>Ice in the <em>harbour</em> <a href=x>¶</a></h1><a rel="tag" href="/t/three">three</a>"#,
    );
    assert_eq!(found.title, some("Ice in the harbour"));
    assert_eq!(found.byline, some("Mara Tveit"));
    assert_eq!(found.published_iso, some("2023-01-05T10:20:30Z"));
    assert_eq!(found.language, some("en-GB"));
    assert_eq!(found.categories, ["Arts, Letters", "one", "two", "three"]);
    assert_eq!(found.site_name, some("The Post"));
    assert_eq!(found.description, some("What it is."));
    assert_eq!(
        found.canonical,
        some("https://www.lindholmpost.example/a/ice")
    );
    assert_eq!(
        found.base.map(String::from),
        some("https://www.lindholmpost.example/a/")
    );
}

#[test]
fn authors_are_found_in_each_source() {
    for html in [
        r#"<span itemprop="author"><meta itemprop="name" content="X"></span><meta itemprop="author" content="Mara Tveit">"#,
        r#"<meta name="Author" content="By Mara Tveit">"#,
        r#"<meta property="article:author" content="Mara Tveit">"#,
        r#"<meta name="DC.creator" content="Mara Tveit">"#,
        r#"<meta name="dcterms.creator" content="Mara Tveit">"#,
        r#"<meta name="parsely-author" content="Mara Tveit">"#,
        r#"<meta name="sailthru.author" content="Mara Tveit">"#,
        r#"<meta name="citation_author" content="Mara Tveit">"#,
        r#"<meta name="citation_author" content="Tveit, Mara">"#,
        r#"<meta property="schema:author" content="Mara Tveit">"#,
        r#"<meta name="twitter:label1" content="Written by"><meta name="twitter:data1" content="Mara Tveit">"#,
        r#"<p><a rel="author" href="/m">Mara Tveit</a>"#,
        r#"<p><a href="/authors/mara-tveit/">Mara Tveit</a>"#,
        r#"<p class="article-byline">By <a href="/m">Mara Tveit</a> | 5 May 2023"#,
        r#"<p class="post-author-name">Mara Tveit<span>Reporter</span>"#,
        r#"<div class="writer_box"><b>Mara Tveit</b><p>writes</div>"#,
        r#"<div itemprop="author" itemscope><img><span itemprop="name">Mara Tveit</span> (12 posts)</div>"#,
        r#"<div typeof="Article"><span property="schema:author">Mara Tveit</span></div>"#,
        "<body class=comments-open><h1>Ice</h1><p class=author>Mara Tveit<p>Text.",
        "<h1>Ice</h1><p>By Mara Tveit<p>Text.",
        "<h1>Ice</h1><p>By</p><p>Mara Tveit</p>",
        "<h1>Ice</h1><p>3 March 2023 by Mara Tveit<p>Text.",
        "<h1>Ice</h1><p>Von Mara Tveit, 5. Mai 2023<p>Text.",
        "<h1>Ice</h1><p>Mara Tveit · 5 May 2023<p>Text.",
        "<h1>Ice</h1><p>Text.</p><p>Written by Mara Tveit</p>",
    ] {
        assert_eq!(byline(html), some("Mara Tveit"), "{html}");
    }
}

#[test]
fn a_title_behind_a_comma_is_no_given_name() {
    let html = r#"<meta name="citation_author" content="Mara Tveit, Ph.D."><meta name="citation_author" content="Aas, Jon">"#;
    assert_eq!(byline(html), some("Mara Tveit, Ph.D., Jon Aas"));
}

#[test]
fn a_base_that_would_multiply_the_page_is_none() {
    let base = |length| {
        let html = format!(
            "<base href='https://other.example/{}/'>",
            "a".repeat(length)
        );
        read(&html).base.map(String::from)
    };
    assert_eq!(base(100).map(|its| its.len()), Some(123));
    assert_eq!(base(5_000).as_deref(), Some(URL));
}

#[test]
fn what_is_no_name_is_no_author() {
    for html in [
        r#"<meta name="author" content="https://social.example/mara">"#,
        r#"<meta name="author" content="mara@post.example">"#,
        r#"<meta name="author" content=" | ">"#,
        &format!(r#"<meta name="author" content="{}">"#, "name ".repeat(20)),
        r#"<p class="byline">Updated 5 May 2023"#,
        r#"<p class="byline">Edited by Mara Tveit"#,
        r#"<div id="comments"><p class="author">Mara Tveit</p></div>"#,
        r#"<div itemscope itemtype="https://schema.org/Review"><i itemprop="author">Mara Tveit</i></div>"#,
        r#"<meta property="og:type" content="product"><p class="author">Mara Tveit</p>"#,
    ] {
        assert_eq!(byline(html), None, "{html}");
    }
}

#[test]
fn every_author_is_named_once() {
    let two = some("Mara Tveit, Jon Aas");
    let html = r#"<meta name="author" content="Mara Tveit"><meta name="author" content="Jon Aas"><meta name="author" content="MARA TVEIT">"#;
    assert_eq!(byline(html), two);
    let html = r#"<p><b class="author">Mara Tveit</b> and <b class="author">Jon Aas</b></p>"#;
    assert_eq!(byline(html), two);
    let article =
        r#"{"@type": "Article", "author": ["Mara Tveit", {"name": "Jon Aas"}, {"@id": "x"}]}"#;
    assert_eq!(json(article).byline, two);
}

#[test]
fn the_site_is_the_author_only_for_want_of_another() {
    let site = r#"<meta property="og:site_name" content="The Post"><meta name="author" content="The Post">"#;
    assert_eq!(byline(site), some("The Post"));
    assert_eq!(
        byline(&format!("{site}<p class=byline>By Mara Tveit")),
        some("Mara Tveit")
    );
}

#[test]
fn json_ld_is_read_through_graphs_lists_and_references() {
    for script in [
        r#"{"@type": "NewsArticle", "author": "Mara Tveit"}"#,
        r#"[{"@type": "WebSite", "name": "S"}, {"@type": ["Thing", "http://schema.org/BlogPosting"], "author": [{"name": ["Mara Tveit"]}]}]"#,
        r##"{"@graph": [{"@type": "Article", "author": {"@id": "#p"}}, {"@id": "#p", "@type": "Person", "name": "Mara Tveit"}]}"##,
        r##"{"@graph": [{"@type": "Article", "author": "#p"}, {"@id": "#p", "@type": "Person", "name": "Mara Tveit"}]}"##,
        r#"{"@type": "WebPage", "mainEntity": {"@type": "Article", "author": {"givenName": "Mara", "familyName": "Tveit"}}}"#,
        r#"{"@type": "WebPage", "author": {"@value": "Mara Tveit"}}"#,
        r#"{"@type": "Article", "author": {"name": "Mara&nbsp;Tveit"},}"#,
        r#"{"@type": "FAQPage", "mainEntity": [{"@type": "Question"}]}</script><script type="application/ld+json">{"@type": "Article", "author": "Mara Tveit"}"#,
    ] {
        assert_eq!(json(script).byline, some("Mara Tveit"), "{script}");
    }
    let other = r#"{"@type": "ItemList", "itemListElement": [{"@type": "Article", "author": "Mara Tveit"}]}"#;
    assert_eq!(json(other).byline, None);
}

#[test]
fn json_ld_fills_the_other_fields() {
    let found = json(
        r#"{"@type": "Article", "headline": "Ice &amp; snow", "datePublished": "2026-02-20T07:30:00+01:00", "inLanguage": "nb_NO",
            "keywords": "ice, snow", "articleSection": ["News"], "description": "Cold.", "publisher": {"name": "The Post"}}"#,
    );
    assert_eq!(found.title, some("Ice & snow"));
    assert_eq!(found.published_iso, some("2026-02-20T07:30:00+01:00"));
    assert_eq!(found.language, some("nb-NO"));
    assert_eq!(found.categories, ["News", "ice", "snow"]);
    assert_eq!(found.description, some("Cold."));
    assert_eq!(found.site_name, some("The Post"));
}

#[test]
fn dates_are_found_in_each_source() {
    for html in [
        r#"<meta name="dc.date" content="2023-05-07">"#,
        r#"<meta name="DC.date.issued" content="2023-05-07">"#,
        r#"<meta name="pubdate" content="7 May 2023">"#,
        r#"<meta name="parsely-pub-date" content="2023-05-07">"#,
        r#"<meta name="sailthru.date" content="2023-05-07">"#,
        r#"<meta name="citation_publication_date" content="2023/05/07">"#,
        r#"<meta name="post-published-date" content="2023-05-07">"#,
        r#"<meta property="article:published_time" content="2023-05-07">"#,
        r#"<meta property="article:modified_time" content="2023-05-07">"#,
        r#"<meta itemprop="datePublished" content="2023-05-07">"#,
        r#"<i itemprop="datePublished">May 7, 2023</i>"#,
        r#"<div typeof="Article"><i property="schema:datePublished" content="2023-05-07"></i></div>"#,
        r#"<article><time datetime="2023-05-07">Sunday</time></article>"#,
        r#"<p>text<time>7 mai 2023</time>"#,
        r#"<p><relative-time datetime="2023-05-07"></relative-time>"#,
        r#"<p>text<abbr class="published" title="2023-05-07">Sunday</abbr>"#,
        r#"<p class="entry-date">7. Mai 2023"#,
        "<h1>Ice</h1><p>By Mara Tveit, May 7, 2023<p>Text.",
        "<p>7 de mayo de 2023</p><h1>Ice</h1><p>Text.",
        "<p>Text.</p><footer>Last updated: May 7, 2023</footer>",
    ] {
        assert_eq!(published(html), some("2023-05-07"), "{html}");
    }
    let address = "https://lindholmpost.example/2023/05/07/ice";
    let found = metadata(&oracle::document("<p>text"), address);
    assert_eq!(found.published_iso, some("2023-05-07"));
}

#[test]
fn other_dates_are_not_the_pages() {
    for html in [
        "<p>text",
        r#"<meta name="date" content="2023-02-30">"#,
        r#"<div class="comments"><time datetime="2023-05-07">Sunday</time></div>"#,
        r#"<meta property="og:type" content="product"><p class="date">7 May 2023"#,
        r#"<p class="update candidate">7 May 2023"#,
    ] {
        assert_eq!(published(html), None, "{html}");
    }
}

#[test]
fn titles_come_from_the_heading_that_is_the_pages() {
    for (html, expected) in [
        (
            "<title>Ice | The Post</title><h1>Ice, and more</h1>",
            "Ice, and more",
        ),
        (
            "<title>Thick ice | The Post</title><h1>The Post</h1>",
            "Thick ice",
        ),
        (
            "<title>Thick ice | The Post</title><h1>You deserve to be happy</h1>",
            "Thick ice",
        ),
        (
            "<title>Thick ice | The Post</title><h1>Menu</h1><h1>Thick ice</h1>",
            "Thick ice",
        ),
        (
            "<title>Thick ice</title><h1>Thick<br>ice<button>edit</button></h1>",
            "Thick ice",
        ),
        (
            r#"<title>a b</title><h2 itemprop="headline">Thick ice</h2>"#,
            "Thick ice",
        ),
        (
            r#"<title>a b</title><meta property="og:title" content="Thick ice - The Post">"#,
            "Thick ice",
        ),
        (r#"<meta name="dc.title" content="Thick ice">"#, "Thick ice"),
        (
            "<svg><title>Menu</title></svg><title>Thick ice</title>",
            "Thick ice",
        ),
    ] {
        let html = format!(r#"<meta property="og:site_name" content="The Post">{html}"#);
        assert_eq!(title(&html), some(expected), "{html}");
    }
}

#[test]
fn addresses_are_absolute_or_absent() {
    let base = |html: &str, url: &str| {
        metadata(&oracle::document(html), url)
            .base
            .map(String::from)
    };
    assert_eq!(base("<p>", "not an address"), None);
    assert_eq!(base("<base href=/a/>", ""), None);
    assert_eq!(
        base("<base href=https://x.example/a>", ""),
        some("https://x.example/a")
    );
    assert_eq!(base("<base href='data:x'>", URL), some(URL));
    let canonical = |html: &str| read(html).canonical;
    assert_eq!(canonical("<link rel=canonical href='javascript:x'>"), None);
    let og = r#"<meta property="og:url" content="/b">"#;
    assert_eq!(canonical(og), some("https://www.lindholmpost.example/b"));
}

#[test]
fn languages_are_tags() {
    let language = |html: &str| read(html).language;
    assert_eq!(language("<html xml:lang=de>"), some("de"));
    assert_eq!(
        language("<html lang=English><meta http-equiv=content-language content='fr, en'>"),
        some("fr")
    );
    assert_eq!(
        language("<meta property=og:locale content=pt_BR>"),
        some("pt-BR")
    );
}

#[test]
fn the_cases_that_went_wrong_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/pages");
    if !folder.exists() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let case = |name: &str| {
        let html = std::fs::read_to_string(folder.join(format!("{name}.html"))).expect("a page");
        read(&html)
    };
    assert_eq!(case("26b-two-authors").byline, some("Mara Tveit, Jon Aas"));
    let published = case("27-abbr-published").published_iso;
    assert_eq!(published, some("2026-02-20T00:23:00-04:00"));
    assert_eq!(case("27c-dc-date").published_iso, some("2026-02-20"));
    let title = case("44-title-colon").title;
    assert_eq!(
        title,
        some("Superlong ice: What it is and how you cross it")
    );
    let graph = case("48-jsonld-graph");
    assert_eq!(graph.title, some("Ice in the harbour"));
    assert_eq!(graph.byline, some("Mara Tveit"));
    assert_eq!(graph.published_iso, some("2026-02-20T07:30:00+01:00"));
    assert_eq!(graph.site_name, some("The Lindholm Post"));
    let at_sign = case("x1-jsonld-at-sign");
    assert_eq!(at_sign.title, some("@home with the ice"));
    assert_eq!(at_sign.byline, some("@mara"));
    assert_eq!(at_sign.description, some("Seen by @mara and \"@jon\"."));
    assert_eq!(case("x2-jsonld-author-text").byline, some("Mara Tveit"));
}

/// Pages that would take the square of their size where something is looked at again and again.
#[test]
fn time_grows_linearly() {
    let pages: [fn(usize) -> String; 10] = [
        |n| "<div class=author itemprop=author itemscope>".repeat(n / 40),
        |n| format!("<h1>{}", "<b>x".repeat(n / 4)),
        |n| {
            "<h1>a b</h1><h2>a b</h2>".repeat(n / 20) + "<title>" + &"a ".repeat(n / 2) + "</title>"
        },
        |n| {
            format!(
                "<script type=application/ld+json>{}</script>",
                "[{\"@graph\":".repeat(n / 10)
            )
        },
        |n| {
            format!(
                "<script type=application/ld+json>{}</script>",
                "\" ".repeat(n / 2)
            )
        },
        |n| {
            format!(
                "<script type=application/ld+json>[{}]</script>",
                r#"{"@type":"Article","@id":"a"},"#.repeat(n / 30)
            )
        },
        |n| r#"<meta name="author" content="a b">"#.repeat(n / 34),
        |n| {
            format!(
                "<meta name=keywords content='{}'><title>{}</title>",
                "a,".repeat(n / 4),
                " - a".repeat(n / 8)
            )
        },
        |n| format!("<p class='{}'>", "date".repeat(n / 4)),
        |n| "<time datetime>x</time><a rel=tag>x</a>".repeat(n / 40),
    ];
    let time = |html: &str| {
        let document = oracle::document(html);
        let least = (0..3).map(|_| {
            let start = Instant::now();
            std::hint::black_box(metadata(&document, URL));
            start.elapsed()
        });
        least.min().unwrap_or_default()
    };
    for (place, page) in pages.iter().enumerate() {
        let (small, large) = (time(&page(20_000)), time(&page(400_000)));
        // Twenty times the size; room for caches and noise. The square would be 400 times.
        assert!(
            large < small * 100 + Duration::from_millis(5),
            "page {place}: {small:?} {large:?}"
        );
    }
}

/// Pieces of pages that hold metadata, whole and broken.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<h1>",
        "</h1>",
        "<title>",
        "</title>",
        "<p class=byline>By ",
        "<p class=\"date author\">",
        "<time datetime=\"",
        "\">",
        "<meta name=author content=\"",
        "<meta property=article:published_time content=\"",
        "<meta name=keywords content=\"",
        "<script type=application/ld+json>",
        "</script>",
        "{\"@type\":\"Article\",\"author\":",
        "[{",
        "\"@graph\":[",
        "}]",
        "\"\\u12",
        "<div itemprop=author itemscope>",
        "<b itemprop=name>",
        "<html lang=\"",
        "<base href=\"",
        "<link rel=canonical href=\"",
        "2023-01-05",
        "T10:20:30+02:00",
        "5 January ",
        "2023",
        "14.13.2023",
        "12/31/99",
        " | ",
        " - ",
        ": ",
        "é",
        "年",
        "«",
        "&amp;#39;",
        "\u{1f}",
        "Written by",
        "<h2>",
        "<a rel=tag>",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => ".{0,12}", 1 => "[0-9:/. -]{1,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(pieces in prop::collection::vec(piece(), 0..40), url in "(https?://[a-z.]{1,9}/)?.{0,20}") {
        let html = pieces.concat();
        let found = metadata(&oracle::document(&html), &url);
        for text in [&found.title, &found.byline, &found.description, &found.site_name].into_iter().flatten() {
            prop_assert!(!text.trim().is_empty() && !text.contains(['\n', '\u{1e}', '\u{1f}']), "{:?}", text);
        }
        if let Some(published) = found.published_iso {
            prop_assert!(published.is_ascii() && published.len() >= 10, "{}", published);
        }
    }
}
