//! Where elements, text and comments go.

use super::stack::Entry;
use super::tags::{self, Flags};
use super::{Constructor, MAX_DEPTH};
use crate::html::arena::Id;
use crate::html::document::{Kind, Node, Text};
use crate::html::names::Tag;

/// A place in the tree.
pub(super) enum Place {
    /// Behind the last child.
    End(Id),
    /// Before a node.
    Before(Id),
}

impl Constructor<'_> {
    /// Where a child of the current node goes. `shallow` says that it must be no deeper than elements may be.
    #[inline]
    fn place(&self, shallow: bool) -> Place {
        let Some(top) = self.stack.top() else {
            return Place::End(0);
        };
        if self.stack.len() > MAX_DEPTH && (shallow || self.flattened != top.node) {
            // As browsers do: what would be deeper stands side by side.
            let deepest = self.stack.get(MAX_DEPTH - 1);
            return Place::End(deepest.map_or(0, |it| it.node));
        }
        self.place_in(top)
    }

    /// Where a child of this element goes: out of the table, if misplaced content is being moved.
    #[inline]
    pub(super) fn place_in(&self, target: &Entry) -> Place {
        if self.foster && target.has(tags::TABLE_PART) && target.kind == Kind::Html {
            self.foster_place()
        } else {
            Place::End(target.node)
        }
    }

    fn foster_place(&self) -> Place {
        let (template, table) = (self.stack.find(Tag::TEMPLATE), self.stack.find(Tag::TABLE));
        let node =
            |place: Option<usize>| self.stack.get(place?).map_or(Some(0), |it| Some(it.node));
        if template > table {
            return Place::End(node(template).unwrap_or(0));
        }
        let Some(place) = table else {
            return Place::End(node(Some(0)).unwrap_or(0));
        };
        let table = node(table).unwrap_or(0);
        if self.arena.is_placed(table) {
            Place::Before(table)
        } else {
            Place::End(node(place.checked_sub(1)).unwrap_or(0))
        }
    }

    fn add(&mut self, place: Place, node: Node) -> Id {
        let at = self.tokenizer.position();
        match place {
            Place::End(parent) => self.arena.add(parent, node, at),
            Place::Before(sibling) => {
                let id = self.arena.create(node, at);
                self.arena.insert_before(sibling, id);
                id
            }
        }
    }

    /// Inserts an element and opens it. `name` is its name in lower case.
    #[inline]
    pub(super) fn insert(
        &mut self,
        name: Tag,
        tag: Tag,
        kind: Kind,
        attributes: Text,
        flags: Flags,
    ) -> Id {
        let place = self.place(true);
        let node = Node {
            tag,
            open: true,
            ..Node::new(kind, attributes)
        };
        let id = self.add(place, node);
        if self.stack.len() >= MAX_DEPTH {
            self.flattened = id;
        }
        self.stack.push(Entry::new(id, name, kind, flags));
        id
    }

    /// Inserts the HTML element of the tag.
    #[inline]
    pub(super) fn insert_tag(&mut self) -> Id {
        let attributes = self.tokenizer.keep_attributes();
        let tag = self.tokenizer.tag;
        self.insert(tag, tag, Kind::Html, attributes, tags::flags(tag))
    }

    /// Inserts the HTML element of a tag that has no content.
    #[inline]
    pub(super) fn insert_void(&mut self) {
        self.insert_tag();
        self.pop();
    }

    /// Inserts an HTML element that the page has no tag of.
    pub(super) fn insert_implied(&mut self, tag: Tag) -> Id {
        self.insert(tag, tag, Kind::Html, Text::default(), tags::flags(tag))
    }

    /// Inserts text.
    #[inline]
    pub(super) fn insert_text(&mut self, text: Text) {
        match self.place(false) {
            Place::End(parent) => self.arena.add_text(parent, text, self.tokenizer.position()),
            before => {
                self.add(before, Node::new(Kind::Text, text));
            }
        }
    }

    /// Inserts a comment.
    pub(super) fn insert_comment(&mut self, text: Text) {
        let place = self.place(false);
        self.add(place, Node::new(Kind::Comment, text));
    }

    /// Adds a comment to a node.
    pub(super) fn add_comment(&mut self, parent: Id, text: Text) {
        self.add(Place::End(parent), Node::new(Kind::Comment, text));
    }

    /// Closes the current node.
    #[inline]
    pub(super) fn pop(&mut self) {
        if let Some(entry) = self.stack.pop() {
            self.arena.set_open(entry.node, false);
        }
    }

    /// Closes elements down to and with the one at `place`.
    #[inline]
    pub(super) fn pop_to(&mut self, place: usize) {
        while self.stack.len() > place {
            self.pop();
        }
    }

    /// Closes elements down to and with the topmost one of this name, if there is one.
    #[inline]
    pub(super) fn pop_until(&mut self, tag: Tag) {
        if let Some(place) = self.stack.find(tag) {
            self.pop_to(place);
        }
    }

    /// Closes elements until the current one has one of these names or is the root.
    pub(super) fn clear_back_to(&mut self, tags: &[Tag]) {
        while self.stack.len() > 1
            && let Some(top) = self.stack.top()
            && !(top.kind == Kind::Html && (tags.contains(&top.tag)))
        {
            self.pop();
        }
    }

    /// Closes elements whose end tags are implied.
    #[inline]
    pub(super) fn imply_end_tags(&mut self, except: Option<Tag>) {
        while let Some(top) = self.stack.top()
            && top.has(tags::IMPLIED)
            && Some(top.tag) != except
        {
            self.pop();
        }
    }

    /// Closes a `p` in button scope.
    #[inline]
    pub(super) fn close_p(&mut self) {
        if self.stack.in_button_scope(Tag::P) {
            self.pop_until(Tag::P);
        }
    }
}
