//! What is there a second time: pictures for readers without scripts, formulas in another form, ways back from notes.

use crate::bits::Bits;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::render::image::Images;
use crate::render::tags::has_class;
use crate::selection::{is_atom, is_blank};

/// Nodes on each side of a `noscript` among which the picture is looked for that it stands in for.
const MAX_NODES: usize = 16;

/// Takes out the pictures of a `noscript` beside which the same picture stands.
pub(super) fn leave_out_fallbacks(document: &Document<'_>, images: &Images, shown: &mut Bits) {
    let mut at = 1;
    while (at as usize) < document.len() {
        let id = NodeId(at);
        at += 1;
        if !document.is(id, Tag::NOSCRIPT) {
            continue;
        }
        let end = document.end(id);
        at = end.0;
        let has_text = document
            .descendants(id)
            .any(|id| shown.has(id.0) && document.text(id).is_some_and(|text| !is_blank(text)));
        if has_text || !is_beside_picture(document, images, id) {
            continue;
        }
        for picture in document.descendants(id) {
            if document.is(picture, Tag::IMG) {
                shown.remove(picture.0);
            }
        }
    }
}

fn is_beside_picture(document: &Document<'_>, images: &Images, noscript: NodeId) -> bool {
    let Some(parent) = document.parent(noscript) else {
        return false;
    };
    let before = (parent.0 + 1..noscript.0).rev().take(MAX_NODES);
    let after = (document.end(noscript).0..document.end(parent).0).take(MAX_NODES);
    let mut sides = [
        before.map(NodeId).find(|id| document.is(*id, Tag::IMG)),
        after.map(NodeId).find(|id| document.is(*id, Tag::IMG)),
    ]
    .into_iter()
    .flatten();
    sides.any(|image| images.source(document, image).is_some())
}

/// Takes out the second form of formulas and the ways back from notes.
pub(super) fn leave_out(document: &Document<'_>, shown: &mut Bits) {
    for id in document.nodes() {
        let Some(tag) = document.tag(id).filter(|_| shown.has(id.0)) else {
            continue;
        };
        if matches!(tag, Tag::MATH | Tag::SCRIPT) && is_atom(document, id, tag) {
            leave_out_second_form(document, id, shown);
        } else if tag == Tag::A && is_way_back(document, id) {
            shown.remove(id.0);
        }
    }
}

/// Formulas are often there twice: as MathML that only readers of screens get, and set for the eye beside it.
fn leave_out_second_form(document: &Document<'_>, formula: NodeId, shown: &mut Bits) {
    let mut at = formula;
    for _ in 0..2 {
        for beside in [element_before(document, at), element_after(document, at)] {
            if let Some(beside) = beside.filter(|beside| is_second_form(document, *beside)) {
                shown.remove(beside.0);
            }
        }
        match document.parent(at) {
            Some(parent) if document.is(parent, Tag::SPAN) => at = parent,
            Some(parent)
                if document
                    .tag(parent)
                    .is_some_and(|tag| document.tag_name(tag).starts_with("mjx-")) =>
            {
                at = parent;
            }
            _ => return,
        }
    }
}

fn is_second_form(document: &Document<'_>, id: NodeId) -> bool {
    document.attribute(id, Attr::ARIA_HIDDEN) == Some("true")
        || has_class(document, id, |word| {
            word.starts_with("MathJax")
                || word.contains("katex-html")
                || word.contains("math-fallback")
        })
}

/// The element directly before, with nothing but white space between. A previous sibling is found by climbing from the
/// node before.
fn element_before(document: &Document<'_>, id: NodeId) -> Option<NodeId> {
    let parent = document.parent(id)?;
    let mut at = NodeId(id.0.checked_sub(1)?);
    for _ in 0..64 {
        if at == parent {
            return None;
        }
        let its = document.parent(at)?;
        if its != parent {
            at = its;
        } else if document.text(at).is_some_and(is_blank) {
            at = NodeId(at.0 - 1);
        } else {
            return document.tag(at).map(|_| at);
        }
    }
    None
}

/// The element directly after, with nothing but white space between.
fn element_after(document: &Document<'_>, id: NodeId) -> Option<NodeId> {
    let next = document.next_sibling(id)?;
    if document.text(next).is_some_and(is_blank) {
        return document
            .next_sibling(next)
            .filter(|id| document.tag(*id).is_some());
    }
    document.tag(next).map(|_| next)
}

/// A link within the page whose text is an arrow.
fn is_way_back(document: &Document<'_>, link: NodeId) -> bool {
    if !document
        .attribute(link, Attr::HREF)
        .is_some_and(|href| href.contains('#'))
    {
        return false;
    }
    let mut arrows = 0;
    for id in document.descendants(link).take(MAX_NODES) {
        let Some(text) = document.text(id) else {
            continue;
        };
        let is_arrow = |c: char| {
            matches!(
                c,
                '↩' | '↑' | '↵' | '⏎' | '⤴' | '↖' | '^' | '\u{fe0e}' | '\u{fe0f}'
            )
        };
        if text.len() > 16 || !text.trim().chars().all(is_arrow) {
            return false;
        }
        arrows += text.trim().len();
    }
    arrows > 0
}
