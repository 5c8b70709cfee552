//! The tree while it is built.
//!
//! Most pages are built in document order: each node goes behind all others, and the array of nodes is the document's
//! as it stands. When a node first goes elsewhere (text moved out of a table, misnested formatting) the nodes get links,
//! and at the end they are brought into order.

use super::document::{Kind, Node, Text};

/// The place of a node among the nodes; the document is 0.
pub(super) type Id = u32;

/// How many more of something to make room for, if there are `length` of them after `done` of `all` bytes.
pub(super) fn expected(length: usize, done: usize, all: usize) -> usize {
    let more = length as f64 * (all - done.min(all)) as f64 / done.max(1) as f64;
    // An eighth more than that, but no more than thrice what there is: a page may begin with its densest part.
    ((more * 1.125) as usize).clamp(32, 64 + length * 3)
}

/// The neighbours of a node. A parent's children are a ring: the last one is followed by the first. 0 is none.
#[derive(Clone, Copy, Default)]
struct Links {
    last_child: Id,
    previous: Id,
    next: Id,
}

/// Nodes and where they are.
pub(super) struct Arena {
    pub(super) nodes: Vec<Node>,
    /// In document order: the nodes from the document to the last node that may still get children. Their ends are 0.
    path: Vec<Id>,
    /// Empty while nodes are in document order.
    links: Vec<Links>,
    /// Whether text may stand beside text.
    split_text: bool,
    /// The length of the page.
    source: usize,
}

impl Arena {
    pub(super) fn new(source: usize) -> Arena {
        let mut nodes = Vec::with_capacity(source / 64 + 16);
        nodes.push(Node::new(Kind::Document, Text::default()));
        Arena {
            nodes,
            path: vec![0],
            links: Vec::new(),
            split_text: false,
            source,
        }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A node.
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    /// Whether a node is a child of another one.
    pub(super) fn is_placed(&self, id: Id) -> bool {
        self.links
            .get(id as usize)
            .is_none_or(|links| links.next != 0)
    }

    /// Marks an element as open or not.
    pub(super) fn set_open(&mut self, id: Id, open: bool) {
        self.nodes[id as usize].open = open;
    }

    /// Adds a node as the last child of `parent`. `at` is how much of the page is read.
    #[inline]
    pub(super) fn add(&mut self, parent: Id, node: Node, at: usize) -> Id {
        if !self.follows(parent) {
            let id = self.create(node, at);
            self.append(parent, id);
            return id;
        }
        self.reserve(at);
        let id = self.nodes.len() as Id;
        let is_element = node.kind.is_element();
        self.nodes.push(Node {
            parent,
            end: if is_element { 0 } else { id + 1 },
            ..node
        });
        if is_element {
            self.path.push(id);
        }
        id
    }

    /// Adds text at the end of `parent`.
    #[inline]
    pub(super) fn add_text(&mut self, parent: Id, text: Text, at: usize) {
        if self.follows(parent)
            && let Some(last) = self.nodes.last_mut()
            && last.kind == Kind::Text
            && last.parent == parent
        {
            if let Some(joined) = last.text.joined(text) {
                last.text = joined;
                return;
            }
            self.split_text = true;
        }
        self.add(parent, Node::new(Kind::Text, text), at);
    }

    /// Whether a child of `parent` would be the last node in document order, and nodes are in that order. What was open
    /// below `parent` is closed then.
    #[inline]
    fn follows(&mut self, parent: Id) -> bool {
        if !self.links.is_empty() {
            return false;
        }
        if self.nodes[parent as usize].end != 0 {
            self.link();
            return false;
        }
        let end = self.nodes.len() as Id;
        while let Some(&last) = self.path.last()
            && last != parent
        {
            self.nodes[last as usize].end = end;
            self.path.pop();
        }
        true
    }

    #[inline]
    fn reserve(&mut self, at: usize) {
        let length = self.nodes.len();
        if length == self.nodes.capacity() {
            self.nodes.reserve_exact(expected(length, at, self.source));
        }
    }

    /// Gives all nodes links.
    #[cold]
    fn link(&mut self) {
        if !self.links.is_empty() {
            return;
        }
        self.links.reserve(self.nodes.len() + 64);
        self.links.resize(self.nodes.len(), Links::default());
        for id in 1..self.nodes.len() as Id {
            self.append(self.nodes[id as usize].parent, id);
        }
    }

    /// A node that is nowhere in the tree yet.
    pub(super) fn create(&mut self, node: Node, at: usize) -> Id {
        self.link();
        self.reserve(at);
        self.nodes.push(node);
        self.links.push(Links::default());
        self.nodes.len() as Id - 1
    }

    /// Makes a node that is nowhere the last child of `parent`.
    pub(super) fn append(&mut self, parent: Id, id: Id) {
        let last = std::mem::replace(&mut self.links[parent as usize].last_child, id);
        self.nodes[id as usize].parent = parent;
        let first = if last == 0 {
            id
        } else {
            std::mem::replace(&mut self.links[last as usize].next, id)
        };
        let links = &mut self.links[id as usize];
        (links.previous, links.next) = (if last == 0 { id } else { last }, first);
        self.links[first as usize].previous = id;
    }

    /// Puts a node that is nowhere before `sibling`.
    pub(super) fn insert_before(&mut self, sibling: Id, id: Id) {
        let parent = self.nodes[sibling as usize].parent;
        let previous = std::mem::replace(&mut self.links[sibling as usize].previous, id);
        self.links[previous as usize].next = id;
        let links = &mut self.links[id as usize];
        (links.previous, links.next) = (previous, sibling);
        self.nodes[id as usize].parent = parent;
    }

    /// Takes a node and what is below it out of the tree.
    pub(super) fn detach(&mut self, id: Id) {
        self.link();
        let Links { previous, next, .. } = self.links[id as usize];
        if next == 0 {
            return;
        }
        let parent = self.nodes[id as usize].parent;
        if self.links[parent as usize].last_child == id {
            let last = if previous == id { 0 } else { previous };
            self.links[parent as usize].last_child = last;
        }
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        let links = &mut self.links[id as usize];
        (links.previous, links.next) = (0, 0);
    }

    /// Moves all children of a node to the end of another one.
    pub(super) fn move_children(&mut self, from: Id, to: Id) {
        self.link();
        let last = self.links[from as usize].last_child;
        let mut next = match last {
            0 => return,
            last => self.links[last as usize].next,
        };
        self.links[from as usize].last_child = 0;
        loop {
            let child = next;
            next = self.links[child as usize].next;
            self.append(to, child);
            if child == last {
                return;
            }
        }
    }

    /// The nodes in document order, with text beside text made one. New text goes to `decoded`.
    pub(super) fn finish(mut self, source: &str, decoded: &mut String) -> Vec<Node> {
        if self.links.is_empty() && !self.split_text {
            let end = self.nodes.len() as Id;
            for id in self.path {
                self.nodes[id as usize].end = end;
            }
            return self.nodes;
        }
        self.link();
        self.in_order(source, decoded)
    }

    fn in_order(&self, source: &str, decoded: &mut String) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::with_capacity(self.nodes.len());
        nodes.push(self.nodes[0]);
        // The open nodes: their old places and their new ones.
        let mut open: Vec<(Id, Id)> = vec![(0, 0)];
        let mut next = self.first_child(0);
        while let Some(&(parent, new_parent)) = open.last() {
            let Some(id) = next else {
                nodes[new_parent as usize].end = nodes.len() as Id;
                open.pop();
                next = if parent == 0 {
                    None
                } else {
                    self.next_sibling(parent)
                };
                continue;
            };
            let node = self.nodes[id as usize];
            let new = nodes.len() as Id;
            let mut last = id;
            let mut text = node.text;
            if node.kind == Kind::Text {
                (last, text) = self.text_run(id, source, decoded);
            }
            nodes.push(Node {
                parent: new_parent,
                end: new + 1,
                text,
                ..node
            });
            next = match self.first_child(id) {
                Some(child) => {
                    open.push((id, new));
                    Some(child)
                }
                None => self.next_sibling(last),
            };
        }
        nodes
    }

    /// The text that begins with the node `first` and goes on in the siblings after it: the last of them, and the text.
    fn text_run(&self, first: Id, source: &str, decoded: &mut String) -> (Id, Text) {
        let mut last = first;
        let mut text = self.nodes[first as usize].text;
        // Where in `decoded` the pieces are collected.
        let mut begin = None;
        while let Some(id) = self.next_sibling(last)
            && self.nodes[id as usize].kind == Kind::Text
        {
            last = id;
            let piece = self.nodes[id as usize].text;
            if begin.is_none()
                && let Some(joined) = text.joined(piece)
            {
                text = joined;
                continue;
            }
            let begin = *begin.get_or_insert_with(|| {
                let begin = decoded.len();
                push(text, source, decoded);
                begin
            });
            push(piece, source, decoded);
            text = Text::decoded_since(begin, decoded);
        }
        (last, text)
    }

    fn first_child(&self, id: Id) -> Option<Id> {
        match self.links[id as usize].last_child {
            0 => None,
            last => Some(self.links[last as usize].next),
        }
    }

    fn next_sibling(&self, id: Id) -> Option<Id> {
        let parent = self.nodes[id as usize].parent;
        let is_last = self.links[parent as usize].last_child == id;
        (!is_last).then(|| self.links[id as usize].next)
    }
}

/// Adds text, which may be decoded text itself, to the decoded text.
fn push(text: Text, source: &str, decoded: &mut String) {
    if text.is_decoded() {
        decoded.extend_from_within(text.bounds());
    } else {
        decoded.push_str(&source[text.bounds()]);
    }
}
