//! The content of a page: its text and Markdown, by mode.

use crate::address::Base;
use crate::bindings::{Extracted, ExtractionError, Mode};
use crate::{language, links, media, metadata, page, quality, text};
use dom_query::{Document, Matcher, NodeRef, Selection};
use dom_smoothie::{Config, Readability, ReadabilityError, TextMode};

/// An extraction, and the nodes its page had.
pub(crate) struct Extraction {
    pub(crate) content: Extracted,
    pub(crate) nodes: usize,
}

/// Text and Markdown of the extracted part.
#[derive(Default)]
struct Body {
    text: String,
    markdown: String,
}

/// Extracts a page.
pub(crate) fn extract(html: &str, url: String, mode: &Mode) -> Result<Extraction, ExtractionError> {
    let matcher = match mode {
        Mode::Custom(selectors) => Some(matcher(selectors)?),
        _ => None,
    };
    page::check_input(html)?;
    let document = page::parse(html)?;
    let nodes = document.tree.len();

    let base = Base::new(&url, document.base_uri().as_deref());
    let config = Config {
        text_mode: TextMode::Formatted,
        ..Config::default()
    };
    // Readability takes http-like addresses only; without one it leaves addresses as they are written.
    let address = base.as_str().filter(|address| address.contains("://"));
    let mut page = Readability::with_document(document, address, Some(config))
        .map_err(|error| ExtractionError::InternalError(error.to_string()))?;
    let metadata = metadata::of(&page);

    let (links, media) = match (mode, &matcher) {
        (Mode::Metadata, _) => (Vec::new(), Vec::new()),
        (_, Some(matcher)) => {
            let part = outermost(&page.doc, matcher);
            (links::of(&part, &base), media::of(&part, &base))
        }
        _ => {
            let whole = Selection::from(page.doc.root());
            (links::of(&whole, &base), media::of(&whole, &base))
        }
    };
    let mut byline = metadata.byline;
    let body = match (mode, &matcher) {
        (Mode::Metadata, _) => Body::default(),
        (_, Some(matcher)) => render(outermost(&page.doc, matcher).nodes()),
        (Mode::Full, _) => whole(&page.doc),
        _ => {
            match page.parse() {
                Ok(article) => {
                    byline = byline.or(article.byline.as_deref().and_then(text::collapse));
                    Body {
                        text: article.text_content.trim().to_owned(),
                        markdown: article_markdown(&page.doc),
                    }
                }
                // Where it finds no article, readability leaves the document whole.
                Err(ReadabilityError::GrabFailed) => whole(&page.doc),
                Err(error) => return Err(ExtractionError::ExtractorError(error.to_string())),
            }
        }
    };

    let word_count = text::word_count(&body.text);
    let quality_score = quality::score(&quality::Evidence {
        text_bytes: body.text.len(),
        html_bytes: html.len(),
        words: word_count,
        links: links.len(),
        has_title: metadata.title.is_some(),
    });
    Ok(Extraction {
        content: Extracted {
            url,
            title: metadata.title,
            byline,
            published_iso: metadata.published_iso,
            language: language::of(metadata.language.as_deref(), &body.text),
            markdown: body.markdown,
            text: body.text,
            links,
            media,
            reading_time: text::reading_time(word_count),
            quality_score,
            word_count,
            categories: metadata.categories,
            site_name: metadata.site_name,
            description: metadata.description,
        },
        nodes,
    })
}

/// One matcher for all selectors, each checked by itself so that the faulty one can be named.
fn matcher(selectors: &[String]) -> Result<Matcher, ExtractionError> {
    if selectors.is_empty() {
        return Err(ExtractionError::UnsupportedMode(
            "mode `custom` needs at least one CSS selector".into(),
        ));
    }
    for selector in selectors {
        if Matcher::new(selector).is_err() {
            return Err(ExtractionError::UnsupportedMode(format!(
                "`{selector}` is not a CSS selector that can be used"
            )));
        }
    }
    Matcher::new(&selectors.join(", "))
        .map_err(|_| ExtractionError::InternalError("valid selectors could not be joined".into()))
}

/// What matches and lies in nothing that matches.
fn outermost<'a>(document: &'a Document, matcher: &Matcher) -> Selection<'a> {
    let mut found: Vec<NodeRef<'a>> = Vec::new();
    for node in document.select_matcher(matcher).nodes() {
        // Document order: what holds this node was found just before it.
        let inside = found.last().is_some_and(|last| {
            node.ancestors_it(None)
                .any(|ancestor| ancestor.id == last.id)
        });
        if !inside {
            found.push(*node);
        }
    }
    Selection::from(found)
}

/// The article's Markdown, from where readability leaves it in the document.
fn article_markdown(document: &Document) -> String {
    let part = document.select_single("#readability-page-1");
    part.nodes()
        .first()
        .map(|node| node.md(None).trim().to_owned())
        .unwrap_or_default()
}

fn whole(document: &Document) -> Body {
    // Scripts and styles are no text; Markdown leaves them out by itself.
    document.select("script, style, template").remove();
    document
        .body()
        .map(|body| render(&[body]))
        .unwrap_or_default()
}

fn render(parts: &[NodeRef<'_>]) -> Body {
    let mut body = Body::default();
    for part in parts {
        push_block(&mut body.text, &part.formatted_text());
        push_block(&mut body.markdown, &part.md(None));
    }
    body
}

fn push_block(out: &mut String, block: &str) {
    let block = block.trim();
    if block.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    out.push_str(block);
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.org/news/1";

    fn article() -> String {
        let paragraph =
            "A sentence with, say, a comma and <a href=\"/more\">a link</a> in it. ".repeat(8);
        format!(
            "<html lang=en><head><title>News of the day</title></head><body><nav><a href=/home>Home</a></nav>\
             <article><h1>News of the day</h1>{}<img src=p.png alt=P></article>\
             <script>script()</script><footer id=f><p class=x>Foot <b class=x>note</b></p><p>Rest</p></footer></body></html>",
            format!("<p>{paragraph}</p>").repeat(6)
        )
    }

    fn run(html: &str, mode: &Mode) -> Extracted {
        extract(html, URL.into(), mode).expect("extracted").content
    }

    #[test]
    fn an_article_is_told_from_its_surroundings() {
        let content = run(&article(), &Mode::Article);
        assert_eq!(content.url, URL);
        assert_eq!(content.title.as_deref(), Some("News of the day"));
        assert_eq!(content.language.as_deref(), Some("en"));
        assert!(content.text.contains("A sentence with, say"));
        assert!(!content.text.contains("Home") && !content.text.contains("script()"));
        assert!(
            content
                .markdown
                .contains("[a link](https://example.org/more)")
        );
        assert_eq!(content.word_count, text::word_count(&content.text));
        assert_eq!(content.reading_time, content.word_count.div_ceil(200));
        assert!(content.quality_score > 50, "{}", content.quality_score);
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
    }

    #[test]
    fn metadata_has_no_text() {
        let content = run(&article(), &Mode::Metadata);
        assert_eq!(content.title.as_deref(), Some("News of the day"));
        assert!(content.text.is_empty() && content.markdown.is_empty());
        assert!(content.links.is_empty() && content.media.is_empty());
        assert_eq!((content.word_count, content.quality_score), (0, 0));
    }

    #[test]
    fn selectors_take_their_part_once() {
        let content = run(&article(), &Mode::Custom(vec![".x".into(), "nav".into()]));
        assert_eq!(content.text, "Home\n\nFoot note");
        assert_eq!(content.markdown, "[Home](/home)\n\nFoot **note**");
        assert_eq!(content.links.len(), 1);
    }

    #[test]
    fn selectors_that_match_nothing_give_nothing() {
        let content = run(&article(), &Mode::Custom(vec![".none".into()]));
        assert_eq!((content.text.as_str(), content.quality_score), ("", 0));
    }

    #[test]
    fn faulty_selectors_are_named() {
        for (selectors, named) in [
            (vec![], "at least one"),
            (vec!["p".to_owned(), "a[".to_owned()], "`a[`"),
            (vec![String::new()], "``"),
        ] {
            let Err(ExtractionError::UnsupportedMode(why)) =
                extract("<p>x", String::new(), &Mode::Custom(selectors))
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
        let content = run("plain text", &Mode::Article);
        assert_eq!(content.text, "plain text");
    }

    #[test]
    fn an_address_that_is_none_is_no_error() {
        for url in ["", "here", "about:blank", "mailto:a@example.org"] {
            let content = extract(&article(), url.into(), &Mode::Article)
                .expect("extracted")
                .content;
            assert_eq!(content.url, url);
            assert_eq!(content.links[0].url, "/home", "{url}");
        }
    }

    #[test]
    fn the_deepest_page_allowed_is_extracted_in_every_mode() {
        let html = "<div><b><i>".repeat(page::MAX_DEPTH / 3 - 5) + "text";
        for mode in [
            Mode::Article,
            Mode::Full,
            Mode::Metadata,
            Mode::Custom(vec!["div".into()]),
        ] {
            run(&html, &mode);
        }
    }
}
