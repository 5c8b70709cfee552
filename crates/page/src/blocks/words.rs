//! Words: runs of letters, digits and `_`.
//!
//! Scripts that put no space between words count by their letters: two of Chinese or Japanese, four of Thai, Lao, Khmer or
//! Burmese make a word, about as many as a translation has.

/// What a character is to the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// White space.
    Space,
    /// A letter, a digit or `_`.
    Word,
    /// A letter of a script that puts no space between words; how many make a word.
    Spaceless(u32),
    /// Anything else.
    Other,
}

/// The class of a character.
pub(super) fn class(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => Class::Word,
        '\0'..='\x7f' if character.is_ascii_whitespace() || character == '\x0b' => Class::Space,
        '\0'..='\x7f' => Class::Other,
        // The most frequent others, without a look at the tables.
        '\u{d7}' | '\u{f7}' | '\u{200b}'..='\u{2027}' => Class::Other,
        '\u{c0}'..='\u{24f}' | '\u{400}'..='\u{481}' => Class::Word,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => {
            if character.is_alphabetic() {
                Class::Spaceless(4)
            } else if character.is_numeric() {
                Class::Word
            } else {
                // Tone marks stand within words.
                Class::Spaceless(u32::MAX)
            }
        }
        '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}'
            if character.is_alphanumeric() =>
        {
            Class::Spaceless(2)
        }
        _ if character.is_alphanumeric() => Class::Word,
        _ if character.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

/// How many words a run holds, letter by letter.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    /// It has a letter that is not spaceless.
    spaced: bool,
    /// Its spaceless letters in quarters of words.
    quarters: u32,
}

impl Run {
    /// Takes in a letter.
    pub(super) fn add(&mut self, class: Class) {
        match class {
            Class::Spaceless(u32::MAX) => {}
            Class::Spaceless(letters) => self.quarters = self.quarters.saturating_add(4 / letters),
            _ => self.spaced = true,
        }
    }

    /// The words of the run.
    pub(super) fn words(self) -> u32 {
        u32::from(self.spaced) + self.quarters.div_ceil(4)
    }
}

/// Takes a number into a hash.
#[inline]
pub(super) fn mix(hash: u64, value: u64) -> u64 {
    // The multiplier of FxHash: odd, bits well spread.
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// The hash of a word: of its bytes, in the case they are in.
pub(super) fn hash(word: &[u8]) -> u64 {
    word.iter()
        .fold(0, |hash, byte| mix(hash, u64::from(*byte)))
}

/// The words of a text in lower case, with their hashes.
pub(super) fn hashes(text: &str) -> Vec<u64> {
    let mut hashes = Vec::new();
    let mut run = 0;
    let mut inside = false;
    for character in text.chars() {
        if matches!(class(character), Class::Word | Class::Spaceless(_)) {
            inside = true;
            run = mix_lower(run, character);
        } else if inside {
            hashes.push(run);
            run = 0;
            inside = false;
        }
    }
    hashes.extend(inside.then_some(run));
    hashes
}

/// Takes a character into the hash of a word, in lower case.
#[inline]
pub(super) fn mix_lower(hash: u64, character: char) -> u64 {
    if character.is_ascii() {
        return mix(hash, u64::from(character.to_ascii_lowercase()));
    }
    character
        .to_lowercase()
        .fold(hash, |hash, lower| mix(hash, u64::from(lower)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> u32 {
        let mut run = Run::default();
        let mut words = 0;
        for character in text.chars().chain([' ']) {
            match class(character) {
                class @ (Class::Word | Class::Spaceless(_)) => run.add(class),
                _ => words += std::mem::take(&mut run).words(),
            }
        }
        words
    }

    #[test]
    fn words_are_counted_in_all_scripts() {
        for (text, words) in [
            ("", 0),
            (" – … !", 0),
            ("one two-three four_five 6", 5),
            ("Größe ŽÁBA сколько λέξη", 4),
            ("今天天气很好", 3),
            ("今", 1),
            ("ビール", 2),
            ("สวัสดี", 2),
            ("한국어 단어", 2),
            ("iPhone手机", 2),
        ] {
            assert_eq!(count(text), words, "{text}");
        }
    }

    #[test]
    fn the_shortcuts_are_what_the_tables_say() {
        for character in ('\u{80}'..'\u{e00}')
            .chain('\u{1100}'..'\u{1780}')
            .chain('\u{1800}'..'\u{3040}')
        {
            let by_table = match character {
                _ if character.is_alphanumeric() => Class::Word,
                _ if character.is_whitespace() => Class::Space,
                _ => Class::Other,
            };
            assert_eq!(class(character), by_table, "{character:?}");
        }
    }

    #[test]
    fn case_does_not_matter() {
        assert_eq!(hashes("Größe, ICE"), hashes("GRÖßE ice"));
        assert_ne!(hashes("one"), hashes("two"));
    }
}
