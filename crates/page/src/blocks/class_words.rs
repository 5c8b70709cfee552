//! What the words of classes and ids tell: a table that was learned with the model.

use super::words::mix;
use crate::html::{Attr, Document, NodeId};

/// Bytes of an attribute that are looked at: longer ones list styles.
const MOST_BYTES: usize = 400;

/// Words, as hashes in order, each with its weight.
#[derive(Clone, Copy)]
pub(super) struct ClassWords<'t> {
    pub(super) hashes: &'t [u32],
    pub(super) weights: &'t [f32],
}

impl ClassWords<'_> {
    fn weight(&self, word: u32) -> Option<f32> {
        let place = self.hashes.binary_search(&word).ok()?;
        self.weights.get(place).copied()
    }
}

/// The weights of an element's words, and of those around it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sums {
    own: f32,
    parent: f32,
    pub(super) all: f32,
    pub(super) least: f32,
    pub(super) greatest: f32,
    /// Of the element and the two around it.
    pub(super) near: f32,
}

impl Sums {
    /// These, in an element with those.
    pub(super) fn below(self, around: &Sums) -> Sums {
        Sums {
            own: self.own,
            parent: around.own,
            all: self.own + around.all,
            least: self.least.min(around.least),
            greatest: self.greatest.max(around.greatest),
            near: self.own + around.own + around.parent,
        }
    }
}

/// The weights of an element's own words.
pub(super) fn sums(document: &Document<'_>, element: NodeId, table: &ClassWords<'_>) -> Sums {
    let mut sums = Sums::default();
    let mut seen = Seen::default();
    each(document, element, |word| {
        let Some(weight) = table.weight(hash(word)) else {
            return;
        };
        if seen.is_new(hash(word)) {
            sums.own += weight;
            sums.least = sums.least.min(weight);
            sums.greatest = sums.greatest.max(weight);
        }
    });
    sums.all = sums.own;
    sums.near = sums.own;
    sums
}

/// The first words of an element: a class that repeats a word says it once.
#[derive(Default)]
struct Seen {
    words: [u32; 16],
    count: usize,
}

impl Seen {
    fn is_new(&mut self, word: u32) -> bool {
        let known = self.words[..self.count].contains(&word);
        if !known && self.count < self.words.len() {
            self.words[self.count] = word;
            self.count += 1;
        }
        !known
    }
}

/// The hash of a word, in lower case.
pub(super) fn hash(word: &[u8]) -> u32 {
    let hash = word.iter().fold(0, |hash, byte| {
        mix(hash, u64::from(byte.to_ascii_lowercase()))
    });
    (hash >> 32) as u32
}

/// Calls back with each word of an element's class and id: `postBody-12` has `post` and `Body`.
pub(super) fn each(document: &Document<'_>, element: NodeId, mut word: impl FnMut(&[u8])) {
    for (attribute, value) in document.attributes(element) {
        if !matches!(attribute, Attr::CLASS | Attr::ID) {
            continue;
        }
        let bytes = &value.as_bytes()[..value.len().min(MOST_BYTES)];
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            while at < bytes.len() && bytes[at].is_ascii_uppercase() {
                at += 1;
            }
            // `HTMLBody`: only one capital letter belongs to the small ones that follow it.
            let small_begins = at;
            while at < bytes.len() && bytes[at].is_ascii_lowercase() {
                at += 1;
            }
            let capitals = small_begins - start;
            if at == start {
                at += 1;
            } else if at > small_begins && capitals > 1 {
                say(&bytes[start..small_begins - 1], &mut word);
                say(&bytes[small_begins - 1..at], &mut word);
            } else {
                say(&bytes[start..at], &mut word);
            }
        }
    }
}

fn say(found: &[u8], word: &mut impl FnMut(&[u8])) {
    if (3..=16).contains(&found.len()) {
        word(found);
    }
}
