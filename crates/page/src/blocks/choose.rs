//! Which blocks to take: the set with the best expected F1.

use super::groups::Groups;

/// Expected F1 under which a page has no main text: what would be taken is more likely something else.
const LEAST_CONFIDENCE: f32 = 0.2;

/// The part of the confidence that a block's probability must reach. Blocks are content or not by groups, all comments
/// of a page, say; if each were so by itself, half would do. With more, articles lose comments and gain precision.
const LEAST_PROBABILITY: f32 = 0.55;

/// Words from which on a text that is there twice is taken once.
const REPEATED_WORDS: u32 = 8;

/// Which blocks are content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Of each block: whether it is content. Of equal blocks of 8 words or more only the first is.
    pub chosen: Vec<bool>,
    /// Of each block: how likely it is content.
    pub probabilities: Vec<f32>,
    /// The F1 over words that is to be expected of the best choice, from 0 to 1. Nothing is chosen under 0.2.
    pub confidence: f32,
}

impl Choice {
    /// Whether the page has main text.
    pub fn has_main_text(&self) -> bool {
        self.confidence >= LEAST_CONFIDENCE
    }
}

/// Chooses from blocks of so many words that are content with these probabilities.
pub(super) fn choose(words: &[u32], probabilities: Vec<f32>, texts: &Groups) -> Choice {
    let mut order: Vec<u32> = (0..words.len() as u32).collect();
    // Of equal ones the first, so that the choice does not depend on the way of sorting.
    order.sort_unstable_by(|a, b| {
        let by = |at: &u32| probabilities[*at as usize];
        by(b).total_cmp(&by(a)).then(a.cmp(b))
    });
    let expected = |at: u32| {
        let words = f64::from(words[at as usize]);
        (f64::from(probabilities[at as usize]) * words, words)
    };
    let (confidence, _) = best(order.iter().map(|at| expected(*at)));
    let least = LEAST_PROBABILITY * confidence as f32;
    let likely = order.partition_point(|at| probabilities[*at as usize] >= least);
    let (_, count) = best(order[..likely].iter().map(|at| expected(*at)));
    let mut choice = Choice {
        chosen: vec![false; words.len()],
        probabilities,
        confidence: confidence as f32,
    };
    if choice.has_main_text() {
        for at in &order[..count] {
            choice.chosen[*at as usize] = true;
        }
        for at in texts.repeats(|at| choice.chosen[at] && words[at] >= REPEATED_WORDS) {
            choice.chosen[at] = false;
        }
    }
    choice
}

/// The best expected F1 of the first so many, given the words that are expected to be content and all words of each.
fn best(blocks: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, usize) {
    let total: f64 = blocks.clone().map(|(expected, _)| expected).sum();
    let (mut right, mut taken) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for ((expected, words), count) in blocks.zip(1..) {
        right += expected;
        taken += words;
        let f1 = 2.0 * right / (taken + total);
        if f1 > best.0 {
            best = (f1, count);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(blocks: &[(u32, f32, u64)]) -> Choice {
        let words: Vec<u32> = blocks.iter().map(|block| block.0).collect();
        let probabilities = blocks.iter().map(|block| block.1).collect();
        let texts = Groups::new(blocks.iter().map(|block| (block.2, 0, 0)));
        choose(&words, probabilities, &texts)
    }

    #[test]
    fn the_best_expected_f1_is_chosen() {
        let choice = of(&[(10, 0.1, 0), (50, 0.9, 1), (40, 0.8, 2), (100, 0.05, 3)]);
        assert_eq!(choice.chosen, [false, true, true, false]);
        // 2 · (45 + 32) / (90 + 45 + 32 + 1 + 5)
        assert!((choice.confidence - 154.0 / 173.0).abs() < 1e-6);
        // A large block that is likely enough outweighs what is surely none.
        let choice = of(&[(5, 0.9, 0), (500, 0.4, 1)]);
        assert_eq!(choice.chosen, [true, true]);
        // What is far less likely than the rest is left out.
        let choice = of(&[(300, 0.95, 0), (500, 0.35, 1)]);
        assert_eq!(choice.chosen, [true, false]);
    }

    #[test]
    fn a_page_that_is_unlikely_to_have_content_has_none() {
        let choice = of(&[(100, 0.1, 0), (20, 0.05, 1)]);
        assert!(!choice.has_main_text());
        assert_eq!(choice.chosen, [false, false]);
        assert!(!of(&[]).has_main_text());
    }

    #[test]
    fn longer_texts_are_taken_once() {
        let choice = of(&[(8, 0.9, 5), (8, 0.95, 5), (7, 0.9, 6), (7, 0.9, 6)]);
        assert_eq!(choice.chosen, [true, false, true, true]);
    }
}
