//! What tree construction knows of elements by their names.

use crate::html::names::Tag;

/// A bit for each group that an element is in.
pub(super) type Flags = u16;

/// "Special" elements of the standard.
pub(super) const SPECIAL: Flags = 1;
/// Ends every scope but that of tables.
pub(super) const SCOPE: Flags = 1 << 1;
/// Special, but not `address`, `div` or `p`: an open list item beyond it is not closed.
pub(super) const BARRIER: Flags = 1 << 2;
/// Its end tag may be implied.
pub(super) const IMPLIED: Flags = 1 << 3;
/// Its end tag is implied at the end of a template.
pub(super) const IMPLIED_THOROUGHLY: Flags = 1 << 4;
/// MathML whose content is HTML but for two elements.
pub(super) const TEXT_POINT: Flags = 1 << 5;
/// SVG or MathML whose content is HTML.
pub(super) const HTML_POINT: Flags = 1 << 6;
/// `h1` to `h6`.
pub(super) const HEADING: Flags = 1 << 7;
/// `table`, `tbody`, `tfoot`, `thead` and `tr`: misplaced content goes before the table.
pub(super) const TABLE_PART: Flags = 1 << 8;
/// A start tag of HTML that ends SVG and MathML.
pub(super) const BREAKS_OUT: Flags = 1 << 9;

/// The groups of an HTML element.
#[inline]
pub(super) fn flags(tag: Tag) -> Flags {
    FLAGS.get(usize::from(tag.0)).copied().unwrap_or_default()
}

static FLAGS: [Flags; Tag::KNOWN.len()] = {
    let mut table = [0; Tag::KNOWN.len()];
    let mut number = 0;
    while number < table.len() {
        table[number] = of(Tag(number as u16));
        number += 1;
    }
    table
};

const fn of(tag: Tag) -> Flags {
    let mut flags = 0;
    if matches!(
        tag,
        Tag::ADDRESS
            | Tag::APPLET
            | Tag::AREA
            | Tag::ARTICLE
            | Tag::ASIDE
            | Tag::BASE
            | Tag::BASEFONT
            | Tag::BGSOUND
            | Tag::BLOCKQUOTE
            | Tag::BODY
            | Tag::BR
            | Tag::BUTTON
            | Tag::CAPTION
            | Tag::CENTER
            | Tag::COL
            | Tag::COLGROUP
            | Tag::DD
            | Tag::DETAILS
            | Tag::DIR
            | Tag::DIV
            | Tag::DL
            | Tag::DT
            | Tag::EMBED
            | Tag::FIELDSET
            | Tag::FIGCAPTION
            | Tag::FIGURE
            | Tag::FOOTER
            | Tag::FORM
            | Tag::FRAME
            | Tag::FRAMESET
            | Tag::H1
            | Tag::H2
            | Tag::H3
            | Tag::H4
            | Tag::H5
            | Tag::H6
            | Tag::HEAD
            | Tag::HEADER
            | Tag::HGROUP
            | Tag::HR
            | Tag::HTML
            | Tag::IFRAME
            | Tag::IMG
            | Tag::INPUT
            | Tag::KEYGEN
            | Tag::LI
            | Tag::LINK
            | Tag::LISTING
            | Tag::MAIN
            | Tag::MARQUEE
            | Tag::MENU
            | Tag::META
            | Tag::NAV
            | Tag::NOEMBED
            | Tag::NOFRAMES
            | Tag::NOSCRIPT
            | Tag::OBJECT
            | Tag::OL
            | Tag::P
            | Tag::PARAM
            | Tag::PLAINTEXT
            | Tag::PRE
            | Tag::SCRIPT
            | Tag::SEARCH
            | Tag::SECTION
            | Tag::SELECT
            | Tag::SOURCE
            | Tag::STYLE
            | Tag::SUMMARY
            | Tag::TABLE
            | Tag::TBODY
            | Tag::TD
            | Tag::TEMPLATE
            | Tag::TEXTAREA
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TITLE
            | Tag::TR
            | Tag::TRACK
            | Tag::UL
            | Tag::WBR
            | Tag::XMP
    ) {
        flags |= SPECIAL;
        if !matches!(tag, Tag::ADDRESS | Tag::DIV | Tag::P) {
            flags |= BARRIER;
        }
    }
    if matches!(
        tag,
        Tag::APPLET
            | Tag::CAPTION
            | Tag::HTML
            | Tag::TABLE
            | Tag::TD
            | Tag::TH
            | Tag::MARQUEE
            | Tag::OBJECT
            | Tag::SELECT
            | Tag::TEMPLATE
    ) {
        flags |= SCOPE;
    }
    if matches!(
        tag,
        Tag::DD
            | Tag::DT
            | Tag::LI
            | Tag::OPTGROUP
            | Tag::OPTION
            | Tag::P
            | Tag::RB
            | Tag::RP
            | Tag::RT
            | Tag::RTC
    ) {
        flags |= IMPLIED | IMPLIED_THOROUGHLY;
    }
    if matches!(
        tag,
        Tag::CAPTION
            | Tag::COLGROUP
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR
    ) {
        flags |= IMPLIED_THOROUGHLY;
    }
    if matches!(
        tag,
        Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6
    ) {
        flags |= HEADING | BREAKS_OUT;
    }
    if matches!(
        tag,
        Tag::TABLE | Tag::TBODY | Tag::TFOOT | Tag::THEAD | Tag::TR
    ) {
        flags |= TABLE_PART;
    }
    if matches!(
        tag,
        Tag::B
            | Tag::BIG
            | Tag::BLOCKQUOTE
            | Tag::BODY
            | Tag::BR
            | Tag::CENTER
            | Tag::CODE
            | Tag::DD
            | Tag::DIV
            | Tag::DL
            | Tag::DT
            | Tag::EM
            | Tag::EMBED
            | Tag::HEAD
            | Tag::HR
            | Tag::I
            | Tag::IMG
            | Tag::LI
            | Tag::LISTING
            | Tag::MENU
            | Tag::META
            | Tag::NOBR
            | Tag::OL
            | Tag::P
            | Tag::PRE
            | Tag::RUBY
            | Tag::S
            | Tag::SMALL
            | Tag::SPAN
            | Tag::STRONG
            | Tag::STRIKE
            | Tag::SUB
            | Tag::SUP
            | Tag::TABLE
            | Tag::TT
            | Tag::U
            | Tag::UL
            | Tag::VAR
    ) {
        flags |= BREAKS_OUT;
    }
    flags
}
