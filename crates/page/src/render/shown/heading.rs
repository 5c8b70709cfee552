//! What stands in headings and is no part of them: buttons, edit links, permanent links.

use crate::bits::Bits;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::render::tags::{has_class, heading};

/// Bytes and nodes of an element that is looked at: widgets are short.
const MAX_BYTES: usize = 64;
const MAX_NODES: usize = 24;

/// Takes widgets out of headings that have other text.
pub(super) fn leave_out_widgets(document: &Document<'_>, shown: &mut Bits) {
    let mut at = 1;
    while (at as usize) < document.len() {
        let id = NodeId(at);
        at += 1;
        let is_heading = |tag| heading(document, id, tag).is_some();
        if shown.has(id.0) && document.tag(id).is_some_and(is_heading) {
            at = document.end(id).0;
            look(document, id, shown);
        }
    }
}

fn look(document: &Document<'_>, heading: NodeId, shown: &mut Bits) {
    let mut widgets: Vec<NodeId> = Vec::new();
    let mut has_text = false;
    let mut at = heading.0 + 1;
    while at < document.end(heading).0 {
        let id = NodeId(at);
        at += 1;
        match document.tag(id) {
            Some(tag) if shown.has(id.0) && is_widget(document, id, tag) => {
                widgets.push(id);
                at = document.end(id).0;
            }
            Some(_) if !shown.has(id.0) => at = document.end(id).0,
            Some(_) => {}
            None => {
                let text = document.text(id).filter(|_| shown.has(id.0));
                has_text |= text.is_some_and(|text| text.chars().any(char::is_alphanumeric));
            }
        }
    }
    if has_text {
        for widget in widgets {
            shown.remove(widget.0);
        }
    }
}

fn is_widget(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    if tag == Tag::BUTTON || document.attribute(id, Attr::ROLE) == Some("button") {
        return true;
    }
    let is_edit = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.contains("editsection") || word.contains("edit-link") || word.contains("editlink")
    };
    if has_class(document, id, is_edit) {
        return true;
    }
    if tag == Tag::A {
        return is_permanent(document, id);
    }
    matches!(tag, Tag::SPAN | Tag::SMALL | Tag::SUP) && is_bracketed_edit(document, id)
}

/// A link to the heading itself: its text is a sign, or its class says so.
fn is_permanent(document: &Document<'_>, link: NodeId) -> bool {
    let href = document.attribute(link, Attr::HREF).unwrap_or_default();
    if !href.contains('#') {
        return false;
    }
    let Some(text) = short_text(document, link) else {
        return false;
    };
    let has_picture = || {
        let mut nodes = document.descendants(link).take(MAX_NODES);
        nodes.any(|id| document.is(id, Tag::IMG))
    };
    let by_class = |word: &str| {
        let word = word.to_ascii_lowercase();
        [
            "anchor",
            "headerlink",
            "permalink",
            "heading-link",
            "hash-link",
        ]
        .iter()
        .any(|name| word.contains(name))
    };
    let is_hidden = || document.attribute(link, Attr::ARIA_HIDDEN) == Some("true");
    !text.chars().any(char::is_alphanumeric) && !has_picture()
        || has_class(document, link, by_class)
        || is_hidden()
}

/// `[edit]` in any language: brackets around a link whose address says that it edits.
fn is_bracketed_edit(document: &Document<'_>, id: NodeId) -> bool {
    let Some(text) = short_text(document, id) else {
        return false;
    };
    let text = text.trim();
    text.starts_with('[')
        && text.ends_with(']')
        && document.descendants(id).take(MAX_NODES).any(|id| {
            document.is(id, Tag::A)
                && document
                    .attribute(id, Attr::HREF)
                    .is_some_and(|href| href.contains("edit"))
        })
}

/// The text of an element, if it is short.
fn short_text(document: &Document<'_>, id: NodeId) -> Option<String> {
    let mut out = String::new();
    for (place, node) in document.descendants(id).enumerate() {
        if place >= MAX_NODES || out.len() > MAX_BYTES {
            return None;
        }
        let text = document.text(node).unwrap_or_default();
        if text.len() > 2 * MAX_BYTES {
            return None;
        }
        out.push_str(text);
    }
    Some(out)
}
