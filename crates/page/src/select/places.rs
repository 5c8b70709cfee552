//! Where elements stand among their siblings.

use crate::bits::Bits;
use crate::html::{Document, Namespace, NodeId, Tag};
use std::collections::HashMap;

/// The element before each element, among the children of the same parent; 0 where there is none.
pub(super) fn previous(document: &Document<'_>) -> Vec<u32> {
    let mut last_child = vec![0u32; document.len()];
    let mut previous = vec![0u32; document.len()];
    for id in elements(document) {
        let parent = document.parent(id).unwrap_or(NodeId::DOCUMENT);
        previous[id.index()] = std::mem::replace(&mut last_child[parent.index()], id.0);
    }
    previous
}

/// The number of each element among its siblings, from 1; among those of its name, or those that count. 0 for others.
pub(super) fn numbers(
    document: &Document<'_>,
    of_type: bool,
    from_end: bool,
    counting: Option<&Bits>,
) -> Vec<u32> {
    let mut numbers = vec![0u32; document.len()];
    let counted =
        elements(document).filter(|id| counting.is_none_or(|counting| counting.has(id.0)));
    let mut counts = Counts::new(document, of_type);
    let mut number = |id: NodeId| numbers[id.index()] = counts.next(document, id);
    if from_end {
        counted.rev().for_each(&mut number);
    } else {
        counted.for_each(&mut number);
    }
    numbers
}

enum Counts {
    Children(Vec<u32>),
    Types(HashMap<(NodeId, Namespace, Tag), u32>),
}

impl Counts {
    fn new(document: &Document<'_>, of_type: bool) -> Counts {
        if of_type {
            Counts::Types(HashMap::new())
        } else {
            Counts::Children(vec![0; document.len()])
        }
    }

    fn next(&mut self, document: &Document<'_>, id: NodeId) -> u32 {
        let parent = document.parent(id).unwrap_or(NodeId::DOCUMENT);
        let count = match self {
            Counts::Children(counts) => &mut counts[parent.index()],
            Counts::Types(counts) => {
                let tag = document.tag(id).unwrap_or(Tag::HTML);
                counts
                    .entry((parent, document.namespace(id), tag))
                    .or_default()
            }
        };
        *count += 1;
        *count
    }
}

/// All elements in document order.
pub(super) fn elements<'a>(
    document: &'a Document<'_>,
) -> impl DoubleEndedIterator<Item = NodeId> + 'a {
    document.nodes().filter(|id| document.tag(*id).is_some())
}
