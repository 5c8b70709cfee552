//! Pictures and line ends directly between chosen text, or inside something that is chosen.

use crate::bits::Bits;
use crate::html::{Document, NodeId, Tag};
use crate::selection::{is_atom, is_blank, is_unseen};

/// Ancestors of a picture among which one is looked for that holds chosen text.
const MAX_STEPS: usize = 8;

/// Adds the pictures.
pub(super) fn add(document: &Document<'_>, chosen: &mut Bits) {
    // Whether the last text that a reader sees is chosen, and what came after it.
    let mut after_chosen = false;
    let mut waiting: Vec<NodeId> = Vec::new();
    let mut outside: Vec<NodeId> = Vec::new();
    let mut at = 1;
    while (at as usize) < document.len() {
        let id = NodeId(at);
        let Some(tag) = document.tag(id) else {
            if document.text(id).is_some_and(|text| !is_blank(text)) {
                let is_chosen = chosen.has(at);
                let is_between = after_chosen && is_chosen;
                for piece in waiting.drain(..) {
                    if is_between {
                        chosen.add(piece.0);
                    } else {
                        outside.push(piece);
                    }
                }
                after_chosen = is_chosen;
            }
            at += 1;
            continue;
        };
        if is_atom(document, id, tag) && !chosen.has(at) {
            waiting.push(id);
        }
        let end = document.end(id).0;
        let is_passed = is_unseen(document, id, tag) && chosen.first_in(at + 1..end).is_none();
        if is_passed && document.is(id, Tag::NOSCRIPT) {
            let below = document.descendants(id);
            waiting.extend(below.filter(|id| document.is(*id, Tag::IMG)));
        }
        at = if is_passed { end } else { at + 1 };
    }
    outside.extend(waiting);
    for piece in outside {
        if document.tag(piece) != Some(Tag::HR) && is_inside(document, chosen, piece) {
            chosen.add(piece.0);
        }
    }
}

/// Whether the nearest figure, paragraph, cell or item around a picture holds something chosen.
fn is_inside(document: &Document<'_>, chosen: &Bits, piece: NodeId) -> bool {
    let around = document.ancestors(piece).take(MAX_STEPS).find(|ancestor| {
        document.tag(*ancestor).is_some_and(|tag| {
            matches!(
                tag,
                Tag::FIGURE
                    | Tag::P
                    | Tag::H1
                    | Tag::H2
                    | Tag::H3
                    | Tag::H4
                    | Tag::H5
                    | Tag::H6
                    | Tag::LI
                    | Tag::DT
                    | Tag::DD
                    | Tag::TD
                    | Tag::TH
                    | Tag::PRE
            )
        })
    });
    around.is_some_and(|around| {
        let range = around.0..document.end(around).0;
        chosen.first_in(range).is_some()
    })
}
