//! Pictures, films and sounds.

use super::base::Base;
use super::image::{Images, alt};
use super::shown::Shown;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::selection::Selection;
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

/// The media of the chosen part, each address once, in document order.
pub fn media(document: &Document<'_>, selection: &Selection, base: &Base) -> Vec<Media> {
    let shown = Shown::of(document, selection);
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
    let mut passed = 0;
    for id in shown.iter().filter(|id| document.tag(*id).is_some()) {
        let kind = match document.tag(id) {
            Some(Tag::IMG | Tag::AMP_IMG) => {
                add(id, MediaKind::Image, images.source(document, id));
                continue;
            }
            Some(Tag::VIDEO) => MediaKind::Video,
            Some(Tag::AUDIO) => MediaKind::Audio,
            _ => continue,
        };
        if id.0 < passed {
            continue;
        }
        passed = document.end(id).0;
        let source = |id: NodeId| {
            let names = [Attr::DATA_SRC, Attr::SRC];
            let mut values = names
                .iter()
                .filter_map(|name| document.attribute(id, *name));
            values.find(|value| base.resolve(value).is_some())
        };
        add(id, kind, source(id));
        for child in document.descendants(id) {
            if document.is(child, Tag::SOURCE) {
                add(child, kind, source(child));
            }
        }
    }
    media
}
