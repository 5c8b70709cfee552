//! What a page says about itself.

use crate::{date, text};
use dom_query::Document;
use dom_smoothie::Readability;
use std::collections::HashSet;

/// Where pages put the date of publication that readability does not look at, the surest first.
const DATES: &[(&str, &str)] = &[
    ("meta[itemprop=datePublished]", "content"),
    ("[itemprop=datePublished][datetime]", "datetime"),
    (
        "meta[name=date], meta[name=pubdate], meta[name=publishdate], meta[name='DC.date.issued']",
        "content",
    ),
    ("time[pubdate]", "datetime"),
];

/// Where pages name their sections, keywords and tags.
const CATEGORIES: &str = "meta[property='article:section'], meta[property='article:tag'], meta[name=keywords], \
                          meta[name=news_keywords], a[rel~=tag], a[rel~=category]";

/// A page with more keywords than this lists them for search engines, not for readers.
const MAX_CATEGORIES: usize = 64;

/// A page's metadata, white space collapsed, empty values left out.
pub(crate) struct Metadata {
    pub(crate) title: Option<String>,
    pub(crate) byline: Option<String>,
    pub(crate) published_iso: Option<String>,
    pub(crate) site_name: Option<String>,
    pub(crate) description: Option<String>,
    /// As the page declares it.
    pub(crate) language: Option<String>,
    pub(crate) categories: Vec<String>,
}

/// Reads the metadata. To be called before the article is extracted, which changes the document.
pub(crate) fn of(page: &Readability) -> Metadata {
    let found = page.get_article_metadata(page.parse_json_ld());
    let published = found.published_time.as_deref().and_then(date::iso);
    let collapse = |value: Option<String>| value.as_deref().and_then(text::collapse);
    Metadata {
        title: text::collapse(&found.title),
        byline: collapse(found.byline),
        published_iso: published.or_else(|| other_date(&page.doc)),
        site_name: collapse(found.site_name),
        description: collapse(found.excerpt),
        language: found.lang,
        categories: categories(&page.doc),
    }
}

fn other_date(document: &Document) -> Option<String> {
    DATES.iter().find_map(|(selector, attribute)| {
        let found = document.select(selector);
        found
            .nodes()
            .iter()
            .find_map(|node| date::iso(&node.attr(attribute)?))
    })
}

fn categories(document: &Document) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut categories = Vec::new();
    for node in document.select(CATEGORIES).nodes() {
        let named = node.attr("content").unwrap_or_else(|| node.text());
        let list = node
            .attr("name")
            .is_some_and(|name| name.ends_with("keywords"));
        // Only keyword lists are separated by commas; a section's name may hold one.
        let names: Vec<&str> = if list {
            named.split(',').collect()
        } else {
            vec![named.as_ref()]
        };
        for name in names.into_iter().filter_map(text::collapse) {
            if categories.len() < MAX_CATEGORIES && seen.insert(name.to_lowercase()) {
                categories.push(name);
            }
        }
    }
    categories
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Metadata {
        of(&Readability::with_document(Document::from(html), None, None).expect("a document"))
    }

    #[test]
    fn metadata_is_read() {
        let metadata = read(
            r#"<html lang="en"><head><title>The  title</title>
               <meta name="author" content="A. Writer"><meta property="og:site_name" content="The Site">
               <meta name="description" content=" What it is. ">
               <meta property="article:published_time" content="2023-01-05 10:20:30Z">
               <meta property="article:section" content="Arts, Letters"><meta name="keywords" content="one, two,One,">
               </head><body><a rel="tag" href="/t/three">three</a></body></html>"#,
        );
        assert_eq!(metadata.title.as_deref(), Some("The title"));
        assert_eq!(metadata.byline.as_deref(), Some("A. Writer"));
        assert_eq!(metadata.site_name.as_deref(), Some("The Site"));
        assert_eq!(metadata.description.as_deref(), Some("What it is."));
        assert_eq!(
            metadata.published_iso.as_deref(),
            Some("2023-01-05T10:20:30Z")
        );
        assert_eq!(metadata.language.as_deref(), Some("en"));
        assert_eq!(
            metadata.categories,
            ["Arts, Letters", "one", "two", "three"]
        );
    }

    #[test]
    fn a_page_without_metadata_has_none() {
        let metadata = read("<p>text</p>");
        assert_eq!(metadata.title, None);
        assert_eq!(metadata.byline, None);
        assert_eq!(metadata.published_iso, None);
        assert!(metadata.categories.is_empty());
    }

    #[test]
    fn a_date_is_found_where_readability_does_not_look() {
        let metadata = read(r#"<time itemprop="datePublished" datetime="2023-01-05">a day</time>"#);
        assert_eq!(metadata.published_iso.as_deref(), Some("2023-01-05"));
        let metadata =
            read(r#"<meta name="date" content="soon"><meta name="pubdate" content="Jan 5, 2023">"#);
        assert_eq!(metadata.published_iso.as_deref(), Some("2023-01-05"));
    }
}
