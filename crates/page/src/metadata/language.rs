//! The language that a page declares.

use super::meta::MetaName;
use super::sources::Sources;

/// The declared language as a BCP 47 tag, the first source that has one.
pub(super) fn language(sources: &Sources<'_>, json_ld: Option<&str>) -> Option<String> {
    sources
        .html_lang
        .into_iter()
        .chain(sources.meta(MetaName::Language))
        .chain(json_ld)
        .chain(sources.meta(MetaName::Locale))
        .find_map(tag)
}

/// `en_US` is a common slip for `en-US`; of a list the first counts; an encoding (`en_US.UTF-8`) is cut, and what is no
/// tag is dropped.
fn tag(declared: &str) -> Option<String> {
    let declared = declared.split([',', ';', '.', '@']).next()?;
    let tag = declared.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_tag = (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    is_tag.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn what_is_a_tag_is_kept() {
        for (declared, expected) in [
            (" en_US ", Some("en-US")),
            ("de-AT", Some("de-AT")),
            ("en_US.UTF-8", Some("en-US")),
            ("en, fr", Some("en")),
            ("zh-Hant-TW", Some("zh-Hant-TW")),
            ("English", None),
            ("x", None),
            ("", None),
            ("en-", None),
        ] {
            assert_eq!(tag(declared).as_deref(), expected, "{declared}");
        }
    }
}
