//! Which nodes are rendered.
//!
//! A selection is pieces: text, pictures. Here they get what stands around them (an element is rendered if it holds a
//! piece), pictures directly between them are added, and what is said twice or only serves the screen is left out.

mod between;
mod gutter;
mod heading;
mod repeat;

use super::image::Images;
use super::tags::{Flow, flow, is_preformatted};
use crate::bits::Bits;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::selection::{Selection, is_atom, is_blank, is_unseen};

/// The nodes that are rendered, with all their ancestors.
pub(super) struct Shown {
    nodes: Bits,
    has_shadows: bool,
}

impl Shown {
    /// What is rendered of a selection.
    pub(super) fn of(document: &Document<'_>, selection: &Selection) -> Shown {
        let mut shown = Shown {
            nodes: selection.chosen.clone(),
            has_shadows: false,
        };
        let images = Images::new(document);
        between::add(document, &mut shown.nodes);
        repeat::leave_out_fallbacks(document, &images, &mut shown.nodes);
        shown.add_ancestors(document);
        shown.add_structure(document);
        gutter::leave_out(document, &mut shown.nodes);
        heading::leave_out_widgets(document, &mut shown.nodes);
        repeat::leave_out(document, &mut shown.nodes);
        shown
    }

    /// Whether a node is rendered.
    #[inline]
    pub(super) fn has(&self, id: NodeId) -> bool {
        self.nodes.has(id.0)
    }

    /// Whether the page has declarative shadow roots.
    pub(super) fn has_shadows(&self) -> bool {
        self.has_shadows
    }

    /// Rendered nodes in document order.
    pub(super) fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.iter().map(NodeId)
    }

    /// Adds the ancestors of all pieces. White space counts for inline elements only: it parts words, but makes no
    /// paragraph.
    fn add_ancestors(&mut self, document: &Document<'_>) {
        let mut blank: Vec<NodeId> = Vec::new();
        let pieces: Vec<NodeId> = self.iter().collect();
        for piece in &pieces {
            let counts = match document.tag(*piece) {
                Some(tag) => tag != Tag::BR,
                None => document.text(*piece).is_some_and(|text| !is_blank(text)),
            };
            if !counts {
                blank.push(*piece);
                continue;
            }
            self.climb(document, *piece, |_| true);
        }
        for piece in blank {
            self.climb(document, piece, |tag| flow(tag) == Flow::Inline);
        }
    }

    /// Adds the ancestors of a node up to one that is there already or that stops.
    fn climb(&mut self, document: &Document<'_>, from: NodeId, passes: impl Fn(Tag) -> bool) {
        let mut at = from;
        while let Some(parent) = document.parent(at) {
            if document.tag(parent).is_some_and(|tag| !passes(tag)) || !self.nodes.add(parent.0) {
                return;
            }
            at = parent;
        }
    }

    /// Adds what holds no piece and matters all the same: empty cells of a row, empty lines of code, slots.
    fn add_structure(&mut self, document: &Document<'_>) {
        let mut code_until = 0;
        for id in document.nodes() {
            let Some(tag) = document.tag(id) else {
                continue;
            };
            let is_shown = self.nodes.has(id.0);
            match tag {
                Tag::TR if is_shown => {
                    for cell in document.children(id) {
                        if document.is(cell, Tag::TD) || document.is(cell, Tag::TH) {
                            self.nodes.add(cell.0);
                        }
                    }
                }
                Tag::TEMPLATE if document.attribute(id, Attr::SHADOWROOTMODE).is_some() => {
                    self.has_shadows = true;
                    self.add_slots(document, id);
                }
                _ if is_shown && is_preformatted(tag) && id.0 >= code_until => {
                    code_until = document.end(id).0;
                    self.add_code(document, id);
                }
                _ => {}
            }
        }
    }

    /// Adds all elements of code: their ends are ends of lines.
    fn add_code(&mut self, document: &Document<'_>, pre: NodeId) {
        let mut at = pre.0 + 1;
        while at < document.end(pre).0 {
            let id = NodeId(at);
            match document.tag(id) {
                Some(tag) if is_unseen(document, id, tag) => {
                    at = document.end(id).0;
                    continue;
                }
                Some(Tag::BUTTON) => {
                    self.nodes.remove(at);
                    at = document.end(id).0;
                    continue;
                }
                Some(tag) if !is_atom(document, id, tag) || tag == Tag::BR => {
                    self.nodes.add(at);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Adds the slots of a shadow root and what leads to them.
    fn add_slots(&mut self, document: &Document<'_>, root: NodeId) {
        for id in document.descendants(root) {
            if !document.is(id, Tag::SLOT) {
                continue;
            }
            let mut at = id;
            while at != root && self.nodes.add(at.0) {
                at = document.parent(at).unwrap_or(root);
            }
        }
        self.nodes.add(root.0);
    }
}
