//! Which text of a page is content.
//!
//! A page is cut into blocks: runs of text under one block-level element. A small model gives each the probability
//! that it is content, from what it is like, where it stands and what repeats around it; then the blocks are taken whose
//! F1 is expected to be best. Nothing here knows a language or a site.

mod choose;
mod class_words;
mod containers;
mod context;
mod elements;
mod features;
mod features_around;
mod groups;
mod measure;
mod model;
mod segment;
mod topic;
pub mod training;
mod words;

use crate::html::{Document, NodeId};
use choose::choose;
use context::Context;
use features::Heading;
use measure::Topic;
use model::{LANES, Model};
use segment::Page;
use std::ops::Range;

pub use choose::Choice;

/// The blocks of a page, in document order.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    list: Vec<Block>,
    texts: Vec<NodeId>,
}

/// A run of text under one block-level element: up to where the next begins or it ends. It has at least one word.
#[derive(Clone, Debug)]
pub struct Block {
    /// The block-level element.
    pub element: NodeId,
    /// Its words. Scripts that put no space between words count by their letters.
    pub words: u32,
    texts: Range<u32>,
}

impl Blocks {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the page has no text.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A block by its number.
    pub fn get(&self, block: usize) -> Option<&Block> {
        self.list.get(block)
    }

    /// All blocks.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Block> + ExactSizeIterator {
        self.list.iter()
    }

    /// The text nodes of a block in document order, the first and the last of which are the ends of its range. Nodes
    /// within the range that are not among them are of scripts and other elements that hold no text to read.
    pub fn texts(&self, block: &Block) -> &[NodeId] {
        &self.texts[block.texts.start as usize..block.texts.end as usize]
    }

    /// The first and the last text node of a block.
    pub fn range(&self, block: &Block) -> (NodeId, NodeId) {
        let texts = self.texts(block);
        let end = |text: Option<&NodeId>| text.copied().unwrap_or(block.element);
        (end(texts.first()), end(texts.last()))
    }
}

/// Cuts a page into blocks and chooses those that are content.
pub fn content(document: &Document<'_>) -> (Blocks, Choice) {
    let model = Model::ours();
    let topic = topic::topic(document);
    let page = prepare(document, &topic, model);
    let context = Context::new(
        &page,
        !topic.title.is_empty(),
        !topic.description.is_empty(),
    );
    let mut probabilities = Vec::with_capacity(page.measures.len());
    let mut lanes = model.lanes();
    let mut row = Vec::new();
    let blocks = page.measures.len();
    each_row(&context, &mut row, |at, row| {
        model.put(&mut lanes, at % LANES, row);
        if at % LANES == LANES - 1 || at + 1 == blocks {
            probabilities.extend(model.score(&lanes).into_iter().take(at % LANES + 1));
        }
    });
    let words: Vec<u32> = page
        .measures
        .iter()
        .map(|measures| measures.words)
        .collect();
    let choice = choose(&words, probabilities, &context.texts);
    drop(context);
    (page.blocks, choice)
}

/// Cuts a page into blocks and sums up what its elements hold.
fn prepare(document: &Document<'_>, topic: &Topic, model: &Model) -> Page {
    prepare_with(document, topic, &model.class_words())
}

fn prepare_with(
    document: &Document<'_>,
    topic: &Topic,
    table: &class_words::ClassWords<'_>,
) -> Page {
    let mut page = segment::segment(document, topic);
    containers::read_classes(&mut page.containers, document, table);
    containers::inherit(&mut page.containers);
    containers::sum_up(&mut page.containers, &page.measures, &page.homes);
    page
}

/// Calls back with the features of each block in turn.
fn each_row(context: &Context<'_>, row: &mut Vec<f32>, mut take: impl FnMut(usize, &[f32])) {
    let mut heading = Heading::default();
    for (at, (measures, home)) in context
        .page
        .measures
        .iter()
        .zip(&context.page.homes)
        .enumerate()
    {
        row.clear();
        features::features(context, at, heading, row);
        take(at, row);
        let tag = context.page.containers[*home as usize].tag;
        heading.pass(at, tag, measures.words);
    }
}
