//! The language of a text.

use whatlang::Lang;

/// Bytes the guess looks at: more make it slower and no surer.
const SAMPLE_BYTES: usize = 4096;

/// The language of the text's beginning, where it is plain.
pub(super) fn guess(text: &str) -> Option<&'static str> {
    let info = whatlang::detect(&text[..text.floor_char_boundary(SAMPLE_BYTES)])?;
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
    use super::guess;

    #[test]
    fn a_language_is_guessed_where_it_is_plain() {
        let text = "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung \
                    aller staatlichen Gewalt.";
        assert_eq!(guess(text), Some("de"));
        // The sample's end may fall into a character.
        assert_eq!(guess(&"ありがとうございます。".repeat(500)), Some("ja"));
    }

    #[test]
    fn no_text_has_no_language() {
        assert_eq!(guess(""), None);
        assert_eq!(guess("123 456"), None);
    }
}
