//! Words and the time to read them.

/// Words a minute that a reading time assumes: the middle of what adults manage on screen.
const WORDS_PER_MINUTE: u32 = 200;

/// The words in `text`. Where a script sets no spaces between words, each character counts as one.
pub(super) fn count(text: &str) -> u32 {
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
pub(super) fn reading_time(words: u32) -> u32 {
    words.div_ceil(WORDS_PER_MINUTE)
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
    fn words_are_counted() {
        assert_eq!(count("One, two -- three's 4.5!"), 4);
        assert_eq!(count(" \n "), 0);
        assert_eq!(count("– … !"), 0);
    }

    #[test]
    fn characters_count_where_words_have_no_spaces() {
        assert_eq!(count("漢字とカナ"), 5);
        assert_eq!(count("Rust は速い"), 4);
    }

    #[test]
    fn reading_time_rounds_up() {
        assert_eq!([0, 1, 200, 201].map(reading_time), [0, 1, 1, 2]);
    }
}
