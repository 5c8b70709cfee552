//! The title of the page's content, without the site's name.

use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::sources::{Property, Sources};
use super::value::{clean, text_of, words};
use crate::html::{Attr, Document, NodeId};
use url::Url;

/// A longer heading is no title.
const MAX_BYTES: usize = 400;

/// What the parts of a title are parted by, white space on both sides.
const SEPARATORS: &[&str] = &[
    "|", "-", "–", "—", "·", "•", "»", "«", "/", "::", "~", "›", "‹", "―", "⋆", "*", ">", "<", ":",
];

/// What is known of the site, to tell its name from the title.
pub(super) struct Site<'a> {
    /// Its name in lower-case words.
    name: Option<String>,
    /// The host of the page, without dots.
    host: Option<&'a str>,
}

impl<'a> Site<'a> {
    pub(super) fn new(name: Option<&str>, page: Option<&'a Url>) -> Site<'a> {
        Site {
            name: name.map(words).filter(|name| !name.is_empty()),
            host: page.and_then(Url::host_str),
        }
    }

    /// Whether a part of a title is the site's name.
    pub(super) fn is_named(&self, part: &str) -> bool {
        let part = words(part);
        if part.is_empty() {
            return false;
        }
        if self.name.as_deref() == Some(&part) {
            return true;
        }
        let Some(host) = self.host else {
            return false;
        };
        let joined: String = part.chars().filter(|c| !c.is_whitespace()).collect();
        let host: String = host.chars().filter(char::is_ascii_alphanumeric).collect();
        joined.len() >= 3 && host.contains(&joined)
    }
}

/// The title, from the first source that has one.
pub(super) fn title(
    document: &Document<'_>,
    sources: &Sources<'_>,
    json_ld: &JsonLd<'_>,
    site: &Site<'_>,
) -> Option<String> {
    only_heading(document, sources)
        .or_else(|| {
            let mut headlines = sources.property(Property::Headline);
            headlines.find_map(|id| match document.attribute(id, Attr::CONTENT) {
                Some(content) => clean(content),
                None => text_of(document, id, MAX_BYTES),
            })
        })
        .or_else(|| json_ld.text(json_ld.article, "headline"))
        .or_else(|| {
            sources
                .meta(MetaName::OgTitle)
                .find_map(clean)
                .map(|title| cut(&title, site))
        })
        .or_else(|| title_element(document, sources).map(|title| cut(&title, site)))
        .or_else(|| {
            sources
                .meta(MetaName::OtherTitle)
                .find_map(clean)
                .map(|title| cut(&title, site))
        })
        .or_else(|| {
            sources
                .h1
                .iter()
                .find_map(|id| text_of(document, id, MAX_BYTES))
        })
}

pub(super) fn title_element(document: &Document<'_>, sources: &Sources<'_>) -> Option<String> {
    let id = sources.title?;
    let text = document
        .first_child(id)
        .and_then(|child| document.text(child))?;
    clean(text)
}

/// The heading that the page's byline stands by: the first one, of the first level if possible, whose words are in the
/// title, else the first.
pub(super) fn heading(document: &Document<'_>, sources: &Sources<'_>) -> Option<NodeId> {
    let mut titles = String::new();
    titles.extend(title_element(document, sources));
    titles.push(' ');
    titles.extend(sources.meta(MetaName::OgTitle).next());
    let titles = words(&titles);
    let titled = |id: &NodeId| {
        let text = text_of(document, *id, MAX_BYTES).map(|text| words(&text));
        text.is_some_and(|text| text.contains(' ') && titles.contains(&text))
    };
    let first = sources.h1.iter().next();
    sources
        .h1
        .iter()
        .find(titled)
        .or_else(|| sources.subheadings.iter().find(titled))
        .or(first)
}

fn only_heading(document: &Document<'_>, sources: &Sources<'_>) -> Option<String> {
    let id = sources.h1.iter().next().filter(|_| sources.h1_count == 1)?;
    text_of(document, id, MAX_BYTES)
}

/// A title without the site's name, and then without its last part if two words are left.
pub(super) fn cut(title: &str, site: &Site<'_>) -> String {
    let mut parts = parts(title);
    let mut named = false;
    while parts.len() > 1 {
        if site.is_named(parts[parts.len() - 1].1) {
            parts.pop();
        } else if site.is_named(parts[0].1) {
            parts.remove(0);
        } else {
            break;
        }
        named = true;
    }
    // A colon is no separator unless the site's name stands beside it.
    if !named && parts.len() > 1 && parts[parts.len() - 1].0 != ":" {
        let (last, _) = (parts[parts.len() - 1].1, ());
        let kept = whole(title, &parts[..parts.len() - 1]);
        if words(kept).split(' ').count() >= 2 && !last.is_empty() {
            parts.pop();
        }
    }
    whole(title, &parts).trim().to_owned()
}

/// The parts of a title, and the separator before each.
fn parts(title: &str) -> Vec<(&str, &str)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut separator = "";
    let mut at = 0;
    for word in title.split(' ') {
        let end = at + word.len();
        let colon = word.len() > 1 && word.ends_with(':');
        if SEPARATORS.contains(&word) && at > start {
            parts.push((separator, title[start..at].trim()));
            separator = word;
            start = (end + 1).min(title.len());
        } else if colon && end < title.len() {
            parts.push((separator, title[start..end - 1].trim()));
            separator = ":";
            start = end + 1;
        }
        at = end + 1;
    }
    parts.push((separator, title[start..].trim()));
    parts.retain(|(_, part)| !part.is_empty());
    parts
}

/// The stretch of the title that these parts cover.
fn whole<'t>(title: &'t str, parts: &[(&str, &'t str)]) -> &'t str {
    let (Some((_, first)), Some((_, last))) = (parts.first(), parts.last()) else {
        return title;
    };
    let start = first.as_ptr() as usize - title.as_ptr() as usize;
    let end = last.as_ptr() as usize - title.as_ptr() as usize + last.len();
    &title[start..end]
}
