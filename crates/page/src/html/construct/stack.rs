//! The stack of open elements.
//!
//! Each entry knows the last entry of its name and the nearest entries that end a scope, so that no question needs a
//! walk down the stack, however deep it is.

use super::tags::{self, Flags};
use crate::html::arena::Id;
use crate::html::document::Kind;
use crate::html::names::Tag;

/// An open element.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) node: Id,
    /// Its name in lower case.
    pub(super) tag: Tag,
    pub(super) kind: Kind,
    pub(super) flags: Flags,
    /// The next lower entry of the same name in HTML, plus one.
    previous: u32,
    /// The nearest entry at or below this one that has the flag SCOPE, plus one; and so on.
    scope: u32,
    special: u32,
    barrier: u32,
}

impl Entry {
    pub(super) fn new(node: Id, tag: Tag, kind: Kind, flags: Flags) -> Entry {
        Entry {
            node,
            tag,
            kind,
            flags,
            previous: 0,
            scope: 0,
            special: 0,
            barrier: 0,
        }
    }

    /// Whether it is the HTML element of this name.
    #[inline]
    pub(super) fn is(&self, tag: Tag) -> bool {
        self.tag == tag && self.kind == Kind::Html
    }

    /// Whether it has one of these flags.
    #[inline]
    pub(super) fn has(&self, flags: Flags) -> bool {
        self.flags & flags != 0
    }
}

#[derive(Default)]
pub(super) struct Stack {
    entries: Vec<Entry>,
    /// For each name in HTML its topmost entry plus one, or 0.
    last: Vec<u32>,
}

impl Stack {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    #[inline]
    pub(super) fn top(&self) -> Option<&Entry> {
        self.entries.last()
    }

    #[inline]
    pub(super) fn push(&mut self, mut entry: Entry) {
        let below = self.entries.last();
        let (scope, special, barrier) =
            below.map_or((0, 0, 0), |it| (it.scope, it.special, it.barrier));
        let place = self.entries.len() as u32 + 1;
        let nearest = |flag, below| {
            if entry.flags & flag != 0 {
                place
            } else {
                below
            }
        };
        entry.scope = nearest(tags::SCOPE, scope);
        entry.special = nearest(tags::SPECIAL, special);
        entry.barrier = nearest(tags::BARRIER, barrier);
        if entry.kind == Kind::Html {
            let number = usize::from(entry.tag.0);
            if number >= self.last.len() {
                self.last.resize((number + 1).next_power_of_two(), 0);
            }
            entry.previous = std::mem::replace(&mut self.last[number], place);
        }
        self.entries.push(entry);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop()?;
        if entry.kind == Kind::Html {
            self.last[usize::from(entry.tag.0)] = entry.previous;
        }
        Some(entry)
    }

    /// Takes off the entries from `place` on.
    pub(super) fn split_off(&mut self, place: usize) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.len().saturating_sub(place));
        while self.len() > place
            && let Some(entry) = self.pop()
        {
            entries.push(entry);
        }
        entries.reverse();
        entries
    }

    /// Takes one entry out.
    pub(super) fn remove(&mut self, place: usize) {
        let above = self.split_off(place);
        above.into_iter().skip(1).for_each(|entry| self.push(entry));
    }

    /// The topmost entry of this name in HTML, plus one; 0 if there is none.
    #[inline]
    fn last(&self, tag: Tag) -> u32 {
        self.last.get(usize::from(tag.0)).copied().unwrap_or(0)
    }

    /// The place of the topmost HTML element of this name.
    #[inline]
    pub(super) fn find(&self, tag: Tag) -> Option<usize> {
        (self.last(tag) as usize).checked_sub(1)
    }

    #[inline]
    pub(super) fn contains(&self, tag: Tag) -> bool {
        self.last(tag) != 0
    }

    #[inline]
    fn reaches(&self, tag: Tag, barrier: u32) -> bool {
        let place = self.last(tag);
        place != 0 && place >= barrier
    }

    #[inline]
    fn scope(&self) -> u32 {
        self.top().map_or(0, |top| top.scope)
    }

    /// Whether an element of this name is in scope.
    #[inline]
    pub(super) fn in_scope(&self, tag: Tag) -> bool {
        self.reaches(tag, self.scope())
    }

    #[inline]
    pub(super) fn in_button_scope(&self, tag: Tag) -> bool {
        self.reaches(tag, self.scope().max(self.last(Tag::BUTTON)))
    }

    #[inline]
    pub(super) fn in_list_scope(&self, tag: Tag) -> bool {
        let lists = self.last(Tag::OL).max(self.last(Tag::UL));
        self.reaches(tag, self.scope().max(lists))
    }

    #[inline]
    pub(super) fn in_table_scope(&self, tag: Tag) -> bool {
        let tables = self.last(Tag::TABLE).max(self.last(Tag::TEMPLATE));
        self.reaches(tag, tables)
    }

    /// Whether the entry at `place` is in scope.
    pub(super) fn place_in_scope(&self, place: usize) -> bool {
        place as u32 + 1 >= self.scope()
    }

    /// Whether an element of this name is above all special elements, or the topmost of them.
    pub(super) fn above_special(&self, tag: Tag) -> bool {
        self.reaches(tag, self.top().map_or(0, |top| top.special))
    }

    /// Whether an item of this name ends where a new one begins.
    #[inline]
    pub(super) fn open_item(&self, tag: Tag) -> bool {
        self.reaches(tag, self.top().map_or(0, |top| top.barrier))
    }

    /// The place of a node that is an HTML element of this name, if it is `lowest` or above.
    pub(super) fn place_of(&self, node: Id, tag: Tag, lowest: usize) -> Option<usize> {
        let mut place = self.last(tag) as usize;
        while place > lowest
            && let Some(entry) = self.entries.get(place - 1)
        {
            if entry.node == node {
                return Some(place - 1);
            }
            place = entry.previous as usize;
        }
        None
    }
}
