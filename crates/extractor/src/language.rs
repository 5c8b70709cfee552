//! The language of a text.

use crate::text;
use whatlang::Lang;

/// Bytes the guess looks at: more make it slower and no surer.
const SAMPLE_BYTES: usize = 4096;

/// The language a page declares if it is a tag at all, else a guess from the text, else nothing.
pub(crate) fn of(declared: Option<&str>, sample: &str) -> Option<String> {
    declared
        .and_then(tag)
        .or_else(|| guess(sample).map(str::to_owned))
}

/// A declared language as a tag: `en_US` is a common slip for `en-US`, and what is no tag is dropped.
fn tag(declared: &str) -> Option<String> {
    let tag = declared.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_tag = (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && parts
            .all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    is_tag.then_some(tag)
}

/// The language of the text's beginning, where it is plain.
fn guess(sample: &str) -> Option<&'static str> {
    let info = whatlang::detect(text::head(sample, SAMPLE_BYTES))?;
    info.is_reliable().then(|| short(info.lang()))
}

/// BCP 47 asks for the two-letter code of a language that has one; `whatlang` knows the three-letter ones.
fn short(lang: Lang) -> &'static str {
    match lang {
        Lang::Afr => "af",
        Lang::Aka => "ak",
        Lang::Amh => "am",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Cym => "cy",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jav => "jv",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kat => "ka",
        Lang::Khm => "km",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Mkd => "mk",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "nb",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Sna => "sn",
        Lang::Spa => "es",
        Lang::Srp => "sr",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tuk => "tk",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Yid => "yi",
        Lang::Zul => "zu",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_language_wins() {
        assert_eq!(of(Some("de-AT"), "This is English."), Some("de-AT".into()));
        assert_eq!(of(Some(" en_US "), ""), Some("en-US".into()));
    }

    #[test]
    fn what_is_no_tag_does_not_count() {
        let text = "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung \
                    aller staatlichen Gewalt.";
        for declared in [None, Some(""), Some("deutsch sprache"), Some("x")] {
            assert_eq!(of(declared, text), Some("de".into()), "{declared:?}");
        }
    }

    #[test]
    fn no_text_has_no_language() {
        assert_eq!(of(None, ""), None);
        assert_eq!(of(None, "123 456"), None);
    }
}
