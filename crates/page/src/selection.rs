//! Which part of a page is shown.

use crate::bits::Bits;
use crate::html::{Attr, Document, Namespace, NodeId, Tag};

/// Words from which the text of a `noscript` is content: threads of forums that render in the browser. Shorter ones ask
/// for scripts.
const NOSCRIPT_WORDS: usize = 60;

/// The chosen pieces of a page: text nodes, pictures, line ends and formulas. What stands around them (lists, tables,
/// quotes, headings, figures) is kept where it holds something chosen.
#[derive(Clone, Debug)]
pub struct Selection {
    pub(crate) chosen: Bits,
}

impl Selection {
    /// Nothing of a page.
    pub fn nothing(document: &Document<'_>) -> Selection {
        Selection {
            chosen: Bits::new(document.len()),
        }
    }

    /// Everything a reader sees below `root`.
    pub fn whole(document: &Document<'_>, root: NodeId) -> Selection {
        let mut selection = Selection::nothing(document);
        selection.insert(document, root);
        selection
    }

    /// Adds everything a reader sees below `root`, or `root` itself if it is text or a picture.
    pub fn insert(&mut self, document: &Document<'_>, root: NodeId) {
        if document.tag(root).is_none_or(is_piece) && root != NodeId::DOCUMENT {
            self.chosen.add(root.0);
        }
        let mut noscripts: Vec<NodeId> = Vec::new();
        let mut has_text = false;
        let mut at = root.0 + 1;
        let end = document.end(root).0;
        while at < end {
            let id = NodeId(at);
            let Some(tag) = document.tag(id) else {
                if let Some(text) = document.text(id) {
                    self.chosen.add(at);
                    has_text |= !is_blank(text);
                }
                at += 1;
                continue;
            };
            if is_atom(document, id, tag) {
                self.chosen.add(at);
            }
            if tag == Tag::NOSCRIPT && document.namespace(id) == Namespace::Html {
                noscripts.push(id);
                self.insert_pictures_of(document, id);
                at = document.end(id).0;
            } else if is_unseen(document, id, tag) {
                at = document.end(id).0;
            } else {
                at += 1;
            }
        }
        for id in noscripts {
            if !has_text || has_words(document, id, NOSCRIPT_WORDS) {
                self.insert_markup(document, id);
            }
        }
    }

    /// Adds a run of text: what is seen from the text node `first` to the text node `last`, both included.
    pub fn insert_range(&mut self, document: &Document<'_>, first: NodeId, last: NodeId) {
        let mut at = first.0;
        while at <= last.0 && (at as usize) < document.len() {
            let id = NodeId(at);
            let next = match document.tag(id) {
                Some(tag) => {
                    if is_atom(document, id, tag) {
                        self.chosen.add(at);
                    }
                    let end = document.end(id).0;
                    // The range may end within something that is seen nowhere else.
                    let is_skipped = is_unseen(document, id, tag) && end <= last.0;
                    if is_skipped { end } else { at + 1 }
                }
                None => {
                    if document.text(id).is_some() {
                        self.chosen.add(at);
                    }
                    at + 1
                }
            };
            at = next;
        }
    }

    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }

    /// Whether a piece is chosen: a text node, a picture.
    pub fn contains(&self, id: NodeId) -> bool {
        self.chosen.has(id.0)
    }

    /// Adds what a `noscript` holds, as markup.
    fn insert_markup(&mut self, document: &Document<'_>, noscript: NodeId) {
        let mut at = noscript.0 + 1;
        while at < document.end(noscript).0 {
            let id = NodeId(at);
            let tag = document.tag(id);
            if tag.is_some_and(|tag| is_unseen(document, id, tag)) {
                at = document.end(id).0;
                continue;
            }
            if document.text(id).is_some() {
                self.chosen.add(at);
            }
            at += 1;
        }
    }

    /// Adds the pictures of a `noscript`. Which of them are shown anyway by their neighbours is decided when they are.
    fn insert_pictures_of(&mut self, document: &Document<'_>, noscript: NodeId) {
        for id in document.descendants(noscript) {
            if document.is(id, Tag::IMG) {
                self.chosen.add(id.0);
            }
        }
    }
}

/// Whether the text has nothing but white space.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Elements that are chosen like text: they show something by themselves.
fn is_piece(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::IMG
            | Tag::AMP_IMG
            | Tag::AREA
            | Tag::VIDEO
            | Tag::AUDIO
            | Tag::MATH
            | Tag::BR
            | Tag::HR
            | Tag::SCRIPT
    )
}

/// Elements that show something by themselves: pictures, films, formulas, line ends.
pub(crate) fn is_atom(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    if !is_piece(tag) {
        return false;
    }
    match tag {
        Tag::MATH => document.namespace(id) == Namespace::MathMl,
        Tag::SCRIPT => is_tex(document, id),
        _ => document.namespace(id) == Namespace::Html,
    }
}

/// Formulas that a script sets.
pub(crate) fn is_tex(document: &Document<'_>, id: NodeId) -> bool {
    document.is(id, Tag::SCRIPT)
        && document
            .attribute(id, Attr::TYPE)
            .is_some_and(|kind| kind.trim_start().starts_with("math/tex"))
}

/// Elements that show no text of what is below them.
pub(crate) fn is_unseen(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    if document.namespace(id) != Namespace::Html {
        return true;
    }
    match tag {
        Tag::TEMPLATE => document.attribute(id, Attr::SHADOWROOTMODE).is_none(),
        Tag::HEAD
        | Tag::TITLE
        | Tag::SCRIPT
        | Tag::STYLE
        | Tag::NOSCRIPT
        | Tag::IFRAME
        | Tag::OBJECT
        | Tag::CANVAS
        | Tag::VIDEO
        | Tag::AUDIO
        | Tag::TEXTAREA
        | Tag::SELECT
        | Tag::DATALIST
        | Tag::NOFRAMES
        | Tag::NOEMBED => true,
        _ => false,
    }
}

/// Whether an element has at least so many words.
fn has_words(document: &Document<'_>, id: NodeId, least: usize) -> bool {
    let texts = document.descendants(id).filter_map(|id| document.text(id));
    texts
        .flat_map(str::split_whitespace)
        .take(least)
        .count()
        .ge(&least)
}
