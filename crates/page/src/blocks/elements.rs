//! Which elements part text, and which hold none.

use crate::html::{Attr, Document, Namespace, NodeId, Tag};

/// Whether text before, in and after such an element is not one text.
pub(super) fn parts_text(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::HTML
            | Tag::BODY
            | Tag::DIV
            | Tag::P
            | Tag::UL
            | Tag::OL
            | Tag::DIR
            | Tag::LI
            | Tag::DL
            | Tag::DT
            | Tag::DD
            | Tag::TABLE
            | Tag::THEAD
            | Tag::TBODY
            | Tag::TFOOT
            | Tag::TR
            | Tag::TD
            | Tag::TH
            | Tag::CAPTION
            | Tag::H1
            | Tag::H2
            | Tag::H3
            | Tag::H4
            | Tag::H5
            | Tag::H6
            | Tag::SECTION
            | Tag::ARTICLE
            | Tag::MAIN
            | Tag::NAV
            | Tag::HEADER
            | Tag::FOOTER
            | Tag::ASIDE
            | Tag::FORM
            | Tag::FIELDSET
            | Tag::LEGEND
            | Tag::FIGURE
            | Tag::FIGCAPTION
            | Tag::BLOCKQUOTE
            | Tag::PRE
            | Tag::LISTING
            | Tag::XMP
            | Tag::PLAINTEXT
            | Tag::ADDRESS
            | Tag::DETAILS
            | Tag::SUMMARY
            | Tag::HR
            | Tag::HGROUP
            | Tag::DIALOG
            | Tag::MENU
            | Tag::CENTER
            | Tag::SELECT
            | Tag::OPTION
            | Tag::OPTGROUP
            | Tag::NOSCRIPT
            | Tag::BUTTON
            | Tag::LABEL
            | Tag::TEXTAREA
            | Tag::IFRAME
            | Tag::VIDEO
            | Tag::AUDIO
            | Tag::OBJECT
            | Tag::CANVAS
            | Tag::PICTURE
            | Tag::SEARCH
    )
}

/// Whether an element holds no text to read. What a template declares as a shadow root is shown, so it is read.
pub(super) fn is_skipped(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    document.namespace(id) != Namespace::Html
        || match tag {
            Tag::TEMPLATE => document.attribute(id, Attr::SHADOWROOTMODE).is_none(),
            _ => matches!(
                tag,
                Tag::SCRIPT
                    | Tag::STYLE
                    | Tag::HEAD
                    | Tag::TITLE
                    | Tag::IFRAME
                    | Tag::OBJECT
                    | Tag::CANVAS
                    | Tag::VIDEO
                    | Tag::AUDIO
                    | Tag::TEXTAREA
                    | Tag::DATALIST
                    | Tag::NOEMBED
                    | Tag::NOFRAMES
                    | Tag::APPLET
            ),
        }
}

/// Whether white space and block-level elements in it are the author's lines, so that it is one block whole.
pub(super) fn is_preformatted(tag: Tag) -> bool {
    matches!(tag, Tag::PRE | Tag::LISTING | Tag::XMP | Tag::PLAINTEXT)
}

/// The level of a heading; 0 for anything else.
pub(super) fn heading_level(tag: Tag) -> u8 {
    match tag {
        Tag::H1 => 1,
        Tag::H2 => 2,
        Tag::H3 => 3,
        Tag::H4 => 4,
        Tag::H5 => 5,
        Tag::H6 => 6,
        _ => 0,
    }
}
