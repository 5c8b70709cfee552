//! Documents made by hand: by other parsers, and in tests.

use super::document::{Document, Kind, Names, Namespace, Node, NodeId, Text};
use super::names::{Attr, Tag};
use std::collections::HashMap;

/// Makes a document from the outside in: elements are opened and closed in document order.
pub struct Builder<'h> {
    document: Document<'h>,
    open: Vec<u32>,
    // Of the kind that `json_ld` has: each further kind of map is a kilobyte of code.
    tags: HashMap<String, usize>,
    attributes: HashMap<String, usize>,
}

impl<'h> Builder<'h> {
    /// An empty document over this source.
    pub fn new(source: &'h str) -> Builder<'h> {
        let numbers = |known: &[&str]| {
            let numbered = known.iter().enumerate();
            numbered
                .map(|(number, name)| ((*name).to_owned(), number))
                .collect()
        };
        Builder {
            document: Document {
                source,
                decoded: String::new(),
                nodes: vec![Node {
                    end: 1,
                    ..Node::new(Kind::Document, Text::default())
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
        Text::borrowed(start, length)
    }

    /// Text that is not in the source as it stands.
    pub fn decoded(&mut self, text: &str) -> Text {
        let start = self.document.decoded.len();
        self.document.decoded.push_str(text);
        Text::decoded_since(start, &self.document.decoded)
    }

    /// Opens an element.
    pub fn open(&mut self, tag: Tag, namespace: Namespace, attributes: &[(Attr, Text)]) -> NodeId {
        let first = self.document.attributes.len();
        self.document.attributes.extend_from_slice(attributes);
        let id = self.push(Node {
            tag,
            ..Node::new(namespace.into(), Text::range(first, attributes.len()))
        });
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
        self.push(Node::new(Kind::Text, text))
    }

    /// Adds a comment.
    pub fn comment(&mut self, text: Text) -> NodeId {
        self.push(Node::new(Kind::Comment, text))
    }

    /// The document; elements that are open are closed.
    pub fn finish(mut self) -> Document<'h> {
        while !self.open.is_empty() {
            self.close();
        }
        self.document
    }

    fn push(&mut self, node: Node) -> NodeId {
        let id = self.document.nodes.len() as u32;
        self.document.nodes.push(Node {
            parent: self.open.last().copied().unwrap_or_default(),
            end: id + 1,
            ..node
        });
        NodeId(id)
    }
}

/// At most 65,535 names have numbers; the rest share the last one.
fn number(known: &mut HashMap<String, usize>, names: &mut Vec<String>, name: &str) -> u16 {
    const LAST: u16 = u16::MAX - 1;
    let next = known.len();
    let number = match known.get(name) {
        Some(number) => *number,
        None if next <= usize::from(LAST) => {
            known.insert(name.to_owned(), next);
            names.push(name.to_owned());
            next
        }
        None => usize::from(LAST),
    };
    u16::try_from(number).unwrap_or(LAST)
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
