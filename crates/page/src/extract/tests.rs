use super::*;

const URL: &str = "https://example.org/news/1";

fn article() -> String {
    let sentence = "A sentence with, say, a comma and <a href=\"/more\">a link</a> in it. ";
    let paragraphs: String = (1..=6)
        .map(|number| {
            format!(
                "<p>Part {number} of the news of the day. {}</p>",
                sentence.repeat(8)
            )
        })
        .collect();
    format!(
        "<html lang=en><head><title>News of the day</title></head><body><nav><a href=/home>Home</a></nav>\
         <article><h1>News of the day</h1>{paragraphs}<img src=p.png alt=P></article>\
         <script>script()</script><footer id=f><p class=x>Foot <b class=x>note</b></p><p>Rest</p></footer></body></html>"
    )
}

fn run(html: &str, mode: &Mode) -> Extraction {
    extract(html, URL, mode).expect("extracted")
}

fn custom(selectors: &[&str]) -> Mode {
    Mode::Custom(selectors.iter().map(|&selector| selector.into()).collect())
}

#[test]
fn an_article_is_told_from_its_surroundings() {
    let content = run(&article(), &Mode::Article);
    assert_eq!(content.title.as_deref(), Some("News of the day"));
    assert_eq!(content.language.as_deref(), Some("en"));
    assert!(content.text.contains("A sentence with, say"));
    assert!(!content.text.contains("Home") && !content.text.contains("script()"));
    assert!(!content.text.contains("Foot") && !content.markdown.contains("Foot"));
    let link = "[a link](https://example.org/more)";
    assert!(content.markdown.contains(link));
    assert_eq!(content.word_count, words::count(&content.text));
    assert_eq!(content.reading_time, content.word_count.div_ceil(200));
    assert!(content.quality_score > 70, "{}", content.quality_score);
    // Links and media are the whole page's.
    let links: Vec<_> = content.links.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(
        links,
        ["https://example.org/home", "https://example.org/more"]
    );
    assert_eq!(content.media[0].url, "https://example.org/news/p.png");
}

#[test]
fn a_full_page_has_everything_but_scripts() {
    let content = run(&article(), &Mode::Full);
    for part in ["Home", "A sentence", "Foot note", "Rest"] {
        assert!(content.text.contains(part), "{part}");
    }
    assert!(!content.text.contains("script()") && !content.markdown.contains("script()"));
    let main = run(&article(), &Mode::Article);
    assert!(content.quality_score < main.quality_score);
    assert_eq!(content.links, main.links);
}

#[test]
fn metadata_has_no_text() {
    let content = run(&article(), &Mode::Metadata);
    assert_eq!(content.title.as_deref(), Some("News of the day"));
    assert!(content.text.is_empty() && content.markdown.is_empty());
    assert!(content.links.is_empty() && content.media.is_empty());
    assert_eq!((content.word_count, content.quality_score), (0, 0));
    assert_eq!(content.nodes, run(&article(), &Mode::Full).nodes);
}

#[test]
fn selectors_take_their_part_once() {
    let content = run(&article(), &custom(&[".x", "nav", "body > nav a"]));
    assert_eq!(content.text, "Home\n\nFoot note");
    assert_eq!(
        content.markdown,
        "[Home](https://example.org/home)\n\nFoot **note**"
    );
    assert_eq!(content.links.len(), 1);
    assert!(content.media.is_empty());
    assert!(content.quality_score < 20, "{}", content.quality_score);
    let whole = run(&article(), &custom(&["article"]));
    assert!(whole.quality_score > 70, "{}", whole.quality_score);
}

#[test]
fn selectors_that_match_nothing_give_nothing() {
    let content = run(&article(), &custom(&[".none"]));
    assert_eq!((content.text.as_str(), content.quality_score), ("", 0));
    assert!(content.links.is_empty());
}

#[test]
fn faulty_selectors_are_named() {
    for (selectors, named) in [
        (&[][..], "at least one"),
        (&["p", "a["], "`a[`"),
        (&[""], "``"),
        (&["a:hover"], ":hover"),
    ] {
        let Err(ExtractError::UnsupportedMode(why)) = extract("<p>x", "", &custom(selectors))
        else {
            panic!("not refused: {named}");
        };
        assert!(why.contains(named), "{why}");
    }
}

#[test]
fn a_page_that_is_no_article_gives_its_body() {
    let content = run("<p>Short <b>note</b></p>", &Mode::Article);
    assert_eq!(content.text, "Short note");
    assert_eq!(content.markdown, "Short **note**");
    for text in ["plain text", "x", "漢字"] {
        assert_eq!(run(text, &Mode::Article).text, text);
    }
    let quotes = "\"".repeat(1_000);
    assert_eq!(run(&format!("<p>{quotes}"), &Mode::Article).text, quotes);
    let long = "The tide comes in twice a day. ".repeat(500);
    assert_eq!(run(&long, &Mode::Article).text, long.trim_end());
    let menu = run(
        "<nav><a href=/a>One</a> <a href=/b>Two</a></nav>",
        &Mode::Article,
    );
    assert_eq!(menu.text, "One Two");
}

#[test]
fn a_page_that_only_asks_for_scripts_gives_nothing() {
    let content = run(
        "<title>App</title><script src=app.js></script><div id=root></div>\
         <noscript>You need to enable JavaScript to run this app.</noscript>",
        &Mode::Article,
    );
    assert_eq!(content.title.as_deref(), Some("App"));
    assert_eq!((content.text.as_str(), content.quality_score), ("", 0));
}

#[test]
fn a_language_is_guessed_where_none_is_declared() {
    let text = "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller \
                staatlichen Gewalt.";
    let content = run(&format!("<p>{text}"), &Mode::Full);
    assert_eq!(content.language.as_deref(), Some("de"));
    let content = run(&format!("<html lang=en-GB><p>{text}"), &Mode::Full);
    assert_eq!(content.language.as_deref(), Some("en-GB"));
}

#[test]
fn an_address_that_is_none_is_no_error() {
    for url in ["", "here", "about:blank", "mailto:a@example.org"] {
        let content = extract(&article(), url, &Mode::Article).expect("extracted");
        assert_eq!(content.links[0].url, "/home", "{url}");
    }
}

#[test]
fn deep_and_wide_pages_are_extracted_in_every_mode() {
    let deep = "<div><b><i>".repeat(20_000) + "text";
    let wide = format!("<p{}>text", " a=b".repeat(100_000));
    for html in [deep, wide] {
        for mode in [
            Mode::Article,
            Mode::Full,
            Mode::Metadata,
            custom(&["div", "p"]),
        ] {
            let text = run(&html, &mode).text;
            let wanted = if mode == Mode::Metadata { "" } else { "text" };
            assert_eq!(text, wanted, "{mode:?}");
        }
    }
}

#[test]
fn too_many_nodes_are_a_limit() {
    let html = "<b>".repeat(crate::html::MAX_NODES + 1);
    let Err(ExtractError::ResourceLimit(why)) = extract(&html, "", &Mode::Metadata) else {
        panic!("not refused");
    };
    assert!(why.contains("nodes"), "{why}");
}
