//! Links.

use super::base::Base;
use super::math;
use super::shown::Shown;
use super::tags::{Flow, flow};
use super::text::is_invisible;
use super::walk::{Step, Walk};
use crate::html::{Attr, Document, NodeId, Tag};
use crate::selection::{Selection, is_atom};
use std::collections::HashSet;

/// A hyperlink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads: absolute where the page's address or its `base` element allows it, else as written.
    pub url: String,
    /// Its text with white space collapsed; empty for a link around a picture.
    pub text: String,
    /// Its `rel` attribute with white space collapsed.
    pub rel: Option<String>,
}

/// The links of the chosen part, each address once, in document order.
pub fn links(document: &Document<'_>, selection: &Selection, base: &Base) -> Vec<Link> {
    let shown = Shown::of(document, selection);
    let mut links: Vec<Link> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    // The links around: their places in the list, if they are in it. Text goes to the innermost.
    let mut open: Vec<(NodeId, Option<usize>)> = Vec::new();
    let mut walk = Walk::new(document, &shown);
    while let Some(step) = walk.next() {
        match step {
            Step::Enter(id, tag) => {
                if is_link(document, id, tag) {
                    let place = new_link(document, id, base, &mut seen).map(|link| {
                        links.push(link);
                        links.len() - 1
                    });
                    open.push((id, place));
                }
                let current = open.last().and_then(|(_, place)| *place);
                if let Some(link) = current.and_then(|place| links.get_mut(place)) {
                    if is_atom(document, id, tag) && matches!(tag, Tag::MATH | Tag::SCRIPT) {
                        add_text(&mut link.text, &math::text(document, id));
                    } else if flow(tag) != Flow::Inline || tag == Tag::BR {
                        add_text(&mut link.text, " ");
                    }
                }
                if tag == Tag::MATH {
                    walk.pass_over();
                }
            }
            Step::Leave(id, tag) => {
                let last = open.pop_if(|(link, _)| *link == id);
                let place = last.or(open.last().copied()).and_then(|(_, place)| place);
                if let Some(link) = place.and_then(|place| links.get_mut(place)) {
                    if last.is_some() {
                        link.text.truncate(link.text.trim_end().len());
                    } else if flow(tag) != Flow::Inline {
                        add_text(&mut link.text, " ");
                    }
                }
            }
            Step::Text(id) => {
                let place = open.last().and_then(|(_, place)| *place);
                if let Some(link) = place.and_then(|place| links.get_mut(place)) {
                    add_text(&mut link.text, document.text(id).unwrap_or_default());
                }
            }
        }
    }
    links
}

/// Whether an element is a link; a link that runs a script only is none.
fn is_link(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    (tag == Tag::A || tag == Tag::AREA) && document.attribute(id, Attr::HREF).is_some()
}

fn new_link(
    document: &Document<'_>,
    id: NodeId,
    base: &Base,
    seen: &mut HashSet<String>,
) -> Option<Link> {
    let url = base.resolve(document.attribute(id, Attr::HREF)?)?;
    if !seen.insert(url.clone()) {
        return None;
    }
    let rel = document.attribute(id, Attr::REL).map(|rel| {
        let words: Vec<&str> = rel.split_whitespace().collect();
        words.join(" ")
    });
    Some(Link {
        url,
        text: String::new(),
        rel: rel.filter(|rel| !rel.is_empty()),
    })
}

/// Adds text with white space collapsed; white space at the end stays until the link ends.
fn add_text(out: &mut String, text: &str) {
    for (place, word) in text.split(char::is_whitespace).enumerate() {
        if place > 0 && !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
}
