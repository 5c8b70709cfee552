//! Which part of a page a mode asks for.

use super::{ExtractError, unusable};
use crate::blocks::{self, Blocks, Choice};
use crate::html::{Document, NodeId};
use crate::select;
use crate::selection::Selection;

/// Words under which a page without main text is given whole: pages that say nothing have more around it.
const SHORT_WORDS: u64 = 30;

/// A part of a page.
pub(super) struct Part {
    /// What is rendered.
    pub(super) selection: Selection,
    /// The elements whose links and media are given: in document order, none in another.
    pub(super) roots: Vec<NodeId>,
    /// The F1 that is expected of its text, if the page's main text is wanted.
    expected: f32,
}

impl Part {
    /// Nothing.
    pub(super) fn nothing(document: &Document<'_>) -> Part {
        Part {
            selection: Selection::nothing(document),
            roots: Vec::new(),
            expected: 0.0,
        }
    }

    /// The main text.
    pub(super) fn article(document: &Document<'_>) -> Part {
        let (blocks, choice) = blocks::content(document);
        let mut selection = Selection::nothing(document);
        if choice.has_main_text() {
            for (block, _) in blocks
                .iter()
                .zip(&choice.chosen)
                .filter(|(_, chosen)| **chosen)
            {
                let (first, last) = blocks.range(block);
                selection.insert_range(document, first, last);
            }
        } else if is_short(&blocks) {
            // Without `noscript`, which asks for scripts here.
            let end = NodeId(document.len() as u32);
            selection.insert_range(document, NodeId::DOCUMENT, end);
        }
        Part {
            selection,
            roots: vec![NodeId::DOCUMENT],
            expected: choice.confidence,
        }
    }

    /// Everything.
    pub(super) fn full(document: &Document<'_>) -> Part {
        Part::of(document, vec![NodeId::DOCUMENT])
    }

    /// What the selectors match; what lies in another match is there once.
    pub(super) fn matching(
        document: &Document<'_>,
        selectors: &[String],
    ) -> Result<Part, ExtractError> {
        let mut found = Vec::new();
        for selector in selectors {
            let its = select::select(document, selector);
            found.extend(its.map_err(|fault| unusable(selector, &fault))?);
        }
        found.sort_unstable();
        let mut end = NodeId::DOCUMENT;
        found.retain(|id| {
            let is_outermost = *id >= end;
            if is_outermost {
                end = document.end(*id);
            }
            is_outermost
        });
        Ok(Part::of(document, found))
    }

    fn of(document: &Document<'_>, roots: Vec<NodeId>) -> Part {
        let mut selection = Selection::nothing(document);
        for root in &roots {
            selection.insert(document, *root);
        }
        let expected = if selection.is_empty() {
            0.0
        } else {
            let (blocks, choice) = blocks::content(document);
            expected(&blocks, &choice, &selection)
        };
        Part {
            selection,
            roots,
            expected,
        }
    }

    /// The expected F1 in percent, at least 1.
    pub(super) fn quality(&self) -> u8 {
        (self.expected * 100.0).round().clamp(1.0, 100.0) as u8
    }
}

/// The F1 that is expected of the blocks that begin in a selection.
fn expected(blocks: &Blocks, choice: &Choice, selection: &Selection) -> f32 {
    let (mut right, mut total, mut taken) = (0.0, 0.0, 0.0);
    for (block, probability) in blocks.iter().zip(&choice.probabilities) {
        let words = f64::from(block.words);
        let likely = f64::from(*probability) * words;
        total += likely;
        if selection.contains(blocks.range(block).0) {
            right += likely;
            taken += words;
        }
    }
    if taken > 0.0 {
        (2.0 * right / (taken + total)) as f32
    } else {
        0.0
    }
}

/// Whether the page has too little text to tell what is main: then all of it is.
fn is_short(blocks: &Blocks) -> bool {
    let words: u64 = blocks.iter().map(|block| u64::from(block.words)).sum();
    words < SHORT_WORDS
}
