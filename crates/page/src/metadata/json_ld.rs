//! What a page's JSON-LD says: the article or thread, the page, the site.

use super::json::{self, Kind, Value};
use super::value::clean;
use crate::html::{Document, NodeId};
use std::collections::HashMap;

/// References that are followed from one value to the next.
const MAX_STEPS: usize = 4;

/// Authors of one page.
const MAX_AUTHORS: usize = 32;

/// The values of all scripts, and the objects that matter.
pub(super) struct JsonLd<'d> {
    values: Vec<Value<'d>>,
    /// Objects by their `@id`; of equals the one that says more.
    ids: HashMap<String, usize>,
    /// The first article, posting, recipe, thread … that names its author, headline or date; else the first.
    pub(super) article: Option<usize>,
    article_says: bool,
    /// The first `WebPage` or kind of it.
    pub(super) page: Option<usize>,
    /// The first `WebSite`.
    pub(super) site: Option<usize>,
    /// Whether the page is a list of others.
    pub(super) list: bool,
    /// The first product.
    pub(super) product: Option<usize>,
}

/// Whether a type is of something that someone wrote.
pub(super) fn is_article(its: &str) -> bool {
    its.ends_with("Article")
        || its.ends_with("Posting")
        || matches!(
            its,
            "Report"
                | "Recipe"
                | "Question"
                | "BlogPost"
                | "CreativeWork"
                | "HowTo"
                | "Review"
                | "Essay"
        )
}

fn is_page(its: &str) -> bool {
    its.ends_with("Page")
}

impl<'d> JsonLd<'d> {
    pub(super) fn read(document: &'d Document<'_>, scripts: &[NodeId]) -> JsonLd<'d> {
        let mut values: Vec<Value<'d>> = Vec::new();
        for script in scripts {
            let text = document
                .first_child(*script)
                .and_then(|child| document.text(child));
            let start = values.len();
            values.extend(
                json::read(text.unwrap_or_default())
                    .into_iter()
                    .map(|mut value| {
                        value.end += start;
                        value
                    }),
            );
        }
        let mut read = JsonLd {
            values,
            ids: HashMap::new(),
            article: None,
            article_says: false,
            page: None,
            site: None,
            product: None,
            list: false,
        };
        read.find_roots();
        read
    }

    /// Objects that stand for the page: at the top, in `@graph`, or what the page says it is about. Those in lists of
    /// other pages are left out.
    fn find_roots(&mut self) {
        let mut at = 0;
        while at < self.values.len() {
            let value = &self.values[at];
            let root = matches!(
                value.key.as_deref(),
                None | Some("@graph" | "mainEntity" | "mainEntityOfPage")
            );
            match value.kind {
                Kind::Object if root => {
                    self.classify(at);
                    at += 1;
                }
                Kind::Array if root => at += 1,
                _ => at = value.end.max(at + 1),
            }
        }
    }

    fn classify(&mut self, object: usize) {
        for its in self.types(object) {
            if is_article(&its) {
                // Questions of a list say nothing of who asked; an article after them does.
                let says = ["author", "headline", "datePublished"]
                    .iter()
                    .any(|key| self.member(object, key).is_some());
                if self.article.is_none() || (says && !self.article_says) {
                    self.article = Some(object);
                    self.article_says = says;
                }
            } else if is_page(&its) {
                self.page.get_or_insert(object);
            } else if its == "WebSite" {
                self.site.get_or_insert(object);
            } else if its == "Product" {
                self.product.get_or_insert(object);
            }
            self.list |= matches!(
                its.as_str(),
                "CollectionPage" | "SearchResultsPage" | "ItemList" | "OfferCatalog"
            );
        }
    }

    fn types(&self, object: usize) -> Vec<String> {
        let Some(its) = self.member(object, "@type") else {
            return Vec::new();
        };
        self.items(its)
            .filter_map(|at| self.string(at))
            .map(|its| {
                its.rsplit(['/', ':', '#'])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .take(8)
            .collect()
    }

    /// The direct members of an object or array.
    fn members(&self, object: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.values[object].end;
        let first = Some(object + 1).filter(|first| *first < end);
        std::iter::successors(first, move |at| {
            Some(self.values[*at].end).filter(|next| *next < end)
        })
    }

    fn member(&self, object: usize, key: &str) -> Option<usize> {
        let is_object = self.values[object].kind == Kind::Object;
        self.members(object)
            .find(|at| is_object && self.values[*at].key.as_deref() == Some(key))
    }

    /// The items of an array, or the value itself.
    fn items(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let array = self.values[at].kind == Kind::Array;
        let items = array.then(|| self.members(at)).into_iter().flatten();
        items.chain((!array).then_some(at))
    }

    fn string(&self, at: usize) -> Option<&str> {
        match &self.values[at].kind {
            Kind::Text(text) => Some(text),
            Kind::Bare(text) if text.starts_with(|c: char| c.is_ascii_digit()) => Some(text),
            _ => None,
        }
    }

    /// The text of a value: a string, the `@value` or `name` of an object, the first of a list.
    fn text_at(&self, at: usize) -> Option<String> {
        let mut at = at;
        for _ in 0..MAX_STEPS {
            match self.values[at].kind {
                Kind::Array => at = self.members(at).next()?,
                Kind::Object => {
                    at = self
                        .member(at, "@value")
                        .or_else(|| self.member(at, "name"))?
                }
                _ => return clean(self.string(at)?),
            }
        }
        None
    }

    /// The text of a member of one of these objects, if there is one.
    pub(super) fn text(&self, object: Option<usize>, key: &str) -> Option<String> {
        self.text_at(self.member(object?, key)?)
    }

    /// Every text of a member that is one or a list of them.
    pub(super) fn texts(&self, object: Option<usize>, key: &str) -> Vec<String> {
        let member = object.and_then(|object| self.member(object, key));
        member
            .into_iter()
            .flat_map(|member| self.items(member))
            .filter_map(|at| self.text_at(at))
            .collect()
    }

    /// The names of a member's persons, through lists and references.
    pub(super) fn names(&mut self, object: Option<usize>, key: &str) -> Vec<String> {
        let Some(member) = object.and_then(|object| self.member(object, key)) else {
            return Vec::new();
        };
        let items: Vec<usize> = self.items(member).take(MAX_AUTHORS).collect();
        items.into_iter().filter_map(|at| self.name(at)).collect()
    }

    fn name(&mut self, at: usize) -> Option<String> {
        if self.values[at].kind != Kind::Object {
            let text = self.text_at(at)?;
            // A plain text may be the reference itself.
            let reference = text.starts_with("http") || text.starts_with('#');
            return match self.resolve(&text).filter(|_| reference) {
                Some(object) => self.own_name(object),
                None => Some(text),
            };
        }
        if let Some(name) = self.own_name(at) {
            return Some(name);
        }
        let Some(id) = self.text(Some(at), "@id") else {
            return self.text(Some(at), "@value");
        };
        let object = self.resolve(&id)?;
        self.own_name(object)
    }

    fn own_name(&self, object: usize) -> Option<String> {
        if let Some(name) = self.text(Some(object), "name") {
            return Some(name);
        }
        let given = self.text(Some(object), "givenName");
        let family = self.text(Some(object), "familyName");
        match (given, family) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (given, family) => given.or(family),
        }
    }

    /// The object of this `@id` that has a name.
    fn resolve(&mut self, id: &str) -> Option<usize> {
        if self.ids.is_empty() {
            for object in 0..self.values.len() {
                if let Some(its) = self.text(Some(object), "@id")
                    && self.own_name(object).is_some()
                {
                    self.ids.entry(its).or_insert(object);
                }
            }
        }
        self.ids.get(id).copied()
    }
}
