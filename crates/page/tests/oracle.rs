//! The oracle itself.

#[path = "oracle/mod.rs"]
mod oracle;

use riptide_page::html::{Attr, NodeId, Tag};

#[test]
fn the_oracle_gives_the_tree_of_a_page() {
    let document = oracle::document("<title>T</title><p class=a>one<b>two</b>&amp;<svg><g/></svg>");
    let p = document
        .nodes()
        .find(|id| document.is(*id, Tag::P))
        .expect("a paragraph");
    assert_eq!(document.attribute(p, Attr::CLASS), Some("a"));
    assert_eq!(document.text_content(p), "onetwo&");
    assert_eq!(document.text_content(NodeId::DOCUMENT), "Tonetwo&");
    assert!(!document.is(document.nodes().last().expect("a node"), Tag::P));
}
