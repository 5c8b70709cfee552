//! A walk through what is shown, in the order in which a reader sees it: declarative shadow roots stand in the place of
//! what is in their host, which comes where their slots are.

use super::shown::Shown;
use super::tags::{Flow, flow};
use crate::html::{Attr, Document, NodeId, Tag};

/// A step of the walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// An element begins.
    Enter(NodeId, Tag),
    /// An element ends.
    Leave(NodeId, Tag),
    /// A text node.
    Text(NodeId),
    /// An element that is not shown, and parts what stands before it from what stands behind.
    Passed(Tag),
}

/// What of an element is still to come.
struct Frame {
    element: Option<(NodeId, Tag)>,
    children: Children,
    /// The innermost shadow root around: its place among the hosts plus one.
    host: usize,
}

enum Children {
    Range(u32, u32),
    List(std::vec::IntoIter<NodeId>),
}

/// The children of a host by the slot they go to.
struct Host {
    /// The shadow root that its children are shown in, from the outside.
    outer: usize,
    slots: Vec<(String, Vec<NodeId>)>,
}

pub(super) struct Walk<'a, 'h> {
    document: &'a Document<'h>,
    shown: &'a Shown,
    frames: Vec<Frame>,
    hosts: Vec<Host>,
}

/// Whether what stands before and behind an element is apart, even if the element itself is left out. Cells are apart by
/// their rows.
fn parts(tag: Tag) -> bool {
    flow(tag) != Flow::Inline && !matches!(tag, Tag::TD | Tag::TH)
}

/// Names of slots that are told apart in one host; all others share the last.
const MAX_SLOTS: usize = 64;

impl<'a, 'h> Walk<'a, 'h> {
    pub(super) fn new(document: &'a Document<'h>, shown: &'a Shown) -> Walk<'a, 'h> {
        Walk {
            document,
            shown,
            frames: vec![Frame {
                element: None,
                children: Children::Range(1, document.len() as u32),
                host: 0,
            }],
            hosts: Vec::new(),
        }
    }

    /// Passes over what is in the element that was entered last; it is left by the next step.
    pub(super) fn pass_over(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.children = Children::Range(0, 0);
        }
    }

    fn enter(&mut self, id: NodeId, tag: Tag, outer: usize) {
        let mut host = outer;
        let all = Children::Range(id.0 + 1, self.document.end(id).0);
        let children = if let Some(root) = self.shadow_root(id) {
            self.hosts.push(self.assign(id, root, outer));
            host = self.hosts.len();
            Children::Range(root.0 + 1, self.document.end(root).0)
        } else if tag == Tag::SLOT && outer > 0 {
            let name = self.document.attribute(id, Attr::NAME).unwrap_or_default();
            let its = &mut self.hosts[outer - 1];
            let slot = its.slots.iter_mut().find(|(slot, _)| slot == name);
            match slot.map(|(_, nodes)| std::mem::take(nodes)) {
                // What is in a host belongs to the shadow root around it, if there is one.
                Some(nodes) if !nodes.is_empty() => {
                    host = its.outer;
                    Children::List(nodes.into_iter())
                }
                _ => all,
            }
        } else {
            all
        };
        self.frames.push(Frame {
            element: Some((id, tag)),
            children,
            host,
        });
    }

    /// The element that parts what stands around one that is left out: itself, or one in it, as where a `section` stands in an `em`.
    fn parting(&self, id: NodeId) -> Option<Tag> {
        let mut within = (id.0..self.document.end(id).0).map(NodeId);
        within.find_map(|node| self.document.tag(node).filter(|tag| parts(*tag)))
    }

    /// The first declarative shadow root of an element.
    fn shadow_root(&self, id: NodeId) -> Option<NodeId> {
        if !self.shown.has_shadows() {
            return None;
        }
        self.document.children(id).find(|child| {
            self.document.is(*child, Tag::TEMPLATE)
                && self
                    .document
                    .attribute(*child, Attr::SHADOWROOTMODE)
                    .is_some()
        })
    }

    fn assign(&self, id: NodeId, root: NodeId, outer: usize) -> Host {
        let mut slots: Vec<(String, Vec<NodeId>)> = Vec::new();
        for child in self.document.children(id).filter(|child| *child != root) {
            let name = self
                .document
                .attribute(child, Attr::SLOT)
                .unwrap_or_default();
            let place = slots.iter().position(|(slot, _)| slot == name);
            match place {
                Some(place) => slots[place].1.push(child),
                None if slots.len() < MAX_SLOTS => slots.push((name.to_owned(), vec![child])),
                None => {}
            }
        }
        Host { outer, slots }
    }
}

impl Iterator for Walk<'_, '_> {
    type Item = Step;

    #[inline]
    fn next(&mut self) -> Option<Step> {
        loop {
            let frame = self.frames.last_mut()?;
            let child = match &mut frame.children {
                Children::Range(next, end) => (*next < *end).then(|| {
                    let child = NodeId(*next);
                    *next = self.document.end(child).0;
                    child
                }),
                Children::List(nodes) => nodes.next(),
            };
            let Some(child) = child else {
                let left = self.frames.pop()?.element;
                match left {
                    Some((id, tag)) => return Some(Step::Leave(id, tag)),
                    None => return None,
                }
            };
            if !self.shown.has(child) {
                match self.parting(child) {
                    Some(tag) => return Some(Step::Passed(tag)),
                    None => continue,
                }
            }
            let host = frame.host;
            match self.document.tag(child) {
                Some(tag) => {
                    self.enter(child, tag, host);
                    return Some(Step::Enter(child, tag));
                }
                None if self.document.text(child).is_some() => return Some(Step::Text(child)),
                None => {}
            }
        }
    }
}
