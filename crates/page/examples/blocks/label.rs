//! Which blocks are content by the labelled text.

use riptide_page::blocks::Blocks;
use riptide_page::html::Document;
use std::collections::{HashMap, HashSet};

/// Words in a row that must be in the truth.
const RUN: usize = 4;

/// Words in lower case; letters of scripts without spaces each by themselves.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for character in text.chars() {
        let spaceless = matches!(character, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        let is_word = character.is_alphanumeric() || character == '_';
        if !is_word || spaceless {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if is_word {
                words.push(character.to_string());
            }
        } else {
            word.extend(character.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The text of a block, parts joined as they stand.
pub(crate) fn text(document: &Document<'_>, blocks: &Blocks, block: usize) -> String {
    let Some(block) = blocks.get(block) else {
        return String::new();
    };
    let mut text = String::new();
    let mut last = None;
    for node in blocks.texts(block) {
        // Something between two texts may be a line break.
        let between = last.map_or(0..0, |last: u32| last + 1..node.0);
        let breaks = between.into_iter().any(|at| {
            let tag = document.tag(riptide_page::html::NodeId(at));
            tag.is_some_and(|tag| {
                matches!(
                    document.tag_name(tag),
                    "br" | "div" | "p" | "li" | "td" | "tr" | "code"
                )
            })
        });
        if breaks {
            text.push(' ');
        }
        text.push_str(document.text(*node).unwrap_or_default());
        last = Some(node.0);
    }
    text
}

/// Of each block: whether more than half of its words are in runs of four words of the truth; of equal blocks as many as
/// the truth has.
pub(crate) fn labels(document: &Document<'_>, blocks: &Blocks, truth: &str) -> Vec<bool> {
    let truth = words(truth);
    let runs: HashSet<&[String]> = truth.windows(RUN).collect();
    let texts: Vec<Vec<String>> = (0..blocks.len())
        .map(|block| words(&text(document, blocks, block)))
        .collect();
    let mut all = Vec::new();
    let mut owners = Vec::new();
    for (block, text) in texts.iter().enumerate() {
        all.extend_from_slice(text);
        owners.extend(std::iter::repeat_n(block, text.len()));
    }
    let mut covered = vec![false; all.len()];
    for (at, run) in all.windows(RUN).enumerate() {
        if runs.contains(run) {
            covered[at..at + RUN].fill(true);
        }
    }
    let mut shares = vec![0.0; blocks.len()];
    for (owner, covered) in owners.iter().zip(covered) {
        shares[*owner] += f64::from(u8::from(covered)) / texts[*owner].len() as f64;
    }
    let mut labels: Vec<bool> = shares.iter().map(|share| *share > 0.5).collect();
    let mut equal: HashMap<&[String], Vec<usize>> = HashMap::new();
    for (block, text) in texts.iter().enumerate() {
        if labels[block] {
            equal.entry(text).or_default().push(block);
        }
    }
    for (text, mut blocks) in equal {
        if blocks.len() < 2 {
            continue;
        }
        let count = truth.windows(text.len()).filter(|run| *run == text).count();
        if count == 0 || count >= blocks.len() {
            continue;
        }
        // Those whose neighbours are content, too.
        let support = |block: usize| -> usize {
            let near = [-3, -2, -1, 1, 2, 3].map(|offset| block.checked_add_signed(offset));
            let near = near
                .into_iter()
                .flatten()
                .filter(|near| *near < shares.len());
            near.map(|near| (shares[near] * texts[near].len().min(20) as f64 * 100.0) as usize)
                .sum()
        };
        blocks.sort_by_key(|block| std::cmp::Reverse(support(*block)));
        for block in &blocks[count..] {
            labels[*block] = false;
        }
    }
    labels
}
