//! The document: elements and text in document order, in a few arrays, whose text is the source's wherever that is
//! possible.

use super::names::{Attr, Tag};
use std::collections::HashMap;

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

#[derive(Clone, Copy)]
enum Kind {
    Document,
    Element(Tag, Namespace),
    Text,
    Comment,
}

#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    /// The first node that is no descendant.
    end: u32,
    kind: Kind,
    /// An element's attributes: their first, and how many. Else the text.
    text: Text,
}

/// A parsed page.
pub struct Document<'h> {
    source: &'h str,
    decoded: String,
    nodes: Vec<Node>,
    attributes: Vec<(Attr, Text)>,
    names: Names,
}

/// Names that have no constant.
#[derive(Default)]
struct Names {
    tags: Vec<String>,
    attributes: Vec<String>,
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
        match self.nodes[id.index()].kind {
            Kind::Element(tag, _) => Some(tag),
            _ => None,
        }
    }

    /// Whether it is an HTML element of this name.
    pub fn is(&self, id: NodeId, tag: Tag) -> bool {
        matches!(self.nodes[id.index()].kind, Kind::Element(its, Namespace::Html) if its == tag)
    }

    /// The language of an element; HTML for anything else.
    pub fn namespace(&self, id: NodeId) -> Namespace {
        match self.nodes[id.index()].kind {
            Kind::Element(_, namespace) => namespace,
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
        let range = match node.kind {
            Kind::Element(..) => {
                node.text.start as usize..(node.text.start + node.text.length) as usize
            }
            _ => 0..0,
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
        let start = (text.start & !DECODED) as usize;
        let end = start + text.length as usize;
        if text.start & DECODED == 0 {
            &self.source[start..end]
        } else {
            &self.decoded[start..end]
        }
    }
}

fn name<'a>(known: &[&'a str], others: &'a [String], number: u16) -> &'a str {
    let number = usize::from(number);
    known
        .get(number)
        .copied()
        .unwrap_or_else(|| &others[number - known.len()])
}

fn find(known: &[&str], others: &[String], wanted: &str) -> Option<u16> {
    let place = known.iter().position(|name| *name == wanted);
    let other = || Some(known.len() + others.iter().position(|name| name == wanted)?);
    place.or_else(other).map(|place| place as u16)
}

/// Makes a document from the outside in: elements are opened and closed in document order.
pub struct Builder<'h> {
    document: Document<'h>,
    open: Vec<u32>,
    tags: HashMap<String, u16>,
    attributes: HashMap<String, u16>,
}

impl<'h> Builder<'h> {
    /// An empty document over this source.
    pub fn new(source: &'h str) -> Builder<'h> {
        let numbers = |known: &[&str]| {
            let numbered = known.iter().enumerate();
            numbered
                .map(|(number, name)| ((*name).to_owned(), number as u16))
                .collect()
        };
        Builder {
            document: Document {
                source,
                decoded: String::new(),
                nodes: vec![Node {
                    parent: 0,
                    end: 1,
                    kind: Kind::Document,
                    text: Text::default(),
                }],
                attributes: Vec::new(),
                names: Names::default(),
            },
            open: vec![0],
            tags: numbers(Tag::KNOWN),
            attributes: numbers(Attr::KNOWN),
        }
    }

    /// The number of a tag's name.
    pub fn tag(&mut self, name: &str) -> Tag {
        Tag(number(&mut self.tags, &mut self.document.names.tags, name))
    }

    /// The number of an attribute's name.
    pub fn attribute(&mut self, name: &str) -> Attr {
        Attr(number(
            &mut self.attributes,
            &mut self.document.names.attributes,
            name,
        ))
    }

    /// A stretch of the source, by bytes.
    pub fn borrowed(start: usize, length: usize) -> Text {
        Text {
            start: start as u32,
            length: length as u32,
        }
    }

    /// Text that is not in the source as it stands.
    pub fn decoded(&mut self, text: &str) -> Text {
        let start = self.document.decoded.len() as u32 | DECODED;
        self.document.decoded.push_str(text);
        Text {
            start,
            length: text.len() as u32,
        }
    }

    /// Opens an element.
    pub fn open(&mut self, tag: Tag, namespace: Namespace, attributes: &[(Attr, Text)]) -> NodeId {
        let first = self.document.attributes.len() as u32;
        self.document.attributes.extend_from_slice(attributes);
        let text = Text {
            start: first,
            length: attributes.len() as u32,
        };
        let id = self.push(Kind::Element(tag, namespace), text);
        self.open.push(id.0);
        id
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(id) = self.open.pop() {
            let end = self.document.nodes.len() as u32;
            self.document.nodes[id as usize].end = end;
        }
    }

    /// Adds text.
    pub fn text(&mut self, text: Text) -> NodeId {
        self.push(Kind::Text, text)
    }

    /// Adds a comment.
    pub fn comment(&mut self, text: Text) -> NodeId {
        self.push(Kind::Comment, text)
    }

    /// The document; elements that are open are closed.
    pub fn finish(mut self) -> Document<'h> {
        while !self.open.is_empty() {
            self.close();
        }
        self.document
    }

    fn push(&mut self, kind: Kind, text: Text) -> NodeId {
        let id = self.document.nodes.len() as u32;
        self.document.nodes.push(Node {
            parent: self.open.last().copied().unwrap_or_default(),
            end: id + 1,
            kind,
            text,
        });
        NodeId(id)
    }
}

/// At most 65,535 names have numbers; the rest share the last one.
fn number(known: &mut HashMap<String, u16>, names: &mut Vec<String>, name: &str) -> u16 {
    if let Some(number) = known.get(name) {
        return *number;
    }
    match u16::try_from(known.len()) {
        Ok(number) if number < u16::MAX => {
            known.insert(name.to_owned(), number);
            names.push(name.to_owned());
            number
        }
        _ => u16::MAX - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_numbered_in_document_order() {
        let source = "<p class=a>one<b>two</b></p><my-tag>three";
        let mut builder = Builder::new(source);
        let class = builder.attribute("class");
        let value = Builder::borrowed(9, 1);
        let p = builder.open(Tag::P, Namespace::Html, &[(class, value)]);
        builder.text(Builder::borrowed(11, 3));
        let b = builder.open(Tag::B, Namespace::Html, &[]);
        let two = builder.decoded("two!");
        builder.text(two);
        builder.close();
        builder.close();
        let tag = builder.tag("my-tag");
        let other = builder.open(tag, Namespace::Html, &[]);
        builder.text(Builder::borrowed(source.len() - 5, 5));
        let document = builder.finish();
        assert_eq!(document.text_content(p), "onetwo!");
        assert_eq!(document.text_content(NodeId::DOCUMENT), "onetwo!three");
        assert_eq!(document.attribute(p, Attr::CLASS), Some("a"));
        assert_eq!(document.attribute(b, Attr::CLASS), None);
        assert_eq!(document.next_sibling(p), Some(other));
        assert_eq!(document.next_sibling(b), None);
        assert_eq!(document.children(NodeId::DOCUMENT).count(), 2);
        assert_eq!(document.tag_name(tag), "my-tag");
        assert_eq!(document.find_tag("my-tag"), Some(tag));
        assert_eq!(document.find_tag("p"), Some(Tag::P));
        assert_eq!(document.tag_name(Tag::XMP), "xmp");
        assert_eq!(document.attribute_name(Attr::XML_LANG), "xml:lang");
    }
}
