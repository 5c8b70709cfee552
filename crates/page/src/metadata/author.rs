//! Who wrote the page.

use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::near;
use super::person::person;
use super::sources::{Property, Sources, starts_with_ignore_case};
use super::value::text_of;
use crate::html::{Attr, Document, NodeId, Tag};

/// Bytes of an element's text that may hold an author.
const MAX_BYTES: usize = 160;

/// A text that begins with one of these beside the heading names the author.
const BYLINES: &[&str] = &[
    "by ",
    "by: ",
    "written by ",
    "posted by ",
    "author: ",
    "von ",
    "par ",
    "por ",
    "di ",
    "door ",
];

/// The authors, each once, joined with `, `; from the first source that has any. `visible` lets sources count that are
/// not markup for machines.
pub(super) fn author(
    document: &Document<'_>,
    sources: &Sources<'_>,
    json_ld: &mut JsonLd<'_>,
    near: &Near<'_, '_>,
    visible: bool,
) -> Option<String> {
    let (article, page) = (json_ld.article, json_ld.page);
    let metas = |name| all(sources.meta(name).map(str::to_owned), false);
    let elements =
        |places: Vec<NodeId>| first(places.into_iter().filter_map(|id| element(document, id)));
    item_meta(document, sources)
        .or_else(|| all(json_ld.names(article, "author").into_iter(), true))
        .or_else(|| all(json_ld.names(page, "author").into_iter(), true))
        .or_else(|| metas(MetaName::Author))
        .or_else(|| metas(MetaName::ArticleAuthor))
        .or_else(|| label(sources))
        .or_else(|| elements(sources.author_narrow.iter().collect()).filter(|_| visible))
        .or_else(|| metas(MetaName::OtherAuthor))
        .or_else(|| elements(sources.rel_author.iter().collect()))
        .or_else(|| elements(sources.author_wide.iter().collect()).filter(|_| visible))
        .or_else(|| near.byline().filter(|_| visible))
        .or_else(|| elements(sources.property(Property::Author).collect()))
}

/// The texts around the heading, read once and only if asked for.
pub(super) struct Near<'d, 'h> {
    document: &'d Document<'h>,
    heading: Option<NodeId>,
    texts: std::cell::OnceCell<Vec<String>>,
}

impl<'d, 'h> Near<'d, 'h> {
    pub(super) fn new(document: &'d Document<'h>, heading: Option<NodeId>) -> Near<'d, 'h> {
        Near {
            document,
            heading,
            texts: std::cell::OnceCell::new(),
        }
    }

    pub(super) fn texts(&self) -> &[String] {
        self.texts.get_or_init(|| match self.heading {
            Some(heading) => near::texts(self.document, heading),
            None => Vec::new(),
        })
    }

    fn byline(&self) -> Option<String> {
        let bylines = self.texts().iter().filter(|text| {
            text.len() <= MAX_BYTES
                && BYLINES
                    .iter()
                    .any(|prefix| starts_with_ignore_case(text, prefix))
        });
        bylines.filter_map(|text| person(text, false)).next()
    }
}

fn item_meta(document: &Document<'_>, sources: &Sources<'_>) -> Option<String> {
    let metas = sources
        .property(Property::Author)
        .filter(|id| document.is(*id, Tag::META));
    all(
        metas.filter_map(|id| Some(document.attribute(id, Attr::CONTENT)?.to_owned())),
        false,
    )
}

fn label(sources: &Sources<'_>) -> Option<String> {
    let mut written = false;
    for (name, value) in &sources.metas {
        match name {
            MetaName::TwitterLabel => {
                let value = value.trim();
                written = [
                    "written by",
                    "author",
                    "by",
                    "verfasst von",
                    "écrit par",
                    "escrito por",
                    "geschreven door",
                    "scritto da",
                    "geschrieben von",
                ]
                .iter()
                .any(|label| value.eq_ignore_ascii_case(label));
            }
            MetaName::TwitterData if written => return person(value, false),
            _ => {}
        }
    }
    None
}

fn element(document: &Document<'_>, id: NodeId) -> Option<String> {
    if document.is(id, Tag::META) {
        return None;
    }
    if let Some(content) = document.attribute(id, Attr::CONTENT) {
        return person(content, false);
    }
    person(&text_of(document, id, MAX_BYTES)?, false)
}

fn first(mut names: impl Iterator<Item = String>) -> Option<String> {
    names.next()
}

/// All names, each once.
fn all(names: impl Iterator<Item = String>, handle: bool) -> Option<String> {
    let mut joined: Vec<String> = Vec::new();
    for name in names.filter_map(|name| person(&name, handle)).take(32) {
        if !joined
            .iter()
            .any(|its| its.to_lowercase() == name.to_lowercase())
        {
            joined.push(name);
        }
    }
    (!joined.is_empty()).then(|| joined.join(", "))
}
