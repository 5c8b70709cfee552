//! The list of active formatting elements, and the "adoption agency": what becomes of formatting that is closed in
//! another order than it was opened.

use super::insert::Place;
use super::stack::Entry;
use super::{Constructor, tags};
use crate::html::arena::Id;
use crate::html::document::{Kind, Node};
use crate::html::intern;
use crate::html::names::Tag;

/// The most formatting elements that are kept open over block borders in one table cell, template or object. Each of
/// them costs an element in each block; browsers have no limit and take time by the square.
const MOST_ACTIVE: usize = 64;

/// The most elements that formatting closed in the wrong order may reach over. Each end tag takes time for as many.
const REACH: usize = 128;

/// An active formatting element, or a marker.
#[derive(Clone, Copy)]
pub(super) struct Active {
    /// 0 for a marker.
    node: Id,
    tag: Tag,
    /// The same for the same attributes in any order.
    attributes: u64,
}

impl Constructor<'_> {
    pub(super) fn add_marker(&mut self) {
        self.active.push(Active {
            node: 0,
            tag: Tag::A,
            attributes: 0,
        });
    }

    pub(super) fn clear_to_marker(&mut self) {
        while self.active.pop().is_some_and(|it| it.node != 0) {}
    }

    /// Where the entries after the last marker begin.
    fn after_marker(&self) -> usize {
        let marker = self.active.iter().rposition(|it| it.node == 0);
        marker.map_or(0, |place| place + 1)
    }

    fn active_place(&self, node: Id) -> Option<usize> {
        let first = self.after_marker();
        let place = self.active[first..]
            .iter()
            .rposition(|it| it.node == node)?;
        Some(first + place)
    }

    fn last_active(&self, tag: Tag) -> Option<usize> {
        let first = self.after_marker();
        let place = self.active[first..].iter().rposition(|it| it.tag == tag)?;
        Some(first + place)
    }

    /// Adds an element that was just inserted. Of those with the same attributes three are kept.
    pub(super) fn add_active(&mut self, node: Id, tag: Tag) {
        let attributes = self.attribute_hash(node);
        let first = self.after_marker();
        let mut same = 0;
        let mut earliest = None;
        for (place, it) in self.active.iter().enumerate().skip(first) {
            if it.tag == tag && it.attributes == attributes {
                same += 1;
                earliest = earliest.or(Some(place));
            }
        }
        if same >= 3
            && let Some(earliest) = earliest
        {
            self.active.remove(earliest);
        } else if self.active.len() - first >= MOST_ACTIVE {
            self.active.remove(first);
        }
        self.active.push(Active {
            node,
            tag,
            attributes,
        });
    }

    fn attribute_hash(&self, node: Id) -> u64 {
        let range = self.arena.node(node).text.bounds();
        let hash = |&(name, value): &(crate::html::Attr, crate::html::Text)| {
            let value = intern::hash(self.tokenizer.resolve(value).as_bytes());
            let both = (u64::from(name.0) << 32 | u64::from(value)) ^ 0x9e37_79b9;
            both.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        };
        self.tokenizer.attributes[range]
            .iter()
            .map(hash)
            .fold(1, |sum: u64, hash| {
                sum.wrapping_add(hash.wrapping_mul(hash | 1))
            })
    }

    /// Opens the active formatting elements again that were closed by a block.
    #[inline]
    pub(super) fn reconstruct(&mut self) {
        let closed = |it: &Active| it.node != 0 && !self.arena.node(it.node).open;
        if self.active.last().is_some_and(closed) {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        let closed = |it: &&Active| it.node != 0 && !self.arena.node(it.node).open;
        let count = self.active.iter().rev().take_while(closed).count();
        for place in self.active.len() - count..self.active.len() {
            let Active { node, tag, .. } = self.active[place];
            let text = self.arena.node(node).text;
            self.active[place].node = self.insert(tag, tag, Kind::Html, text, tags::flags(tag));
        }
    }

    /// Takes the active `a` that a new one closes out of everything.
    pub(super) fn close_active_link(&mut self) {
        let Some(place) = self.last_active(Tag::A) else {
            return;
        };
        let node = self.active[place].node;
        self.adopt(Tag::A);
        if let Some(place) = self.active_place(node) {
            self.active.remove(place);
        }
        if self.arena.node(node).open
            && let Some(place) = self.stack.place_of(node, Tag::A, self.lowest_reached())
        {
            self.arena.set_open(node, false);
            self.stack.remove(place);
        }
    }

    fn lowest_reached(&self) -> usize {
        self.stack.len().saturating_sub(REACH)
    }

    /// The adoption agency algorithm for the end tag of a formatting element.
    pub(super) fn adopt(&mut self, tag: Tag) {
        let Some(top) = self.stack.top().copied() else {
            return;
        };
        if top.is(tag) && self.active_place(top.node).is_none() {
            self.pop();
            return;
        }
        for _ in 0..8 {
            let Some(place) = self.last_active(tag) else {
                self.any_other_end(tag);
                return;
            };
            let node = self.active[place].node;
            if !self.arena.node(node).open {
                self.active.remove(place);
                return;
            }
            let open = self.stack.place_of(node, tag, self.lowest_reached());
            let Some(open) = open.filter(|place| self.stack.place_in_scope(*place)) else {
                return;
            };
            let special = (open + 1..self.stack.len()).find(|place| {
                let entry = self.stack.get(*place);
                entry.is_some_and(|entry| entry.has(tags::SPECIAL))
            });
            let Some(special) = special else {
                self.pop_to(open);
                self.active.remove(place);
                return;
            };
            self.adopt_block(place, open, special);
        }
    }

    /// One round: the formatting element at `open` goes into the block at `block`.
    fn adopt_block(&mut self, active: usize, open: usize, block: usize) {
        let ancestor = self.stack.get(open.saturating_sub(1)).copied();
        let mut above = self.stack.split_off(open);
        let formatting = above[0];
        let mut furthest = block - open;
        let block = above[furthest].node;
        let mut bookmark = active;
        let mut last = block;
        let mut rounds = 0;
        for place in (1..furthest).rev() {
            rounds += 1;
            let node = above[place];
            let mut listed = self.active_place(node.node);
            if rounds > 3
                && let Some(place) = listed.take()
            {
                self.active.remove(place);
                bookmark -= usize::from(place < bookmark);
            }
            let Some(listed) = listed else {
                self.arena.set_open(node.node, false);
                above.remove(place);
                furthest -= 1;
                continue;
            };
            let copy = self.copy(node.node);
            self.arena.set_open(node.node, false);
            self.active[listed].node = copy;
            above[place].node = copy;
            if last == block {
                bookmark = listed + 1;
            }
            self.arena.detach(last);
            self.arena.append(copy, last);
            last = copy;
        }
        self.arena.detach(last);
        if let Some(ancestor) = ancestor {
            match self.place_in(&ancestor) {
                Place::End(parent) => self.arena.append(parent, last),
                Place::Before(sibling) => self.arena.insert_before(sibling, last),
            }
        }
        let copy = self.copy(formatting.node);
        self.arena.move_children(block, copy);
        self.arena.append(block, copy);
        self.arena.set_open(formatting.node, false);
        let old = self.active_place(formatting.node);
        let entry = Active {
            node: copy,
            ..self.active[old.unwrap_or(active)]
        };
        self.active.insert(bookmark, entry);
        if let Some(old) = old {
            self.active.remove(old + usize::from(bookmark <= old));
        }
        let entry = Entry::new(copy, formatting.tag, formatting.kind, formatting.flags);
        above.insert(furthest + 1, entry);
        above.remove(0);
        above.into_iter().for_each(|entry| self.stack.push(entry));
    }

    /// Another element with the same name and attributes, open, and nowhere in the tree.
    fn copy(&mut self, node: Id) -> Id {
        let Node {
            tag, kind, text, ..
        } = *self.arena.node(node);
        let node = Node {
            tag,
            open: true,
            ..Node::new(kind, text)
        };
        self.arena.create(node, self.tokenizer.position())
    }
}
