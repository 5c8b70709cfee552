//! Signs that browsers show around inline elements, or that keep apart what a reader sees apart.

use crate::html::{Attr, Document, NodeId, Tag};

/// Bytes of the text of a reference to a note.
const MAX_REFERENCE: usize = 6;

/// What is written before and after an element.
pub(super) fn around(
    document: &Document<'_>,
    id: NodeId,
    tag: Tag,
) -> Option<(&'static str, &'static str)> {
    match tag {
        Tag::Q => Some(("\"", "\"")),
        // Readings stand above their text: in a line they need brackets, unless the page has them for this.
        Tag::RT if !follows_bracket(document, id) => Some(("(", ")")),
        Tag::A if is_note_reference(document, id) => Some(("[", "]")),
        _ => None,
    }
}

/// Whether the element before is the opening bracket of a reading.
fn follows_bracket(document: &Document<'_>, reading: NodeId) -> bool {
    let mut before = (0..reading.0).rev().take(4).map(NodeId);
    before
        .find(|id| document.tag(*id).is_some())
        .is_some_and(|id| document.is(id, Tag::RP))
}

/// A raised number that leads to a note on the page: without brackets it would be glued to the word before.
fn is_note_reference(document: &Document<'_>, link: NodeId) -> bool {
    let leads_to_note = document
        .attribute(link, Attr::HREF)
        .is_some_and(|href| href.contains('#'));
    let is_raised = || {
        let above = document.parent(link);
        let below = document.first_child(link);
        [above, below]
            .into_iter()
            .flatten()
            .any(|id| document.is(id, Tag::SUP))
    };
    if !leads_to_note || !is_raised() {
        return false;
    }
    let mut length = 0;
    for id in document.descendants(link).take(8) {
        let text = document.text(id).unwrap_or_default().trim();
        length += text.len();
        if !text.chars().all(char::is_alphanumeric) {
            return false;
        }
    }
    (1..=MAX_REFERENCE).contains(&length)
}
