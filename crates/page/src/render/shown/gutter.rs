//! Line numbers beside code.

use crate::bits::Bits;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::render::tags::is_preformatted;

/// Nodes of the next cell among which its code begins.
const MAX_NODES: u32 = 16;

/// Takes out elements that hold line numbers and nothing else.
pub(super) fn leave_out(document: &Document<'_>, shown: &mut Bits) {
    // Elements below one that was looked at are not looked at again.
    let mut looked = 0;
    for id in document.nodes() {
        let Some(tag) = document.tag(id).filter(|_| id.0 >= looked) else {
            continue;
        };
        if !shown.has(id.0) || !may_number(document, id, tag) {
            continue;
        }
        looked = document.end(id).0;
        let texts = document.descendants(id).filter_map(|id| document.text(id));
        let are_numbers = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_digit() || c.is_whitespace() || matches!(c, '.' | ':' | '|'))
        };
        if texts.into_iter().all(are_numbers) {
            shown.remove(id.0);
        }
    }
}

/// Whether an element may hold line numbers, by its class or by the code beside it.
fn may_number(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    let by_class = document.attribute(id, Attr::CLASS).is_some_and(|class| {
        class.split_ascii_whitespace().any(|word| {
            let word = word.to_ascii_lowercase();
            word == "ln"
                || [
                    "lineno",
                    "linenum",
                    "line-num",
                    "line_num",
                    "gutter",
                    "blob-num",
                    "hljs-ln-n",
                    "lnum",
                ]
                .iter()
                .any(|part| word.contains(part))
        })
    });
    by_class || (tag == Tag::TD && is_beside_code(document, id))
}

/// Whether the next cell begins with code.
fn is_beside_code(document: &Document<'_>, cell: NodeId) -> bool {
    let next = std::iter::successors(document.next_sibling(cell), |id| document.next_sibling(*id))
        .take(3)
        .find(|id| document.is(*id, Tag::TD));
    next.is_some_and(|next| {
        let mut nodes = document.descendants(next).take(MAX_NODES as usize);
        nodes.any(|id| document.tag(id).is_some_and(is_preformatted))
    })
}
