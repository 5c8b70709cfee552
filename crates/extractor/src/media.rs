//! Pictures, films and sounds.

use crate::address::Base;
use crate::bindings::{Media, MediaKind};
use crate::text;
use dom_query::{NodeRef, Selection};
use std::collections::HashSet;

/// The media inside `part`, each address once, in document order.
pub(crate) fn of(part: &Selection<'_>, base: &Base) -> Vec<Media> {
    let mut seen = HashSet::new();
    let mut media = Vec::new();
    for node in part
        .select("img, video, audio, video > source, audio > source")
        .nodes()
    {
        let Some(source) = source(node) else { continue };
        let url = base.resolve(&source);
        if !seen.insert(url.clone()) {
            continue;
        }
        media.push(Media {
            kind: kind(node),
            url,
            alt: node.attr("alt").and_then(|alt| text::collapse(&alt)),
        });
    }
    media
}

/// Where an element's data lies. Pages that load pictures late put a placeholder into `src`, often a `data:`
/// address, and the true address into `data-src`.
fn source(node: &NodeRef<'_>) -> Option<String> {
    ["data-src", "src"]
        .iter()
        .filter_map(|name| node.attr(name))
        .map(|source| source.trim().to_owned())
        .find(|source| {
            let inline = source
                .get(..5)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
            !source.is_empty() && !inline
        })
}

fn kind(node: &NodeRef<'_>) -> MediaKind {
    let element = if node.has_name("source") {
        node.parent().unwrap_or(*node)
    } else {
        *node
    };
    if element.has_name("video") {
        MediaKind::Video
    } else if element.has_name("audio") {
        MediaKind::Audio
    } else {
        MediaKind::Image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dom_query::Document;

    #[test]
    fn media_are_told_apart() {
        let document = Document::from(
            r#"<img src="a.png" alt=" A  picture "><img src="a.png"><img src="data:image/gif;base64,R0"><img>
               <img src="data:image/gif;base64,R0" data-src="late.png">
               <video src="b.mp4"></video><video><source src="c.webm"></video><audio><source src="d.ogg"></audio>"#,
        );
        let media = of(
            &document.select("body"),
            &Base::new("https://example.org/", None),
        );
        let shown: Vec<_> = media
            .iter()
            .map(|one| (one.kind, one.url.as_str(), one.alt.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                (
                    MediaKind::Image,
                    "https://example.org/a.png",
                    Some("A picture")
                ),
                (MediaKind::Image, "https://example.org/late.png", None),
                (MediaKind::Video, "https://example.org/b.mp4", None),
                (MediaKind::Video, "https://example.org/c.webm", None),
                (MediaKind::Audio, "https://example.org/d.ogg", None),
            ]
        );
    }
}
