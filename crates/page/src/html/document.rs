//! The document: elements and text in document order, in a few arrays, whose text is the source's wherever that is
//! possible.

use super::names::{Attr, Tag};

/// A node, by its place in document order: the descendants of a node follow it directly, and a parent stands before its
/// children. So a pass over all nodes is a loop over numbers, and a subtree is a range of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The document itself, the parent of the root element.
    pub const DOCUMENT: NodeId = NodeId(0);

    /// Its place in document order.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which language an element is of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Namespace {
    /// HTML.
    Html,
    /// SVG.
    Svg,
    /// MathML.
    MathMl,
}

/// A stretch of text: of the source, or of what was decoded (character references, line ends).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Text {
    /// Where it begins; the topmost bit is set if it was decoded.
    start: u32,
    length: u32,
}

/// Set in the start of decoded text.
const DECODED: u32 = 1 << 31;

impl Text {
    /// A stretch of the source, by bytes.
    pub(super) fn borrowed(start: usize, length: usize) -> Text {
        Text {
            start: start as u32,
            length: length as u32,
        }
    }

    /// What was added to the decoded text from `start` on.
    pub(super) fn decoded_since(start: usize, decoded: &str) -> Text {
        Text {
            start: start as u32 | DECODED,
            length: (decoded.len() - start) as u32,
        }
    }

    /// Numbers that are no text: an element's first attribute, and how many it has.
    pub(super) fn range(first: usize, length: usize) -> Text {
        Text::borrowed(first, length)
    }

    /// What follows its first `bytes` bytes.
    pub(super) fn after(self, bytes: usize) -> Text {
        Text {
            start: self.start + bytes as u32,
            length: self.length - bytes as u32,
        }
    }

    /// Its first `bytes` bytes.
    pub(super) fn up_to(self, bytes: usize) -> Text {
        Text {
            start: self.start,
            length: bytes as u32,
        }
    }

    /// Both as one, where `next` follows this one directly.
    pub(super) fn joined(self, next: Text) -> Option<Text> {
        (self.start + self.length == next.start).then_some(Text {
            start: self.start,
            length: self.length + next.length,
        })
    }

    /// Its bytes in the source or in the decoded text.
    pub(super) fn bounds(self) -> std::ops::Range<usize> {
        let start = (self.start & !DECODED) as usize;
        start..start + self.length as usize
    }

    /// Whether it is in the decoded text.
    pub(super) fn is_decoded(self) -> bool {
        self.start & DECODED != 0
    }

    /// Marks a stretch of the source as one that is still to be decoded.
    pub(super) fn marked(self) -> Text {
        Text {
            start: self.start | DECODED,
            length: self.length,
        }
    }

    /// Whether it is marked as still to be decoded.
    pub(super) fn is_marked(self) -> bool {
        self.is_decoded()
    }

    /// The text itself.
    pub(super) fn of<'a>(self, source: &'a str, decoded: &'a str) -> &'a str {
        let text = if self.is_decoded() { decoded } else { source };
        &text[self.bounds()]
    }
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Document,
    Html,
    Svg,
    MathMl,
    Text,
    Comment,
}

impl Kind {
    pub(super) fn is_element(self) -> bool {
        matches!(self, Kind::Html | Kind::Svg | Kind::MathMl)
    }
}

impl From<Namespace> for Kind {
    fn from(namespace: Namespace) -> Kind {
        match namespace {
            Namespace::Html => Kind::Html,
            Namespace::Svg => Kind::Svg,
            Namespace::MathMl => Kind::MathMl,
        }
    }
}

/// A node, in 20 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) parent: u32,
    /// The first node that is no descendant.
    pub(super) end: u32,
    /// An element's attributes: their first, and how many. Else the text.
    pub(super) text: Text,
    /// An element's name.
    pub(super) tag: Tag,
    pub(super) kind: Kind,
    /// While the tree is built: whether the element is open.
    pub(super) open: bool,
}

impl Node {
    /// A node that is nowhere yet.
    pub(super) fn new(kind: Kind, text: Text) -> Node {
        Node {
            parent: 0,
            end: 0,
            text,
            tag: Tag::A,
            kind,
            open: false,
        }
    }
}

/// A parsed page.
pub struct Document<'h> {
    pub(super) source: &'h str,
    pub(super) decoded: String,
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<(Attr, Text)>,
    pub(super) names: Names,
}

/// Names that have no constant.
#[derive(Default)]
pub(super) struct Names {
    pub(super) tags: Vec<String>,
    pub(super) attributes: Vec<String>,
}

impl<'h> Document<'h> {
    /// How many nodes there are, the document included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the document itself.
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }

    /// The page as it was given.
    pub fn source(&self) -> &'h str {
        self.source
    }

    /// All nodes but the document itself, in document order.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (1..self.nodes.len() as u32).map(NodeId)
    }

    /// The name of an element; `None` for text, comments and the document.
    pub fn tag(&self, id: NodeId) -> Option<Tag> {
        let node = &self.nodes[id.index()];
        node.kind.is_element().then_some(node.tag)
    }

    /// Whether it is an HTML element of this name.
    pub fn is(&self, id: NodeId, tag: Tag) -> bool {
        let node = &self.nodes[id.index()];
        node.kind == Kind::Html && node.tag == tag
    }

    /// The language of an element; HTML for anything else.
    pub fn namespace(&self, id: NodeId) -> Namespace {
        match self.nodes[id.index()].kind {
            Kind::Svg => Namespace::Svg,
            Kind::MathMl => Namespace::MathMl,
            _ => Namespace::Html,
        }
    }

    /// A tag's name, as tree construction spells it.
    pub fn tag_name(&self, tag: Tag) -> &str {
        name(Tag::KNOWN, &self.names.tags, tag.0)
    }

    /// An attribute's name.
    pub fn attribute_name(&self, attribute: Attr) -> &str {
        name(Attr::KNOWN, &self.names.attributes, attribute.0)
    }

    /// The text of a text node; `None` for anything else, comments included.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        let node = &self.nodes[id.index()];
        matches!(node.kind, Kind::Text).then(|| self.resolve(node.text))
    }

    /// The text of a comment.
    pub fn comment(&self, id: NodeId) -> Option<&str> {
        let node = &self.nodes[id.index()];
        matches!(node.kind, Kind::Comment).then(|| self.resolve(node.text))
    }

    /// The attributes of an element, in the order of the source.
    pub fn attributes(&self, id: NodeId) -> impl Iterator<Item = (Attr, &str)> {
        let node = &self.nodes[id.index()];
        let range = if node.kind.is_element() {
            node.text.bounds()
        } else {
            0..0
        };
        self.attributes[range]
            .iter()
            .map(|&(name, value)| (name, self.resolve(value)))
    }

    /// The value of an attribute.
    pub fn attribute(&self, id: NodeId, wanted: Attr) -> Option<&str> {
        self.attributes(id)
            .find_map(|(name, value)| (name == wanted).then_some(value))
    }

    /// The number of an attribute's name in this document; `None` if no element has it and it is unknown.
    pub fn find_attribute(&self, wanted: &str) -> Option<Attr> {
        find(Attr::KNOWN, &self.names.attributes, wanted).map(Attr)
    }

    /// The number of a tag's name in this document; `None` if no element has it and it is unknown.
    pub fn find_tag(&self, wanted: &str) -> Option<Tag> {
        find(Tag::KNOWN, &self.names.tags, wanted).map(Tag)
    }

    /// The parent; `None` for the document.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        (id != NodeId::DOCUMENT).then(|| NodeId(self.nodes[id.index()].parent))
    }

    /// The first node in document order that is no descendant of this one; may be one beyond the last node.
    pub fn end(&self, id: NodeId) -> NodeId {
        NodeId(self.nodes[id.index()].end)
    }

    /// The first child.
    pub fn first_child(&self, id: NodeId) -> Option<NodeId> {
        let next = NodeId(id.0 + 1);
        (next < self.end(id)).then_some(next)
    }

    /// The next sibling.
    pub fn next_sibling(&self, id: NodeId) -> Option<NodeId> {
        let next = self.end(id);
        (next < self.end(self.parent(id)?)).then_some(next)
    }

    /// The children, in order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.first_child(id), |child| self.next_sibling(*child))
    }

    /// The ancestors, from the parent up to the document.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.parent(id), |ancestor| self.parent(*ancestor))
    }

    /// The descendants in document order.
    pub fn descendants(&self, id: NodeId) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (id.0 + 1..self.end(id).0).map(NodeId)
    }

    /// All text below a node, joined as it stands.
    pub fn text_content(&self, id: NodeId) -> String {
        std::iter::once(id)
            .chain(self.descendants(id))
            .filter_map(|node| self.text(node))
            .collect()
    }

    fn resolve(&self, text: Text) -> &str {
        text.of(self.source, &self.decoded)
    }
}

fn name<'a>(known: &[&'a str], others: &'a [String], number: u16) -> &'a str {
    let number = usize::from(number);
    match known.get(number) {
        Some(name) => name,
        None => others.get(number - known.len()).map_or("", String::as_str),
    }
}

fn find(known: &[&str], others: &[String], wanted: &str) -> Option<u16> {
    let place = known.iter().position(|name| *name == wanted);
    let other = || Some(known.len() + others.iter().position(|name| name == wanted)?);
    place.or_else(other).map(|place| place as u16)
}
