//! Formulas as text.

use crate::html::{Attr, Document, NodeId, Tag};

/// A formula as TeX if the page has it, else what MathML shows, in one line.
pub(super) fn text(document: &Document<'_>, formula: NodeId) -> String {
    if document.is(formula, Tag::SCRIPT) {
        return collapsed(&document.text_content(formula));
    }
    let mut annotations = document
        .descendants(formula)
        .filter(|id| document.tag(*id) == Some(Tag::ANNOTATION));
    let tex = annotations.find(|id| {
        let encoding = document.attribute(*id, Attr::ENCODING).unwrap_or_default();
        encoding.to_ascii_lowercase().contains("tex")
    });
    if let Some(tex) = tex {
        return collapsed(&document.text_content(tex));
    }
    if let Some(tex) = document.attribute(formula, Attr::ALTTEXT) {
        return collapsed(tex);
    }
    let mut out = String::new();
    let mut at = formula.0 + 1;
    while at < document.end(formula).0 {
        let id = NodeId(at);
        match document.tag(id) {
            Some(Tag::ANNOTATION | Tag::ANNOTATION_XML) => at = document.end(id).0,
            Some(_) => at += 1,
            None => {
                out.push_str(document.text(id).unwrap_or_default());
                at += 1;
            }
        }
    }
    collapsed(&out)
}

/// Whether a formula stands on a line of its own.
pub(super) fn is_display(document: &Document<'_>, formula: NodeId) -> bool {
    [Attr::DISPLAY, Attr::TYPE].iter().any(|name| {
        document
            .attribute(formula, *name)
            .is_some_and(|value| value == "block" || value.contains("mode=display"))
    })
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
