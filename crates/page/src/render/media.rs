//! Pictures, films and sounds.

use super::base::Base;
use super::image::{Images, alt};
use crate::html::{Attr, Document, Namespace, NodeId, Tag};
use crate::selection::is_unseen;
use std::collections::HashSet;

/// What a media element shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound.
    Audio,
}

/// A picture, film or sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where it lies, resolved as for links; `data:` addresses are left out.
    pub url: String,
    /// What it is.
    pub kind: MediaKind,
    /// Its alternative text.
    pub alt: Option<String>,
}

/// The media below these elements, each address once, in document order. The elements are in document order, and none is
/// in another.
pub fn media(document: &Document<'_>, parts: &[NodeId], base: &Base) -> Vec<Media> {
    let images = Images::new(document);
    let mut media: Vec<Media> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut add = |id: NodeId, kind, source: Option<&str>| {
        if let Some(url) = source.and_then(|source| base.resolve(source))
            && seen.insert(url.clone())
        {
            let alt = alt(document, id);
            media.push(Media { url, kind, alt });
        }
    };
    let file = |id: NodeId| {
        let names = [Attr::DATA_SRC, Attr::SRC];
        let mut values = names
            .iter()
            .filter_map(|name| document.attribute(id, *name));
        values.find(|value| base.resolve(value).is_some())
    };
    for part in parts {
        let mut id = *part;
        // The innermost film or sound around, for its sources.
        let mut around = (NodeId::DOCUMENT, MediaKind::Video);
        while id < document.end(*part) {
            let mut next = NodeId(id.0 + 1);
            match document.tag(id) {
                Some(_) if document.namespace(id) != Namespace::Html => {}
                Some(Tag::IMG | Tag::AMP_IMG) => {
                    add(id, MediaKind::Image, images.source(document, id));
                }
                Some(tag @ (Tag::VIDEO | Tag::AUDIO)) => {
                    let kind = if tag == Tag::VIDEO {
                        MediaKind::Video
                    } else {
                        MediaKind::Audio
                    };
                    around = (document.end(id), kind);
                    add(id, kind, file(id));
                }
                Some(Tag::SOURCE) if id < around.0 => add(id, around.1, file(id)),
                Some(Tag::TEMPLATE) if is_unseen(document, id, Tag::TEMPLATE) => {
                    next = document.end(id);
                }
                _ => {}
            }
            id = next;
        }
    }
    media
}
