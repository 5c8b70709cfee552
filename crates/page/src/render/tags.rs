//! What elements are to the flow of text.

use crate::html::{Attr, Document, NodeId, Tag};

/// How an element parts the text before it, in it and after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    /// Not at all: `b`, `a`, `span`.
    Inline,
    /// Like a word: `button`.
    Apart,
    /// Lines of its own: `div`, `li`.
    Line,
    /// An empty line before and after: `p`, `h2`, `table`.
    Paragraph,
}

/// The flow of an element.
pub(super) fn flow(tag: Tag) -> Flow {
    match tag {
        Tag::P
        | Tag::H1
        | Tag::H2
        | Tag::H3
        | Tag::H4
        | Tag::H5
        | Tag::H6
        | Tag::UL
        | Tag::OL
        | Tag::MENU
        | Tag::DIR
        | Tag::DL
        | Tag::BLOCKQUOTE
        | Tag::PRE
        | Tag::LISTING
        | Tag::XMP
        | Tag::PLAINTEXT
        | Tag::TABLE
        | Tag::CAPTION
        | Tag::FIGURE
        | Tag::FIGCAPTION
        | Tag::HR
        | Tag::DETAILS
        | Tag::SUMMARY
        | Tag::FIELDSET => Flow::Paragraph,
        Tag::ADDRESS
        | Tag::ARTICLE
        | Tag::ASIDE
        | Tag::BODY
        | Tag::CENTER
        | Tag::DD
        | Tag::DIALOG
        | Tag::DIV
        | Tag::DT
        | Tag::FOOTER
        | Tag::FORM
        | Tag::FRAMESET
        | Tag::HEADER
        | Tag::HGROUP
        | Tag::HTML
        | Tag::LEGEND
        | Tag::LI
        | Tag::MAIN
        | Tag::NAV
        | Tag::OPTGROUP
        | Tag::OPTION
        | Tag::SEARCH
        | Tag::SECTION
        | Tag::TBODY
        | Tag::TD
        | Tag::TFOOT
        | Tag::TH
        | Tag::THEAD
        | Tag::TR
        | Tag::VIDEO
        | Tag::AUDIO => Flow::Line,
        Tag::BUTTON | Tag::INPUT | Tag::METER | Tag::PROGRESS | Tag::OUTPUT => Flow::Apart,
        _ => Flow::Inline,
    }
}

/// The level of a heading, 1 to 6; also of what only says by its role that it is one.
pub(super) fn heading(document: &Document<'_>, id: NodeId, tag: Tag) -> Option<u8> {
    match tag {
        Tag::H1 => Some(1),
        Tag::H2 => Some(2),
        Tag::H3 => Some(3),
        Tag::H4 => Some(4),
        Tag::H5 => Some(5),
        Tag::H6 => Some(6),
        Tag::DIV | Tag::P | Tag::SPAN if document.attribute(id, Attr::ROLE) == Some("heading") => {
            let level = document.attribute(id, Attr::ARIA_LEVEL)?;
            let level: u8 = level.trim().parse().ok()?;
            (1..=6).contains(&level).then_some(level)
        }
        _ => None,
    }
}

/// Whether text is kept as it stands.
pub(super) fn is_preformatted(tag: Tag) -> bool {
    matches!(tag, Tag::PRE | Tag::LISTING | Tag::XMP | Tag::PLAINTEXT)
}

/// Whether one of the element's class words is `word`, in upper or lower case.
pub(super) fn has_class(document: &Document<'_>, id: NodeId, word: impl Fn(&str) -> bool) -> bool {
    document
        .attribute(id, Attr::CLASS)
        .is_some_and(|class| class.split_ascii_whitespace().any(word))
}
