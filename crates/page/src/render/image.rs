//! Where pictures lie.

use crate::html::{Attr, Document, NodeId, Tag};

/// Names of attributes that hold the address of a picture which a script loads later, the most telling first.
const LAZY: &[&str] = &[
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-actualsrc",
    "data-original-src",
    "data-hi-res-src",
    "data-image",
    "data-full-src",
    "data-url",
];

/// The same for lists of addresses.
const LAZY_SETS: &[&str] = &["data-srcset", "data-lazy-srcset", "data-original-set"];

/// Finds the addresses of the pictures of one page.
pub(super) struct Images {
    lazy: Vec<Attr>,
    lazy_sets: Vec<Attr>,
}

impl Images {
    pub(super) fn new(document: &Document<'_>) -> Images {
        let find = |names: &[&str]| {
            let found = names
                .iter()
                .filter_map(|name| document.find_attribute(name));
            found.collect()
        };
        Images {
            lazy: find(LAZY),
            lazy_sets: find(LAZY_SETS),
        }
    }

    /// The address of a picture as it is written; `None` for placeholders and for pixels that count readers.
    pub(super) fn source<'d>(&self, document: &'d Document<'_>, image: NodeId) -> Option<&'d str> {
        if Self::is_pixel(document, image) {
            return None;
        }
        let value = |name: &Attr| document.attribute(image, *name);
        let lazy = self.lazy.iter().filter_map(value).find_map(address);
        let lazy = lazy.or_else(|| self.lazy_sets.iter().filter_map(value).find_map(largest));
        lazy.or_else(|| address(value(&Attr::SRC)?))
            .or_else(|| largest(value(&Attr::SRCSET)?))
            .or_else(|| self.picture_source(document, image))
    }

    /// The first source of the `picture` around an image that names none itself.
    fn picture_source<'d>(&self, document: &'d Document<'_>, image: NodeId) -> Option<&'d str> {
        let picture = document
            .parent(image)
            .filter(|id| document.is(*id, Tag::PICTURE))?;
        let sources = document.children(picture).take(64);
        sources
            .filter(|id| document.is(*id, Tag::SOURCE))
            .find_map(|id| {
                let value = |name: &Attr| document.attribute(id, *name);
                value(&Attr::SRCSET)
                    .and_then(largest)
                    .or_else(|| self.lazy_sets.iter().filter_map(value).find_map(largest))
            })
    }

    fn is_pixel(document: &Document<'_>, image: NodeId) -> bool {
        let is_tiny = |name: Attr| {
            document
                .attribute(image, name)
                .is_some_and(|size| matches!(size.trim(), "0" | "1" | "0px" | "1px"))
        };
        is_tiny(Attr::WIDTH) && is_tiny(Attr::HEIGHT)
    }
}

/// The alternative text, white space collapsed.
pub(super) fn alt(document: &Document<'_>, image: NodeId) -> Option<String> {
    let alt = document.attribute(image, Attr::ALT)?;
    let mut out = String::with_capacity(alt.len());
    for word in alt.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    (!out.is_empty()).then_some(out)
}

/// The value as an address: nothing that is empty, data itself, or no address at all.
fn address(value: &str) -> Option<&str> {
    let value = value.trim();
    let is_data = || {
        let scheme = value.as_bytes().get(..5);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"))
    };
    let is_none = value.is_empty()
        || is_data()
        || value.starts_with(['#', '{', '[', '<'])
        || value.starts_with("about:");
    (!is_none).then_some(value)
}

/// The address of a `srcset` with the most pixels; the first of equal ones.
fn largest(set: &str) -> Option<&str> {
    let mut best: Option<(u64, &str)> = None;
    let mut rest = set;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace());
        let (url, after) = rest.split_at(end.unwrap_or(rest.len()));
        let (url, size) = match url.strip_suffix(',') {
            // A comma at the end of the address ends the candidate.
            Some(_) => {
                rest = after;
                (url.trim_end_matches(','), 1000)
            }
            None => {
                let (descriptor, following) = after.split_once(',').unwrap_or((after, ""));
                rest = following;
                (url, size(descriptor))
            }
        };
        if let Some(url) = address(url)
            && best.is_none_or(|(its, _)| size > its)
        {
            best = Some((size, url));
        }
    }
    best.map(|(_, url)| url)
}

/// A width or density in thousandths; that of 1 where there is none.
fn size(descriptor: &str) -> u64 {
    let mut sizes = descriptor
        .split_ascii_whitespace()
        .filter_map(|part| thousandths(part.strip_suffix(['w', 'x'])?));
    sizes.next().unwrap_or(1000)
}

/// `1.5` is 1500. Sizes are compared, no more: the standard library's reader of decimal numbers would be 2 % of the guest.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let digits = fraction.bytes().chain([b'0'; 3]).take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(u64::from(whole) * 1000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::parse;

    fn source(html: &str) -> Option<String> {
        let document = parse(html).expect("a page");
        let image = document
            .nodes()
            .find(|id| document.is(*id, Tag::IMG) || document.is(*id, Tag::AMP_IMG));
        let images = Images::new(&document);
        images
            .source(&document, image.expect("an image"))
            .map(str::to_owned)
    }

    #[test]
    fn the_picture_that_will_be_seen_is_found() {
        for (html, right) in [
            ("<img src=a.png>", Some("a.png")),
            ("<img src=a.png data-src=b.png>", Some("b.png")),
            (
                "<img src='data:image/gif;base64,R0' data-original=b.png>",
                Some("b.png"),
            ),
            ("<img src=x.png data-src='{json}'>", Some("x.png")),
            ("<img srcset='/s1.jpg 480w, /s2.jpg 960w'>", Some("/s2.jpg")),
            ("<img srcset='/a,b.jpg 2x, /c.jpg'>", Some("/a,b.jpg")),
            ("<img srcset='/a.jpg,, /c.jpg 0.5x'>", Some("/a.jpg")),
            (
                "<img srcset='/a.jpg .5x, /b.jpg 1.25x, /c.jpg 1.2x, /d.jpg 9.yx'>",
                Some("/b.jpg"),
            ),
            (
                "<picture><source srcset='p.webp 2x'><img alt=x></picture>",
                Some("p.webp"),
            ),
            ("<amp-img src=amp.png></amp-img>", Some("amp.png")),
            ("<img src=count.gif width=1 height=1>", None),
            ("<img src='data:image/gif;base64,R0'>", None),
            ("<img>", None),
        ] {
            assert_eq!(source(html).as_deref(), right, "{html}");
        }
    }
}
