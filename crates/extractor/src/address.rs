//! Addresses: making those of a page absolute.

use url::Url;

/// What a page's relative addresses are resolved against.
pub(crate) struct Base(Option<Url>);

impl Base {
    /// The page's own address, changed by its `base` element. An address that is not absolute gives a base
    /// that leaves every relative address as it is written.
    pub(crate) fn new(page: &str, base_href: Option<&str>) -> Self {
        let page = Url::parse(page.trim()).ok();
        let base = match (&page, base_href) {
            (Some(page), Some(href)) => page.join(href).ok(),
            (None, Some(href)) => Url::parse(href).ok(),
            (_, None) => None,
        };
        Self(base.or(page))
    }

    /// `href` as an absolute address, or as written where that cannot be made.
    pub(crate) fn resolve(&self, href: &str) -> String {
        let href = href.trim();
        let resolved = match &self.0 {
            Some(base) => base.join(href),
            None => Url::parse(href),
        };
        resolved.map_or_else(|_| href.to_owned(), String::from)
    }

    /// The base itself, if there is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_ref().map(Url::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::Base;

    #[test]
    fn relative_addresses_become_absolute() {
        let base = Base::new("https://example.org/docs/page.html?q=1#top", None);
        let cases = [
            ("other.html", "https://example.org/docs/other.html"),
            ("../up.html", "https://example.org/up.html"),
            ("../../../up.html", "https://example.org/up.html"),
            ("/root", "https://example.org/root"),
            ("//cdn.example.org/x", "https://cdn.example.org/x"),
            ("?q=2", "https://example.org/docs/page.html?q=2"),
            ("#part", "https://example.org/docs/page.html?q=1#part"),
            (" https://other.example/a b ", "https://other.example/a%20b"),
            ("mailto:a@example.org", "mailto:a@example.org"),
        ];
        for (href, expected) in cases {
            assert_eq!(base.resolve(href), expected, "{href}");
        }
    }

    #[test]
    fn a_base_element_moves_the_base() {
        let base = Base::new("https://example.org/a/b", Some("/c/"));
        assert_eq!(base.resolve("d"), "https://example.org/c/d");
        let base = Base::new("", Some("https://example.org/c/"));
        assert_eq!(base.resolve("d"), "https://example.org/c/d");
    }

    #[test]
    fn without_a_base_addresses_stay_as_written() {
        for page in ["", "not an address", "/only/a/path"] {
            let base = Base::new(page, None);
            assert_eq!(base.resolve("d/e.html"), "d/e.html", "{page}");
            assert_eq!(base.resolve("https://a.example/"), "https://a.example/");
            assert_eq!(base.as_str(), None);
        }
    }

    #[test]
    fn an_address_that_cannot_be_resolved_stays_as_written() {
        let base = Base::new("https://example.org/", None);
        assert_eq!(base.resolve("http://[::bad"), "http://[::bad");
    }
}
