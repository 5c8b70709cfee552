//! Formulas as text.

use crate::html::{Attr, Document, NodeId, Tag};
use crate::selection::is_blank;

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
    line(document, formula)
}

/// An element of a formula that is being written.
struct Open {
    end: u32,
    /// What stands between its parts.
    signs: &'static [&'static str],
    children: usize,
    close: &'static str,
}

/// What MathML shows in one line: powers, indices and fractions as `a^2`, `a_1` and `a/b`.
fn line(document: &Document<'_>, formula: NodeId) -> String {
    let mut out = String::new();
    let mut open: Vec<Open> = Vec::new();
    let mut at = formula.0 + 1;
    while at < document.end(formula).0 {
        while let Some(last) = open.pop_if(|last| last.end <= at) {
            out.push_str(last.close);
        }
        let id = NodeId(at);
        let Some(tag) = document.tag(id) else {
            let text = document.text(id).unwrap_or_default();
            // White space shows only within words.
            out.push_str(if is_blank(text) {
                ""
            } else {
                text.trim_matches('\n')
            });
            at += 1;
            continue;
        };
        if matches!(tag, Tag::ANNOTATION | Tag::ANNOTATION_XML) {
            at = document.end(id).0;
            continue;
        }
        let mut close = "";
        if let Some(outer) = open.last_mut().filter(|outer| !outer.signs.is_empty()) {
            if let Some(sign) = outer.children.checked_sub(1) {
                out.push_str(outer.signs.get(sign).copied().unwrap_or_default());
            }
            outer.children += 1;
            let tokens = document
                .children(id)
                .filter(|id| document.tag(*id).is_some());
            if tokens.take(2).count() > 1 {
                out.push('(');
                close = ")";
            }
        }
        let name = document.tag_name(tag);
        out.push_str(if name == "msqrt" { "√(" } else { "" });
        open.push(Open {
            end: document.end(id).0,
            signs: signs(name),
            children: 0,
            close: match (name, close) {
                ("msqrt", "") => ")",
                ("msqrt", _) => "))",
                _ => close,
            },
        });
        at += 1;
    }
    while let Some(last) = open.pop() {
        out.push_str(last.close);
    }
    collapsed(&out)
}

/// What stands between the parts of an element.
fn signs(name: &str) -> &'static [&'static str] {
    match name {
        "msup" | "mover" => &["^"],
        "msub" | "munder" => &["_"],
        "msubsup" | "munderover" => &["_", "^"],
        "mfrac" => &["/"],
        _ => &[],
    }
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
