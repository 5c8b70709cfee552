//! What the text of a block is like: one pass over its characters.

use super::words::{Class, Run, class, mix, mix_lower};
use std::ops::Range;

/// What a block's own text is like.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Measures {
    /// Words, and those of them in links.
    pub(super) words: u32,
    pub(super) link_words: u32,
    /// Characters that are no white space.
    pub(super) characters: u32,
    /// Ends of sentences.
    pub(super) stops: u32,
    pub(super) digits: u32,
    pub(super) capitals: u32,
    /// The last character ends a sentence.
    pub(super) ends_sentence: bool,
    pub(super) has_price: bool,
    pub(super) has_date: bool,
    /// Words that are in the title, and in the description.
    pub(super) title_words: u32,
    pub(super) description_words: u32,
    /// How many different words of the title are in it.
    pub(super) title_share: f32,
    /// Of all words in order: equal texts have equal ones.
    pub(super) hash: u64,
}

/// Words to recognise, at most 64.
pub(super) struct Known {
    /// Sorted hashes.
    hashes: Vec<u64>,
}

impl Known {
    pub(super) fn new(mut hashes: Vec<u64>) -> Known {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(64);
        Known { hashes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn place(&self, hash: u64) -> Option<usize> {
        self.hashes.binary_search(&hash).ok()
    }
}

/// The words that the page says it is about.
pub(super) struct Topic {
    pub(super) title: Known,
    pub(super) description: Known,
}

/// Measures a text. `links` are the ranges of it that are in links, in order.
pub(super) fn measure(text: &str, links: &[Range<usize>], topic: &Topic) -> Measures {
    let mut scan = Scan {
        measures: Measures::default(),
        topic,
        run: Run::default(),
        hash: 0,
        start: 0,
        number: None,
        in_title: 0,
        joined_numbers: 0,
        last_number_end: 0,
    };
    let mut links = links.iter().peekable();
    // The last character that is no white space, and where it ends.
    let mut last = (' ', 0);
    let mut inside = false;
    let mut stop = false;
    for (at, character) in text.char_indices() {
        let class = class(character);
        if matches!(class, Class::Word | Class::Spaceless(_)) {
            if !inside {
                inside = true;
                scan.start = at;
                while links.peek().is_some_and(|link| link.end <= at) {
                    links.next();
                }
            }
            scan.letter(character, class, last, at);
        } else if inside {
            inside = false;
            let linked = links.peek().is_some_and(|link| link.start <= scan.start);
            scan.end_word(text, at, linked);
        }
        if class == Class::Space {
            scan.measures.stops += u32::from(stop);
            stop = false;
            continue;
        }
        scan.measures.characters += 1;
        if class == Class::Other {
            scan.sign(character, last, at);
            scan.measures.stops += u32::from(stop && is_closing(character));
            stop = is_stop(character);
            if is_wide_stop(character) {
                scan.measures.stops += 1;
                stop = false;
            }
        } else {
            stop = false;
        }
        last = (character, at + character.len_utf8());
    }
    if inside {
        let linked = links.peek().is_some_and(|link| link.start <= scan.start);
        scan.end_word(text, text.len(), linked);
    }
    scan.measures.stops += u32::from(stop);
    scan.measures.ends_sentence = is_stop(last.0) || is_wide_stop(last.0) || is_closing(last.0);
    scan.measures.title_share =
        scan.in_title.count_ones() as f32 / topic.title.hashes.len().max(1) as f32;
    scan.measures
}

fn is_stop(character: char) -> bool {
    matches!(
        character,
        '.' | '!' | '?' | ':' | ';' | '…' | '।' | '؟' | '۔'
    )
}

/// Stops after which no space is written.
fn is_wide_stop(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '；' | '：')
}

fn is_closing(character: char) -> bool {
    matches!(character, '"' | '”' | '’' | ')' | '»' | '」')
}

fn is_currency(character: char) -> bool {
    matches!(character, '$' | '£' | '¥' | '￥' | '\u{20a0}'..='\u{20cf}')
}

struct Scan<'t> {
    measures: Measures,
    topic: &'t Topic,
    run: Run,
    hash: u64,
    /// Where the word begins.
    start: usize,
    /// The last word, if it is a number: where it ends.
    number: Option<usize>,
    /// Bits of the title's words that were met.
    in_title: u64,
    /// Numbers with one sign between each two, as in 5.3.2023.
    joined_numbers: u32,
    last_number_end: usize,
}

impl Scan<'_> {
    fn letter(&mut self, character: char, class: Class, last: (char, usize), at: usize) {
        self.run.add(class);
        self.hash = mix_lower(self.hash, character);
        let measures = &mut self.measures;
        if character.is_numeric() {
            measures.digits += 1;
            measures.has_price |= is_currency(last.0) && at <= last.1 + 2;
        } else if character.is_uppercase() {
            measures.capitals += 1;
        }
    }

    fn sign(&mut self, character: char, last: (char, usize), at: usize) {
        if is_currency(character) {
            self.measures.has_price |= last.0.is_numeric() && at <= last.1 + 2;
        }
    }

    fn end_word(&mut self, text: &str, end: usize, linked: bool) {
        let words = std::mem::take(&mut self.run).words();
        let hash = std::mem::take(&mut self.hash);
        let word = &text[self.start..end];
        self.measures.words = self.measures.words.saturating_add(words);
        if linked {
            self.measures.link_words = self.measures.link_words.saturating_add(words);
        }
        self.measures.hash = mix(self.measures.hash, hash);
        if let Some(place) = self.topic.title.place(hash) {
            self.in_title |= 1 << place;
            self.measures.title_words += 1;
        }
        self.measures.description_words += u32::from(self.topic.description.place(hash).is_some());
        let before = self.number.take();
        if word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            self.number = Some(end);
            let joined = self.start == self.last_number_end + 1
                && matches!(
                    text.as_bytes().get(self.last_number_end),
                    Some(b'.' | b'/' | b'-')
                );
            self.joined_numbers = if joined { self.joined_numbers + 1 } else { 1 };
            self.last_number_end = end;
            let year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
            self.measures.has_date |= year || self.joined_numbers >= 3;
        } else if let Some(number) = before
            && self.start <= number + 1
        {
            self.measures.has_price |= ["EUR", "USD", "GBP", "CHF", "kr", "Kč", "zł", "Ft", "лв"]
                .iter()
                .any(|unit| word.eq_ignore_ascii_case(unit));
        }
    }
}
