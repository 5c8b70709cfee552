//! Who wrote the page.

use super::date::{self, Order};
use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::near;
use super::person::person;
use super::sources::{Property, Sources, starts_with_ignore_case};
use super::title::Site;
use super::value::{lines_of, text_of};
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

/// A text that is nothing but one of these stands before the author.
const LONE: &[&str] = &[
    "by",
    "written by",
    "author",
    "article by",
    "posted by",
    "von",
    "par",
    "autor",
    "auteur",
    "words by",
];

/// Nodes of an item that are looked at for its name.
const MAX_ITEM_NODES: usize = 64;

/// The authors, each once, joined with `, `; from the first source that has any. `visible` lets sources count that are
/// not markup for machines. The site itself is an author only if there is no other.
pub(super) fn author(
    document: &Document<'_>,
    sources: &Sources<'_>,
    json_ld: &mut JsonLd<'_>,
    near: &Near<'_, '_>,
    site: &Site,
    visible: bool,
) -> Option<String> {
    let (article, page) = (json_ld.article, json_ld.page);
    let mut sites = None;
    let mut own = |found: Option<String>| match found {
        Some(name) if site.is_named(&name) => {
            sites.get_or_insert(name);
            None
        }
        found => found,
    };
    let metas = |name| all(sources.meta(name).map(str::to_owned), false);
    let elements = |places: Vec<NodeId>| {
        let mut names = places
            .into_iter()
            .filter_map(|id| element(document, id))
            .filter(|_| visible);
        names.next()
    };
    own(item_meta(document, sources))
        .or_else(|| own(all(json_ld.names(article, "author").into_iter(), true)))
        .or_else(|| own(all(json_ld.names(page, "author").into_iter(), true)))
        .or_else(|| own(metas(MetaName::Author)))
        .or_else(|| own(metas(MetaName::ArticleAuthor)))
        .or_else(|| own(label(sources)))
        .or_else(|| own(together(document, sources.author_narrow.iter()).filter(|_| visible)))
        .or_else(|| own(metas(MetaName::OtherAuthor)))
        .or_else(|| own(citation(sources)))
        .or_else(|| own(first(document, sources.rel_author.iter())))
        .or_else(|| own(elements(sources.author_wide.iter().collect())))
        .or_else(|| own(near.byline().filter(|_| visible)))
        .or_else(|| own(first(document, sources.property(Property::Author))))
        .or_else(|| own(elements(sources.author_link.iter().collect())))
        .or_else(|| own(elements(sources.written_by.iter().collect())))
        .or_else(|| own(elements(sources.author_beside.iter().collect())))
        .or_else(|| own(near.beside_date().filter(|_| visible)))
        .or(sites)
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

    /// A text that begins with `By`, maybe after a date; or the one that follows a lone `By`.
    fn byline(&self) -> Option<String> {
        let texts = self.texts();
        texts
            .iter()
            .enumerate()
            .filter(|(_, text)| text.len() <= MAX_BYTES)
            .find_map(|(at, text)| {
                let text = after_date(text);
                if LONE
                    .iter()
                    .any(|word| text.trim_end_matches([':', ' ']).eq_ignore_ascii_case(word))
                {
                    return person(
                        texts.get(at + 1).filter(|next| next.len() <= MAX_BYTES)?,
                        false,
                    );
                }
                let begins = BYLINES
                    .iter()
                    .any(|prefix| starts_with_ignore_case(text, prefix));
                person(text, false).filter(|_| begins)
            })
    }

    /// What looks like a person's name in or beside a text with a date.
    fn beside_date(&self) -> Option<String> {
        let texts = self.texts();
        let dated = texts.iter().position(|text| {
            text.len() <= MAX_BYTES && date::find(text, Order::DayFirst).is_some()
        })?;
        let around = [Some(dated), dated.checked_sub(1), Some(dated + 1)];
        around
            .into_iter()
            .flatten()
            .filter_map(|at| texts.get(at))
            .filter(|text| text.len() <= MAX_BYTES)
            .find_map(|text| {
                let mut parts = text
                    .split(['|', '·', '•', '—', '–'])
                    .flat_map(|part| part.split(" - "));
                parts.find_map(|part| person(part, false).filter(|name| looks_like_name(name)))
            })
    }
}

/// Two to four words in upper case first, and nothing else.
fn looks_like_name(name: &str) -> bool {
    let words = name.split(' ');
    let capital = |word: &str| {
        word.starts_with(char::is_uppercase)
            && word
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '’'))
            && word.chars().nth(1).is_none_or(|c| !c.is_uppercase())
    };
    (2..=4).contains(&words.clone().count()) && words.clone().all(capital)
}

/// The text without a date at its beginning.
fn after_date(text: &str) -> &str {
    match date::find(text, Order::DayFirst) {
        Some(found) if found.start < 8 => {
            text[found.end..].trim_start_matches(|c: char| !c.is_alphanumeric())
        }
        _ => text,
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

/// The authors of a paper, the given name first: joined by commas, `Tveit, Mara` would be two.
fn citation(sources: &Sources<'_>) -> Option<String> {
    let names = sources.meta(MetaName::CitationAuthor).map(|name| {
        let mut parts = name.split(',').map(str::trim);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(family), Some(given), None) if !family.is_empty() && !is_title(given) => {
                format!("{given} {family}")
            }
            _ => name.to_owned(),
        }
    });
    all(names, false)
}

/// What stands behind a comma and is no given name.
fn is_title(text: &str) -> bool {
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
    let titles = [
        "", "jr", "sr", "ii", "iii", "phd", "md", "mph", "msc", "dphil",
    ];
    titles
        .iter()
        .any(|title| letters.eq_ignore_ascii_case(title))
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

fn first(document: &Document<'_>, places: impl Iterator<Item = NodeId>) -> Option<String> {
    places.filter_map(|id| element(document, id)).next()
}

/// The first author that these elements name, and those whose elements stand beside it and are of the same classes.
fn together(document: &Document<'_>, places: impl Iterator<Item = NodeId>) -> Option<String> {
    let mut named = places.filter_map(|id| Some((id, element(document, id)?)));
    let (first, name) = named.next()?;
    let class = document.attribute(first, Attr::CLASS);
    let parent = document.parent(first);
    let beside = named.filter(|(id, _)| {
        *id >= document.end(first)
            && document.attribute(*id, Attr::CLASS) == class
            && document.parent(*id) == parent
    });
    let beside: Vec<String> = beside.map(|(_, name)| name).collect();
    all(std::iter::once(name).chain(beside), true)
}

/// The author that an element names: its property `name`, its content, or the first line of its text that is a name.
fn element(document: &Document<'_>, id: NodeId) -> Option<String> {
    if matches!(document.tag(id)?, Tag::META | Tag::LINK) {
        return None;
    }
    if document.attribute(id, Attr::ITEMSCOPE).is_some()
        && let Some(name) = item_name(document, id)
    {
        return person(&name, true);
    }
    if let Some(content) = document.attribute(id, Attr::CONTENT) {
        return person(content, false);
    }
    lines_of(document, id, MAX_BYTES)
        .iter()
        .find_map(|line| person(line, false))
}

/// The property `name` of an item.
fn item_name(document: &Document<'_>, id: NodeId) -> Option<String> {
    let named = document.descendants(id).take(MAX_ITEM_NODES).find(|node| {
        let property = document.attribute(*node, Attr::ITEMPROP);
        property.is_some_and(|its| its.split_ascii_whitespace().any(|word| word == "name"))
    })?;
    match document.attribute(named, Attr::CONTENT) {
        Some(content) => Some(content.to_owned()),
        None => text_of(document, named, MAX_BYTES),
    }
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
