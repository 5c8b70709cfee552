//! What training reads: features, the words of classes, and the choice by given probabilities. `examples/blocks` writes
//! them for `scripts/train-extractor.py`.

use super::choose::{Choice, choose};
use super::class_words::{self, ClassWords};
use super::context::Context;
use super::features::Heading;
use super::groups::Groups;
use super::{Blocks, each_row, features, prepare_with, segment, topic};
use crate::html::{Document, parse};

/// A page in blocks, with the features of each.
pub struct Table {
    /// The blocks.
    pub blocks: Blocks,
    /// The features, block by block.
    pub features: Vec<f32>,
}

/// Weights of the words of classes, as hashes in ascending order.
#[derive(Clone, Debug, Default)]
pub struct WordTable {
    /// The hashes.
    pub hashes: Vec<u32>,
    /// The weight of each.
    pub weights: Vec<f32>,
}

/// The names of the features.
pub fn names() -> Vec<&'static str> {
    let document = parse("<p>word").expect("a small page");
    let topic = topic::topic(&document);
    let none = WordTable::default();
    let page = prepare_with(&document, &topic, &none.borrowed());
    let mut names: Vec<&'static str> = Vec::new();
    let context = Context::new(&page, false, false);
    features::features(&context, 0, Heading::default(), &mut names);
    names
}

impl WordTable {
    fn borrowed(&self) -> ClassWords<'_> {
        ClassWords {
            hashes: &self.hashes,
            weights: &self.weights,
        }
    }
}

/// The features of a page's blocks.
pub fn table(document: &Document<'_>, words: &WordTable) -> Table {
    let topic = topic::topic(document);
    let page = prepare_with(document, &topic, &words.borrowed());
    let context = Context::new(
        &page,
        !topic.title.is_empty(),
        !topic.description.is_empty(),
    );
    let mut features = Vec::new();
    each_row(&context, &mut Vec::new(), |_, row| {
        features.extend_from_slice(row)
    });
    drop(context);
    Table {
        blocks: page.blocks,
        features,
    }
}

/// Of each block: the hashes of the words of classes and ids around it, ascending.
pub fn class_words(document: &Document<'_>) -> Vec<Vec<u32>> {
    let topic = topic::topic(document);
    let page = segment::segment(document, &topic);
    let own: Vec<Vec<u32>> = page
        .containers
        .iter()
        .map(|container| {
            let mut words = Vec::new();
            class_words::each(document, container.node, |word| {
                words.push(class_words::hash(word));
            });
            words
        })
        .collect();
    page.homes
        .iter()
        .map(|home| {
            let mut words = Vec::new();
            let mut at = *home as usize;
            while let Some(container) = page.containers.get(at) {
                words.extend_from_slice(&own[at]);
                at = container.parent as usize;
            }
            words.sort_unstable();
            words.dedup();
            words
        })
        .collect()
}

/// Chooses by the probabilities that are given for so many blocks.
pub fn choice(
    document: &Document<'_>,
    probabilities: impl FnOnce(usize) -> Vec<f32>,
) -> (Blocks, Choice) {
    let topic = topic::topic(document);
    let page = segment::segment(document, &topic);
    let texts = Groups::new(page.measures.iter().map(|measures| (measures.hash, 0, 0)));
    let words: Vec<u32> = page
        .measures
        .iter()
        .map(|measures| measures.words)
        .collect();
    let choice = choose(&words, probabilities(words.len()), &texts);
    (page.blocks, choice)
}
