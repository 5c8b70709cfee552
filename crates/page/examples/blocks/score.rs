//! How good a text is, by the measures of the sets.

use std::collections::HashMap;
use std::hash::Hash;

/// Words as the measures have them: runs of letters, digits and `_`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

fn shared<T: Hash + Eq>(ours: &[T], truth: &[T]) -> usize {
    let mut counts: HashMap<&T, usize> = HashMap::new();
    for it in truth {
        *counts.entry(it).or_default() += 1;
    }
    let mut shared = 0;
    for it in ours {
        if let Some(count) = counts.get_mut(it).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    shared
}

/// F1 over bags of words in lower case.
pub(crate) fn word_f1(ours: &str, truth: &str) -> f64 {
    let (ours, truth) = (ours.to_lowercase(), truth.to_lowercase());
    let (ours, truth): (Vec<&str>, Vec<&str>) = (words(&ours).collect(), words(&truth).collect());
    if ours.is_empty() || truth.is_empty() {
        return f64::from(u8::from(ours.len() == truth.len()));
    }
    2.0 * shared(&ours, &truth) as f64 / (ours.len() + truth.len()) as f64
}

/// Precision and recall over runs of four words; `None` where there is nothing to be right about.
pub(crate) fn run_scores(ours: &str, truth: &str) -> (Option<f64>, Option<f64>) {
    fn runs(text: &str) -> Vec<String> {
        let words: Vec<&str> = words(text).collect();
        if words.is_empty() {
            return Vec::new();
        }
        words
            .windows(words.len().min(4))
            .map(|run| run.join(" "))
            .collect()
    }
    let (ours, truth) = (runs(ours), runs(truth));
    let shared = shared(&ours, &truth) as f64;
    let of = |all: usize| (all > 0).then(|| shared / all as f64);
    (of(ours.len()), of(truth.len()))
}
