//! Links.

use super::base::Base;
use super::math;
use super::tags::{Flow, flow};
use super::text::is_invisible;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::selection::{is_atom, is_unseen};
use std::collections::HashSet;

/// A hyperlink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads: absolute where the page's address or its `base` element allows it, else as written.
    pub url: String,
    /// Its text with white space collapsed; empty for a link around a picture.
    pub text: String,
    /// Its `rel` attribute with white space collapsed.
    pub rel: Option<String>,
}

/// The links below these elements, each address once, in document order: those that show no text, too. The elements are
/// in document order, and none is in another.
pub fn links(document: &Document<'_>, parts: &[NodeId], base: &Base) -> Vec<Link> {
    let mut links = Links {
        document,
        base,
        list: Vec::new(),
        seen: HashSet::new(),
        open: Vec::new(),
        around: Vec::new(),
    };
    for part in parts {
        links.read(*part);
    }
    links.list
}

struct Links<'a, 'h> {
    document: &'a Document<'h>,
    base: &'a Base,
    list: Vec<Link>,
    seen: HashSet<String>,
    /// Links, and what parts text in them: where each ends.
    open: Vec<(NodeId, Open)>,
    /// The links among them by their places in the list, if they are in it. Text goes to the innermost.
    around: Vec<Option<usize>>,
}

#[derive(PartialEq, Eq)]
enum Open {
    Link,
    Block,
}

impl Links<'_, '_> {
    fn read(&mut self, part: NodeId) {
        let document = self.document;
        let end = document.end(part);
        let mut id = part;
        while id < end {
            self.close(id);
            let mut next = NodeId(id.0 + 1);
            if let Some(tag) = document.tag(id) {
                if self.enter(id, tag) {
                    next = document.end(id);
                }
            } else if let (Some(link), Some(text)) = (self.current(), document.text(id)) {
                add_text(link, text);
            }
            id = next;
        }
        self.close(end);
    }

    /// Begins an element. Whether to pass over what is in it.
    fn enter(&mut self, id: NodeId, tag: Tag) -> bool {
        let document = self.document;
        if tag == Tag::A || tag == Tag::AREA {
            self.add(id);
        } else if let Some(link) = self.current() {
            if is_atom(document, id, tag) && matches!(tag, Tag::MATH | Tag::SCRIPT) {
                add_text(link, &math::text(document, id));
                return true;
            }
            if is_unseen(document, id, tag) {
                return true;
            }
            if flow(tag) != Flow::Inline || tag == Tag::BR {
                add_text(link, " ");
                self.open.push((document.end(id), Open::Block));
            }
        }
        tag == Tag::TEMPLATE && is_unseen(document, id, tag)
    }

    /// Begins a link, and adds it if it leads anywhere new.
    fn add(&mut self, id: NodeId) {
        let Some(href) = self.document.attribute(id, Attr::HREF) else {
            return;
        };
        let url = self.base.resolve(href);
        let place = url.filter(|url| self.seen.insert(url.clone())).map(|url| {
            let rel = self.document.attribute(id, Attr::REL).map(|rel| {
                let words: Vec<&str> = rel.split_whitespace().collect();
                words.join(" ")
            });
            self.list.push(Link {
                url,
                text: String::new(),
                rel: rel.filter(|rel| !rel.is_empty()),
            });
            self.list.len() - 1
        });
        self.open.push((self.document.end(id), Open::Link));
        self.around.push(place);
    }

    /// Ends what ends at or before a node.
    fn close(&mut self, at: NodeId) {
        while let Some((_, open)) = self.open.pop_if(|(end, _)| *end <= at) {
            let Some(link) = self.current() else {
                self.around.pop_if(|_| open == Open::Link);
                continue;
            };
            if open == Open::Link {
                link.truncate(link.trim_end().len());
                self.around.pop();
            } else {
                add_text(link, " ");
            }
        }
    }

    /// The text of the innermost link.
    fn current(&mut self) -> Option<&mut String> {
        let place = (*self.around.last()?)?;
        self.list.get_mut(place).map(|link| &mut link.text)
    }
}

/// Adds text with white space collapsed; white space at the end stays until the link ends.
fn add_text(out: &mut String, text: &str) {
    for (place, word) in text.split(char::is_whitespace).enumerate() {
        if place > 0 && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
}
