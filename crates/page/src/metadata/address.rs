//! Addresses: the page's own, and what those in it are relative to.

use super::meta::MetaName;
use super::sources::Sources;
use url::Url;

/// Bytes of a `base` element's address. Every link of a page repeats it, so a longer one would multiply the page.
const MAX_BASE: usize = 2048;

/// What the addresses of a page are relative to: its own address, changed by its `base` element. `None` if neither is
/// absolute.
pub(crate) fn base(page: &str, base_href: Option<&str>) -> Option<Url> {
    let page = Url::parse(page.trim()).ok();
    let href = base_href
        .map(str::trim)
        .filter(|href| href.len() <= MAX_BASE);
    let base = match (&page, href) {
        (Some(page), Some(href)) => page.join(href).ok(),
        (None, Some(href)) => Url::parse(href).ok(),
        (_, None) => None,
    };
    base.filter(|base| !base.cannot_be_a_base()).or(page)
}

/// The address that the page says it should be known by.
pub(super) fn canonical(sources: &Sources<'_>, base: Option<&Url>) -> Option<String> {
    let named = sources
        .canonical
        .into_iter()
        .chain(sources.meta(MetaName::OgUrl));
    named.filter_map(|href| absolute(href, base)).next()
}

/// A web address made absolute; `None` if that cannot be done.
fn absolute(href: &str, base: Option<&Url>) -> Option<String> {
    let href = href.trim();
    let address = match base {
        _ if href.is_empty() => return None,
        Some(base) => base.join(href),
        None => Url::parse(href),
    };
    let web = |address: &Url| matches!(address.scheme(), "http" | "https");
    address.ok().filter(web).map(String::from)
}
