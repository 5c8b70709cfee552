//! Addresses: the page's own, and what those in it are relative to.

use super::meta::MetaName;
use super::sources::Sources;
use crate::address::Address;

/// Bytes of a `base` element's address. Every link of a page repeats it, so a longer one would multiply the page.
const MAX_BASE: usize = 2048;

/// What the addresses of a page are relative to: its own address, changed by its `base` element. `None` if neither is
/// absolute.
pub(crate) fn base(page: &str, base_href: Option<&str>) -> Option<Address> {
    let page = Address::parse(page);
    let href = base_href
        .map(str::trim)
        .filter(|href| href.len() <= MAX_BASE);
    let base = match (&page, href) {
        (Some(page), Some(href)) => page.join(href),
        (None, Some(href)) => Address::parse(href),
        (_, None) => None,
    };
    base.filter(|base| !base.is_opaque()).or(page)
}

/// The address that the page says it should be known by.
pub(super) fn canonical(sources: &Sources<'_>, base: Option<&Address>) -> Option<String> {
    let named = sources
        .canonical
        .into_iter()
        .chain(sources.meta(MetaName::OgUrl));
    named.filter_map(|href| absolute(href, base)).next()
}

/// A web address made absolute; `None` if that cannot be done.
fn absolute(href: &str, base: Option<&Address>) -> Option<String> {
    let href = href.trim();
    let address = match base {
        _ if href.is_empty() => return None,
        Some(base) => base.join(href),
        None => Address::parse(href),
    };
    let web = |address: &Address| matches!(address.scheme(), "http" | "https");
    address.filter(web).map(String::from)
}
