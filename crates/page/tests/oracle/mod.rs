//! Another parser's tree as a document of ours.

use dom_query::{Document as Parsed, NodeRef};
use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeBuilderOpts;
use riptide_page::html::{Attr, Builder, Document, Namespace, Text};

/// Parses with scripting off, as ours does.
pub(crate) fn document(html: &str) -> Document<'_> {
    let opts = ParseOpts {
        tree_builder: TreeBuilderOpts {
            scripting_enabled: false,
            ..Default::default()
        },
        ..Default::default()
    };
    let parsed = parse_document(Parsed::default(), opts).one(StrTendril::from(html));
    let mut builder = Builder::new(html);
    let mut next = parsed.root().first_child();
    while let Some(node) = next {
        if open(&mut builder, &node) {
            if let Some(child) = node.first_child() {
                next = Some(child);
                continue;
            }
            builder.close();
        }
        next = following(&mut builder, node);
    }
    builder.finish()
}

/// Adds a node; returns whether it is an element, and so open now.
fn open(builder: &mut Builder<'_>, node: &NodeRef<'_>) -> bool {
    if node.is_text() {
        let text = builder.decoded(&node.text());
        builder.text(text);
        return false;
    }
    let Some(name) = node.node_name().filter(|_| node.is_element()) else {
        return false;
    };
    let attributes: Vec<(Attr, Text)> = node
        .attrs()
        .iter()
        .map(|attribute| {
            let value = builder.decoded(&attribute.value);
            (builder.attribute(&attribute.name.local), value)
        })
        .collect();
    let namespace = node
        .element_ref()
        .map_or(Namespace::Html, |element| match &*element.name.ns {
            "http://www.w3.org/2000/svg" => Namespace::Svg,
            "http://www.w3.org/1998/Math/MathML" => Namespace::MathMl,
            _ => Namespace::Html,
        });
    let tag = builder.tag(&name);
    builder.open(tag, namespace, &attributes);
    true
}

fn following<'a>(builder: &mut Builder<'_>, node: NodeRef<'a>) -> Option<NodeRef<'a>> {
    let mut node = node;
    loop {
        if let Some(sibling) = node.next_sibling() {
            return Some(sibling);
        }
        node = node.parent()?;
        builder.close();
    }
}
