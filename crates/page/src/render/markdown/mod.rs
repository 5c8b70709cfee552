//! Markdown: CommonMark with GFM's tables and strikethrough, which is read back to what was shown.

mod blocks;
mod escape;
mod flank;
mod inline;
mod lines;
mod role;
mod table;

use super::base::Base;
use super::shown::Shown;
use crate::html::Document;

/// Writes what is shown as Markdown.
pub(super) fn write(document: &Document<'_>, shown: &Shown, base: &Base) -> String {
    blocks::write(document, shown, base)
}
