//! The words of the page's title and description.

use super::measure::{Known, Topic};
use super::words::hashes;
use crate::html::{Attr, Document, NodeId, Tag};

/// Nodes among which the title is looked for: heads are shorter.
const MOST_NODES: usize = 4_000;

/// Bytes of a title or a description that are read.
const MOST_BYTES: usize = 1_000;

/// Reads what the page says it is about.
pub(super) fn topic(document: &Document<'_>) -> Topic {
    let mut title = Vec::new();
    let mut description = Vec::new();
    let mut has_title = false;
    for node in document.nodes().take(MOST_NODES) {
        if document.is(node, Tag::TITLE) && !has_title {
            has_title = true;
            let text = document
                .first_child(node)
                .and_then(|text| document.text(text));
            title.extend(text.map(read).unwrap_or_default());
        } else if document.is(node, Tag::META) {
            match name(document, node).unwrap_or_default().as_str() {
                "og:title" => title.extend(content(document, node)),
                "description" | "og:description" => description.extend(content(document, node)),
                _ => {}
            }
        }
    }
    Topic {
        title: Known::new(title),
        description: Known::new(description),
    }
}

fn name(document: &Document<'_>, meta: NodeId) -> Option<String> {
    let name = document
        .attribute(meta, Attr::PROPERTY)
        .or_else(|| document.attribute(meta, Attr::NAME))?;
    Some(name.trim().to_ascii_lowercase())
}

fn content(document: &Document<'_>, meta: NodeId) -> Vec<u64> {
    document
        .attribute(meta, Attr::CONTENT)
        .map(read)
        .unwrap_or_default()
}

fn read(text: &str) -> Vec<u64> {
    hashes(&text[..text.floor_char_boundary(MOST_BYTES)])
}
