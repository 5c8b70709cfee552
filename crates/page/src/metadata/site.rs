//! The name of the site.

use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::sources::Sources;
use super::value::clean;

/// A longer one is no name.
const MAX_BYTES: usize = 120;

/// The site's name, as the first source gives it.
pub(super) fn name(sources: &Sources<'_>, json_ld: &mut JsonLd<'_>) -> Option<String> {
    let meta = |name| sources.meta(name).find_map(clean);
    let fits = |name: &String| name.len() <= MAX_BYTES && !name.contains("://");
    meta(MetaName::SiteName)
        .filter(fits)
        .or_else(|| json_ld.text(json_ld.site, "name").filter(fits))
        .or_else(|| {
            json_ld
                .names(json_ld.article, "publisher")
                .into_iter()
                .find(fits)
        })
        .or_else(|| meta(MetaName::OtherSiteName).filter(fits))
}
