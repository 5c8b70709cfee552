//! The attributes of `html` and `body`, which later tags of that name add to.

use super::Constructor;
use crate::html::arena::Id;
use crate::html::document::Text;
use crate::html::names::Attr;
use std::collections::BTreeSet;

/// What later tags add to an element. Kept apart until the end, so that each attribute is stored once.
#[derive(Default)]
pub(super) struct RootAttributes {
    node: Id,
    names: BTreeSet<Attr>,
    added: Vec<(Attr, Text)>,
}

impl Constructor<'_> {
    /// Adds the tag's attributes to `html`, where it has none of their names.
    pub(super) fn add_to_html(&mut self) {
        let mut its = std::mem::take(&mut self.html_attributes);
        self.add_attributes(0, &mut its);
        self.html_attributes = its;
    }

    /// Adds the tag's attributes to `body`.
    pub(super) fn add_to_body(&mut self) {
        let mut its = std::mem::take(&mut self.body_attributes);
        self.add_attributes(1, &mut its);
        self.body_attributes = its;
    }

    fn add_attributes(&mut self, place: usize, its: &mut RootAttributes) {
        let Some(entry) = self.stack.get(place) else {
            return;
        };
        if its.node != entry.node {
            its.node = entry.node;
            let range = self.arena.node(entry.node).text.bounds();
            let present = &self.tokenizer.attributes[range];
            its.names = present.iter().map(|(name, _)| *name).collect();
        }
        for place in 0..self.tokenizer.tag_attributes().len() {
            let (name, value) = self.tokenizer.tag_attributes()[place];
            if its.names.insert(name) {
                let value = self.tokenizer.decoded_value(value);
                its.added.push((name, value));
            }
        }
    }

    /// Puts what was added where the elements' attributes are.
    pub(super) fn finish_root_attributes(&mut self) {
        self.tokenizer.drop_attributes();
        for its in [
            std::mem::take(&mut self.html_attributes),
            std::mem::take(&mut self.body_attributes),
        ] {
            if its.added.is_empty() {
                continue;
            }
            let range = self.arena.node(its.node).text.bounds();
            let attributes = &mut self.tokenizer.attributes;
            let first = attributes.len();
            attributes.extend_from_within(range);
            attributes.extend_from_slice(&its.added);
            let range = Text::range(first, attributes.len() - first);
            self.arena.nodes[its.node as usize].text = range;
        }
    }
}
