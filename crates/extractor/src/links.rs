//! Links.

use crate::address::Base;
use crate::bindings::Link;
use crate::text;
use dom_query::Selection;
use std::collections::HashSet;

/// The links inside `part`, each address once, in document order. Addresses that run a script lead nowhere
/// and are left out.
pub(crate) fn of(part: &Selection<'_>, base: &Base) -> Vec<Link> {
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for node in part.select("a[href], area[href]").nodes() {
        let href = node.attr_or("href", "");
        if href.trim().is_empty() || is_script(&href) {
            continue;
        }
        let url = base.resolve(&href);
        if !seen.insert(url.clone()) {
            continue;
        }
        links.push(Link {
            url,
            text: text::collapse(&node.text()).unwrap_or_default(),
            rel: node.attr("rel").and_then(|rel| text::collapse(&rel)),
        });
    }
    links
}

fn is_script(href: &str) -> bool {
    let scheme = href.trim_start().split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("javascript")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dom_query::Document;

    #[test]
    fn links_are_absolute_and_unique() {
        let document = Document::from(
            r##"<a href="/a" rel="nofollow  ugc">A  <b>link</b></a><a href="/a">again</a><a href="b"><img></a>
                <a href="javascript:void(0)">no</a><a href=" ">no</a><a>no</a><a href="#top">Top</a>"##,
        );
        let links = of(
            &document.select("body"),
            &Base::new("https://example.org/x/", None),
        );
        let shown: Vec<_> = links
            .iter()
            .map(|link| (link.url.as_str(), link.text.as_str(), link.rel.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("https://example.org/a", "A link", Some("nofollow ugc")),
                ("https://example.org/x/b", "", None),
                ("https://example.org/x/#top", "Top", None),
            ]
        );
    }
}
