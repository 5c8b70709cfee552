//! What elements are in Markdown.

use super::inline::Mark;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::render::tags::{self, Flow, flow, has_class};

/// What an element becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Nothing: its text goes on.
    None,
    /// A word of its own.
    Apart,
    /// A paragraph.
    Block,
    /// A paragraph whose text is strong: terms, summaries, titles of notes.
    Label,
    Heading(u8),
    Mark(Mark),
    Code,
    Link,
    Image,
    Break,
    Rule,
    Formula,
    Quote,
    List,
    Item,
    Table,
    Caption,
    Row,
    Cell,
}

/// The role of an element.
pub(super) fn role(document: &Document<'_>, id: NodeId, tag: Tag) -> Role {
    if let Some(level) = tags::heading(document, id, tag) {
        return Role::Heading(level);
    }
    match tag {
        Tag::EM | Tag::I | Tag::VAR | Tag::DFN | Tag::CITE => Role::Mark(Mark::Emphasis),
        Tag::STRONG | Tag::B => Role::Mark(Mark::Strong),
        Tag::DEL | Tag::S | Tag::STRIKE => Role::Mark(Mark::Strike),
        Tag::CODE | Tag::TT | Tag::KBD | Tag::SAMP => Role::Code,
        Tag::A => Role::Link,
        Tag::IMG | Tag::AMP_IMG => Role::Image,
        Tag::BR => Role::Break,
        Tag::HR => Role::Rule,
        Tag::MATH | Tag::SCRIPT => Role::Formula,
        Tag::BLOCKQUOTE => Role::Quote,
        Tag::UL | Tag::OL | Tag::MENU | Tag::DIR => Role::List,
        Tag::LI => Role::Item,
        Tag::TABLE => Role::Table,
        Tag::CAPTION => Role::Caption,
        Tag::TR => Role::Row,
        Tag::TD | Tag::TH => Role::Cell,
        Tag::DT | Tag::SUMMARY => Role::Label,
        Tag::DIV | Tag::ASIDE | Tag::SECTION if is_callout(document, id) => Role::Quote,
        Tag::DIV | Tag::P if is_callout_title(document, id) => Role::Label,
        _ => match flow(tag) {
            Flow::Inline => Role::None,
            Flow::Apart => Role::Apart,
            Flow::Line | Flow::Paragraph => Role::Block,
        },
    }
}

/// Notes, tips and warnings set apart from the text, as documentation has them.
fn is_callout(document: &Document<'_>, id: NodeId) -> bool {
    document.attribute(id, Attr::ROLE) == Some("note")
        || has_class(document, id, |word| {
            matches!(
                word,
                "admonition" | "callout" | "markdown-alert" | "theme-admonition"
            )
        })
}

/// The title of a note. It says so itself, and the note is around it.
fn is_callout_title(document: &Document<'_>, id: NodeId) -> bool {
    let says_so = |word: &str| {
        ["admonition", "callout", "alert"]
            .iter()
            .any(|name| word.contains(name))
            && (word.contains("title") || word.contains("heading"))
    };
    has_class(document, id, says_so)
        && document
            .ancestors(id)
            .take(2)
            .any(|around| is_callout(document, around))
}
