//! Plain text: white space and words.

/// Words a minute that a reading time assumes: the middle of what adults manage on screen.
const WORDS_PER_MINUTE: u32 = 200;

/// `text` with every run of white space as one space, or nothing if there is nothing else.
pub(crate) fn collapse(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    (!out.is_empty()).then_some(out)
}

/// The words in `text`. Where a script sets no spaces between words, each character counts as one.
pub(crate) fn word_count(text: &str) -> u32 {
    let mut words = 0u32;
    let mut inside = false;
    for c in text.chars() {
        if stands_alone(c) {
            words = words.saturating_add(1);
            inside = false;
        } else if c.is_alphanumeric() {
            if !inside {
                words = words.saturating_add(1);
            }
            inside = true;
        } else if c.is_whitespace() {
            inside = false;
        }
    }
    words
}

/// Minutes to read that many words, rounded up.
pub(crate) fn reading_time(words: u32) -> u32 {
    words.div_ceil(WORDS_PER_MINUTE)
}

/// The first `bytes` of `text`, less what would cut a character.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Han, kana, and the scripts of Thailand, Laos, Myanmar and Cambodia, which set no spaces between words.
fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e30}' | '\u{0e81}'..='\u{0eb0}' | '\u{1000}'..='\u{102a}' | '\u{1780}'..='\u{17b3}'
        | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_collapses() {
        assert_eq!(collapse(" a\n\t b\u{a0}c "), Some("a b c".into()));
        assert_eq!(collapse(" \n"), None);
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(word_count("One, two -- three's 4.5!"), 4);
        assert_eq!(word_count(" \n "), 0);
        assert_eq!(word_count("– … !"), 0);
    }

    #[test]
    fn characters_count_where_words_have_no_spaces() {
        assert_eq!(word_count("漢字とカナ"), 5);
        assert_eq!(word_count("Rust は速い"), 4);
    }

    #[test]
    fn reading_time_rounds_up() {
        assert_eq!([0, 1, 200, 201].map(reading_time), [0, 1, 1, 2]);
    }

    #[test]
    fn a_head_never_cuts_a_character() {
        assert_eq!(head("aéz", 2), "a");
        assert_eq!(head("aéz", 3), "aé");
        assert_eq!(head("ab", 9), "ab");
    }
}
