//! Markdown.

use super::base::Base;
use super::shown::Shown;
use crate::html::Document;

/// Writes what is shown as Markdown; for now its text.
pub(super) fn write(document: &Document<'_>, shown: &Shown, _base: &Base) -> String {
    super::text::write(document, shown)
}
