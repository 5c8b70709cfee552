//! Sections, keywords and tags.

use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::sources::{Property, Sources};
use super::value::{clean, text_of};
use crate::html::{Attr, Document};
use std::collections::HashSet;

/// A page with more lists them for search engines, not for readers.
const MAX_CATEGORIES: usize = 64;

/// A longer one is a sentence.
const MAX_BYTES: usize = 100;

/// Each category once, in the order sections, tags, keywords, links.
pub(super) fn categories(
    document: &Document<'_>,
    sources: &Sources<'_>,
    json_ld: &JsonLd<'_>,
) -> Vec<String> {
    let mut found = Found::default();
    for name in sources.meta(MetaName::Category) {
        found.add(name);
    }
    for name in json_ld.texts(json_ld.article, "articleSection") {
        found.add(&name);
    }
    for id in sources.property(Property::Section) {
        let named = document.attribute(id, Attr::CONTENT).map(str::to_owned);
        if let Some(name) = named.or_else(|| text_of(document, id, MAX_BYTES)) {
            found.add(&name);
        }
    }
    for list in sources.meta(MetaName::Keywords) {
        found.add_list(list);
    }
    let keywords = json_ld.texts(json_ld.article, "keywords");
    match keywords.as_slice() {
        // Only one text is a list; the items of a list may hold commas.
        [list] => found.add_list(list),
        items => items.iter().for_each(|item| found.add(item)),
    }
    for id in sources.rel_tag.iter() {
        if let Some(name) = text_of(document, id, MAX_BYTES) {
            found.add(name.trim_start_matches('#'));
        }
    }
    found.names
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
    seen: HashSet<String>,
}

impl Found {
    fn add(&mut self, name: &str) {
        let Some(name) = clean(name).filter(|name| name.len() <= MAX_BYTES) else {
            return;
        };
        if self.names.len() < MAX_CATEGORIES && self.seen.insert(name.to_lowercase()) {
            self.names.push(name);
        }
    }

    fn add_list(&mut self, list: &str) {
        // Names inside a list of semicolons may hold commas.
        let separator = if list.contains(';') && !list.contains("&") {
            ';'
        } else {
            ','
        };
        for name in list.split(separator).take(4 * MAX_CATEGORIES) {
            self.add(name);
        }
    }
}
