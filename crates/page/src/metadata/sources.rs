//! One pass over the document that collects what could be metadata, by where it stands. What is right is decided later,
//! so that a page without metadata costs no more than the pass.

use super::class::{self, Marks};
use super::meta::{self, MetaName};
use crate::html::{Attr, Document, Namespace, NodeId, Tag};

/// Candidates of one source that are kept: the page's own come early.
const MAX_CANDIDATES: usize = 24;

/// Values of `meta` elements that are kept.
const MAX_METAS: usize = 512;

/// A property by microdata or RDFa.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Property {
    Author,
    Published,
    Modified,
    Headline,
    Section,
    Keywords,
}

/// The elements of one source, in document order.
#[derive(Default)]
pub(super) struct Places(Vec<NodeId>);

impl Places {
    fn push(&mut self, id: NodeId) {
        if self.0.len() < MAX_CANDIDATES {
            self.0.push(id);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.0.iter().copied()
    }
}

/// A `time` element, or another that says when.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) id: NodeId,
    /// Whether it stands in `main` or `article`.
    pub(super) inside: bool,
}

#[derive(Default)]
pub(super) struct Sources<'d> {
    /// `meta` elements whose name is known, in document order.
    pub(super) metas: Vec<(MetaName, &'d str)>,
    pub(super) title: Option<NodeId>,
    /// The first `h1` elements that have text, and how many there are.
    pub(super) h1: Places,
    pub(super) h1_count: usize,
    pub(super) html_lang: Option<&'d str>,
    pub(super) base_href: Option<&'d str>,
    pub(super) canonical: Option<&'d str>,
    /// Scripts of JSON-LD.
    pub(super) scripts: Vec<NodeId>,
    pub(super) properties: Vec<(Property, NodeId)>,
    pub(super) times: Vec<When>,
    pub(super) rel_author: Places,
    pub(super) rel_tag: Places,
    pub(super) author_narrow: Places,
    pub(super) author_wide: Places,
    pub(super) date_class: Places,
    /// Links to an author's page.
    pub(super) author_link: Places,
    /// Elements whose text begins with `Written by` and the like.
    pub(super) written_by: Places,
    /// Elements whose text begins with `Published` and the like.
    pub(super) dated: Places,
    /// Headings below the first level.
    pub(super) subheadings: Places,
    /// What stands in side columns and footers, for want of anything else.
    pub(super) author_beside: Places,
    /// Whether an item of the page, by microdata or RDFa, is an article or a thread.
    pub(super) article_scope: bool,
}

impl<'d> Sources<'d> {
    pub(super) fn collect(document: &'d Document<'_>) -> Sources<'d> {
        let mut sources = Sources::default();
        let mut inside = Regions::default();
        for id in document.nodes() {
            let Some(tag) = document.tag(id) else {
                if let Some(text) = document.text(id) {
                    sources.text(document, id, text, &inside);
                }
                continue;
            };
            if document.namespace(id) == Namespace::Html {
                sources.element(document, id, tag, &mut inside);
            }
        }
        sources
    }

    /// The values of the `meta` elements of this name, in document order.
    pub(super) fn meta(&self, name: MetaName) -> impl Iterator<Item = &'d str> + '_ {
        let metas = self.metas.iter();
        metas.filter_map(move |(its, value)| (*its == name).then_some(*value))
    }

    /// The elements of this property, in document order.
    pub(super) fn property(&self, property: Property) -> impl Iterator<Item = NodeId> + '_ {
        let all = self.properties.iter();
        all.filter_map(move |(its, id)| (*its == property).then_some(*id))
    }

    fn text(&mut self, document: &Document<'_>, id: NodeId, text: &str, inside: &Regions) {
        let Some((wide, parent)) = said(text).zip(document.parent(id)) else {
            return;
        };
        if id.0 < inside.comments {
            return;
        }
        match wide {
            Said::WrittenBy => self.written_by.push(parent),
            Said::Dated => self.dated.push(parent),
        }
    }

    fn element(&mut self, document: &'d Document<'_>, id: NodeId, tag: Tag, inside: &mut Regions) {
        match tag {
            Tag::META => return self.meta_element(document, id, inside),
            Tag::SCRIPT => return self.script(document, id),
            Tag::STYLE => return,
            Tag::TITLE if self.title.is_none() => self.title = Some(id),
            Tag::H1 => {
                self.h1_count += 1;
                self.h1.push(id);
            }
            Tag::H2 | Tag::H3 => self.subheadings.push(id),
            Tag::BASE if self.base_href.is_none() => {
                self.base_href = document.attribute(id, Attr::HREF);
            }
            Tag::HTML => {
                let lang = document.attribute(id, Attr::LANG);
                self.html_lang = lang.or_else(|| document.attribute(id, Attr::XML_LANG));
            }
            Tag::MAIN | Tag::ARTICLE => inside.main = inside.main.max(document.end(id).0),
            Tag::NAV | Tag::FOOTER | Tag::ASIDE => {
                inside.beside = inside.beside.max(document.end(id).0)
            }
            _ => {}
        }
        let mut marks = Marks::default();
        let mut property = None;
        let mut rel = None;
        let (mut datetime, mut author_link) = (tag == Tag::TIME, false);
        for (name, value) in document.attributes(id) {
            match name {
                Attr::CLASS => marks.read(value),
                Attr::ID => marks.read_id(value),
                Attr::ITEMPROP => property = class::property(value).or(property),
                Attr::PROPERTY => property = property.or(class::property(value)),
                Attr::ITEMTYPE | Attr::TYPEOF => inside.scope(document, id, value, self),
                Attr::REL => rel = Some(value),
                Attr::DATETIME => datetime = true,
                Attr::HREF => author_link = tag == Tag::A && class::is_author_address(value),
                _ => {}
            }
        }
        // Of the whole page such a class says that comments are open.
        let whole = matches!(tag, Tag::HTML | Tag::BODY | Tag::MAIN | Tag::ARTICLE);
        if marks.comments && !whole {
            inside.comments = inside.comments.max(document.end(id).0);
        }
        if datetime || marks.date {
            self.when(id, datetime, marks, inside);
        }
        let aside = id.0 < inside.comments || id.0 < inside.other_scope;
        if let Some(property) =
            property.filter(|_| !aside && self.properties.len() < 4 * MAX_CANDIDATES)
        {
            self.properties.push((property, id));
        }
        if let Some(rel) = rel {
            self.rel(document, id, tag, rel, aside || id.0 < inside.beside);
        }
        if !aside && id.0 >= inside.beside {
            if marks.author_narrow {
                self.author_narrow.push(id);
            } else if marks.author_wide {
                self.author_wide.push(id);
            }
            if author_link {
                self.author_link.push(id);
            }
        } else if !aside && (marks.author_narrow || author_link) {
            self.author_beside.push(id);
        }
    }

    fn meta_element(&mut self, document: &'d Document<'_>, id: NodeId, inside: &Regions) {
        let mut names: [Option<&str>; 4] = [None; 4];
        let mut content = None;
        for (name, value) in document.attributes(id) {
            match name {
                Attr::NAME => names[0] = Some(value),
                Attr::PROPERTY => names[1] = Some(value),
                Attr::HTTP_EQUIV => names[2] = Some(value),
                Attr::ITEMPROP => names[3] = Some(value),
                Attr::CONTENT => content = Some(value.trim()),
                _ => {}
            }
        }
        let Some(content) = content.filter(|content| !content.is_empty()) else {
            return;
        };
        // Without its prefix, `property` is as often a name of a site's own.
        let rdfa = names[1].filter(|name| starts_with_ignore_case(name.trim(), "schema:"));
        if let Some(property) = names[3].or(rdfa).and_then(class::property) {
            let aside = id.0 < inside.comments || id.0 < inside.other_scope;
            if !aside && self.properties.len() < 4 * MAX_CANDIDATES {
                self.properties.push((property, id));
            }
        }
        for name in names[..3]
            .iter()
            .flatten()
            .filter_map(|name| meta::name(name))
        {
            if self.metas.len() < MAX_METAS {
                self.metas.push((name, content));
            }
        }
    }

    fn script(&mut self, document: &'d Document<'_>, id: NodeId) {
        let json_ld = document
            .attribute(id, Attr::TYPE)
            .is_some_and(|its| starts_with_ignore_case(its.trim_start(), "application/ld+json"));
        if json_ld && self.scripts.len() < MAX_CANDIDATES {
            self.scripts.push(id);
        }
    }

    fn when(&mut self, id: NodeId, datetime: bool, marks: Marks, inside: &Regions) {
        if id.0 < inside.comments || id.0 < inside.other_scope {
            return;
        }
        let when = When {
            id,
            inside: id.0 < inside.main,
        };
        if datetime && self.times.len() < MAX_CANDIDATES {
            self.times.push(when);
        }
        if marks.date {
            self.date_class.push(id);
        }
    }

    fn rel(&mut self, document: &'d Document<'_>, id: NodeId, tag: Tag, rel: &'d str, aside: bool) {
        for word in rel.split_ascii_whitespace() {
            if tag == Tag::LINK {
                if word.eq_ignore_ascii_case("canonical") && self.canonical.is_none() {
                    self.canonical = document.attribute(id, Attr::HREF);
                }
            } else if word.eq_ignore_ascii_case("author") && !aside {
                self.rel_author.push(id);
            } else if word.eq_ignore_ascii_case("tag") || word.eq_ignore_ascii_case("category") {
                self.rel_tag.push(id);
            }
        }
    }
}

/// Where regions end that the pass is in; a node before the end is inside.
#[derive(Default)]
struct Regions {
    main: u32,
    beside: u32,
    comments: u32,
    /// An item that has authors and dates of its own: a comment, a review.
    other_scope: u32,
}

impl Regions {
    fn scope(
        &mut self,
        document: &Document<'_>,
        id: NodeId,
        itemtype: &str,
        sources: &mut Sources<'_>,
    ) {
        let its = itemtype.trim().rsplit('/').next().unwrap_or_default();
        match its {
            "Comment" | "UserComments" | "Answer" | "Review" | "AggregateRating" => {
                self.other_scope = self.other_scope.max(document.end(id).0);
            }
            _ if super::json_ld::is_article(its) => sources.article_scope = true,
            _ => {}
        }
    }
}

enum Said {
    WrittenBy,
    Dated,
}

/// What a text that begins like this tells.
fn said(text: &str) -> Option<Said> {
    let text = text.trim_ascii_start();
    match text.as_bytes().first()? {
        b'W' | b'w' if starts_with_ignore_case(text, "written by") => Some(Said::WrittenBy),
        b'P' | b'p'
            if starts_with_ignore_case(text, "published")
                || starts_with_ignore_case(text, "posted on") =>
        {
            Some(Said::Dated)
        }
        b'U' | b'u' if starts_with_ignore_case(text, "updated") => Some(Said::Dated),
        b'L' | b'l'
            if starts_with_ignore_case(text, "last updated")
                || starts_with_ignore_case(text, "last modified")
                || starts_with_ignore_case(text, "last reviewed") =>
        {
            Some(Said::Dated)
        }
        _ => None,
    }
}

pub(super) fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= prefix.len() && bytes[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
}
