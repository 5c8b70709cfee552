//! The chosen part of a page as text, as Markdown, and its links and media.
//!
//! `shown` decides once which nodes are rendered; `walk` goes through them in the order in which a reader sees them.
//! Text and Markdown are two walks of their own: neither is made from the other.

mod around;
mod base;
mod code;
mod image;
mod link;
mod markdown;
mod math;
mod media;
mod shown;
mod tables;
mod tags;
mod text;
mod walk;

pub use base::Base;
pub use link::{Link, links};
pub use media::{Media, MediaKind, media};

use crate::html::Document;
use crate::selection::Selection;
use shown::Shown;

/// A part of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Plain text: paragraphs with an empty line between them, lines of lists and tables on lines of their own, the cells
    /// of a row with tabs between them.
    pub text: String,
    /// CommonMark with GFM's tables and strikethrough.
    pub markdown: String,
}

/// The chosen part as text and as Markdown.
pub fn render(document: &Document<'_>, selection: &Selection, base: &Base) -> Rendered {
    let shown = Shown::of(document, selection);
    Rendered {
        text: text::write(document, &shown),
        markdown: markdown::write(document, &shown, base),
    }
}

/// The chosen part as plain text.
pub fn text(document: &Document<'_>, selection: &Selection) -> String {
    text::write(document, &Shown::of(document, selection))
}

/// The chosen part as Markdown.
pub fn markdown(document: &Document<'_>, selection: &Selection, base: &Base) -> String {
    markdown::write(document, &Shown::of(document, selection), base)
}
