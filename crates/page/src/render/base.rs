//! What the addresses of a page are relative to.

use crate::address::Address;
use crate::html::{Attr, Document, Tag};
use crate::metadata::address;

/// What the addresses of a page are relative to.
#[derive(Clone, Debug, Default)]
pub struct Base(Option<Address>);

impl Base {
    /// The base of a page: its address, which may be empty, changed by its `base` element.
    pub fn new(document: &Document<'_>, page: &str) -> Base {
        let href = document
            .nodes()
            .filter(|id| document.is(*id, Tag::BASE))
            .find_map(|id| document.attribute(id, Attr::HREF));
        Base(address::base(page, href))
    }

    /// Where `href` leads: an absolute address, or `href` itself if there is nothing to be relative to. `None` for
    /// addresses that lead nowhere: empty ones, scripts, and data in the address itself.
    pub fn resolve(&self, href: &str) -> Option<String> {
        let href = href.trim();
        if href.is_empty() || is_no_place(href) {
            return None;
        }
        let resolved = match &self.0 {
            Some(base) => base.join(href),
            None => Address::parse(href),
        };
        match resolved {
            Some(url) => (!is_no_place(url.as_str())).then(|| url.into()),
            None => Some(href.to_owned()),
        }
    }
}

impl From<Option<Address>> for Base {
    /// A base that is known already, as from [`Metadata`](crate::metadata::Metadata).
    fn from(url: Option<Address>) -> Base {
        Base(url)
    }
}

/// Addresses that run a script or are data themselves. Browsers pass over control characters and line ends in them.
fn is_no_place(href: &str) -> bool {
    let mut scheme = href
        .bytes()
        .filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'))
        .take(12);
    let mut name = [0; 12];
    for place in &mut name {
        *place = scheme.next().unwrap_or_default().to_ascii_lowercase();
    }
    [&b"javascript:"[..], b"data:", b"vbscript:", b"blob:"]
        .iter()
        .any(|no| name.starts_with(no))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::parse;

    #[test]
    fn addresses_are_absolute_where_they_can_be() {
        let document = parse("<base href=/in/><p>x").expect("a page");
        let base = Base::new(&document, "https://paper.example/2026/page");
        let resolve = |href| base.resolve(href);
        assert_eq!(resolve("/a").as_deref(), Some("https://paper.example/a"));
        assert_eq!(
            resolve(" b ").as_deref(),
            Some("https://paper.example/in/b")
        );
        assert_eq!(
            resolve("mailto:a@b.example").as_deref(),
            Some("mailto:a@b.example")
        );
        for no in [
            "",
            " ",
            "javascript:x()",
            "java\nscript:x()",
            "DATA:,x",
            "\u{1}javascript:x",
        ] {
            assert_eq!(resolve(no), None, "{no:?}");
        }
        assert_eq!(Base::default().resolve("a/b").as_deref(), Some("a/b"));
    }
}
