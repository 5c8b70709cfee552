//! When the page was published.

use super::author::Near;
use super::date::{self, Order};
use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::sources::{Property, Sources};
use super::value::text_of;
use crate::address::Address;
use crate::html::{Attr, Document, NodeId, Tag};

/// Bytes of a text that may be a date.
const MAX_BYTES: usize = 200;

/// Bytes of an address that a date in numbers may take.
const MAX_DATE_BYTES: usize = 16;

/// The date from the first source that has one. `visible` lets sources count that are not markup for machines.
pub(super) fn published(
    document: &Document<'_>,
    sources: &Sources<'_>,
    json_ld: &JsonLd<'_>,
    near: &Near<'_, '_>,
    url: Option<&Address>,
    order: Order,
    visible: bool,
) -> Option<String> {
    let metas = |name| sources.meta(name).find_map(|value| date::iso(value, order));
    let json = |object, key| date::iso(&json_ld.text(object, key)?, order);
    let times = |inside: bool| {
        let mut times = sources.times.iter().filter(|when| when.inside || !inside);
        times.find_map(|when| element(document, when.id, order))
    };
    metas(MetaName::OtherPublished)
        .or_else(|| {
            sources
                .property(Property::Published)
                .find_map(|id| machine(document, id, order))
        })
        .or_else(|| url.and_then(in_address))
        .or_else(|| metas(MetaName::Published))
        .or_else(|| {
            sources
                .property(Property::Published)
                .find_map(|id| element(document, id, order))
        })
        .or_else(|| times(true).filter(|_| visible))
        .or_else(|| {
            near.texts()
                .iter()
                .filter(|text| text.len() <= MAX_BYTES)
                .find_map(|text| Some(date::find(text, order)?.iso))
                .filter(|_| visible)
        })
        .or_else(|| json(json_ld.page, "datePublished"))
        .or_else(|| json(json_ld.article, "datePublished"))
        .or_else(|| {
            sources
                .date_class
                .iter()
                .find_map(|id| element(document, id, order))
                .filter(|_| visible)
        })
        .or_else(|| times(false).filter(|_| visible))
        .or_else(|| metas(MetaName::SitePublished))
        .or_else(|| json(json_ld.article, "dateCreated"))
        .or_else(|| json(json_ld.article, "dateModified"))
        .or_else(|| metas(MetaName::Modified))
        .or_else(|| {
            sources
                .dated
                .iter()
                .find_map(|id| element(document, id, order))
                .filter(|_| visible)
        })
}

/// The value for machines.
fn machine(document: &Document<'_>, id: NodeId, order: Order) -> Option<String> {
    let value = document
        .attribute(id, Attr::CONTENT)
        .or_else(|| document.attribute(id, Attr::DATETIME))?;
    date::iso(value, order)
}

/// The value for machines, else the text.
fn element(document: &Document<'_>, id: NodeId, order: Order) -> Option<String> {
    if let Some(found) = machine(document, id, order) {
        return Some(found);
    }
    if document.is(id, Tag::ABBR)
        && let Some(found) = document
            .attribute(id, Attr::TITLE)
            .and_then(|title| date::iso(title, order))
    {
        return Some(found);
    }
    Some(date::find(&text_of(document, id, MAX_BYTES)?, order)?.iso)
}

/// `/2023/01/05/` or `2023-01-05` in the path.
fn in_address(url: &Address) -> Option<String> {
    let path = url.path();
    for at in memchr::memchr_iter(b'/', path.as_bytes()) {
        let rest = &path[at + 1..];
        let digits = rest.bytes().take(5).take_while(u8::is_ascii_digit).count();
        if digits != 4 {
            continue;
        }
        let end = rest
            .bytes()
            .take(MAX_DATE_BYTES)
            .take_while(|b| b.is_ascii_digit() || matches!(b, b'/' | b'-'))
            .count();
        let written = rest[..end].trim_end_matches(['/', '-']);
        if let Some(found) = date::find(written, Order::Unknown).filter(|found| found.start == 0) {
            return Some(found.iso);
        }
    }
    None
}
