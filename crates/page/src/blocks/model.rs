//! The model: boosted oblivious trees, read from a file that `scripts/train-extractor.py` writes.
//!
//! All nodes of a level of an oblivious tree ask the same, so that a tree is a list of questions whose answers are the
//! bits of a leaf's number. Questions compare a feature with one of its borders; the borders that a value exceeds are
//! counted once, and then sixteen blocks are asked at a time.
//!
//! The file, in little endian: the words (`u16` how many; hashes, `u32`; weights, `i8` in 1/32); the features (`u16` how
//! many; of each `u8` how many borders, then the borders, `f32`); the trees (`u16` how many, the bias, `f32`; of each the
//! unit of its leaves, `f32`, `u8` how many questions, of each a feature and a border, `u8`, then the leaves, `i16`).

use super::class_words::ClassWords;
use std::sync::OnceLock;

/// Blocks that are scored together.
pub(super) const LANES: usize = 16;

/// The unit of the weights of words.
const WEIGHT: f32 = 1.0 / 32.0;

/// A trained model.
pub(super) struct Model {
    hashes: Vec<u32>,
    weights: Vec<f32>,
    /// Of each feature: its borders, ascending.
    borders: Vec<Vec<f32>>,
    bias: f32,
    trees: Vec<Tree>,
    leaves: Vec<f32>,
}

struct Tree {
    questions: Vec<(u8, u8)>,
    /// Its first leaf.
    leaves: usize,
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        self.take()
            .map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    fn f32(&mut self) -> Option<f32> {
        self.take().map(f32::from_le_bytes)
    }
}

impl Model {
    /// The model of this crate.
    pub(super) fn ours() -> &'static Model {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| {
            let file = include_bytes!("../../model/blocks.bin");
            Model::read(file).expect("the model is whole")
        })
    }

    /// Reads a model; `None` if the file is not whole, or asks about what there is not.
    pub(super) fn read(file: &[u8]) -> Option<Model> {
        let mut file = Reader(file);
        let words = file.count()?;
        let hashes = (0..words)
            .map(|_| file.take().map(u32::from_le_bytes))
            .collect::<Option<Vec<u32>>>()?;
        let weights = (0..words)
            .map(|_| Some(f32::from(file.take().map(i8::from_le_bytes)?) * WEIGHT))
            .collect::<Option<Vec<f32>>>()?;
        let features = file.count()?;
        let borders = (0..features)
            .map(|_| {
                let count = file.u8()?;
                (0..count).map(|_| file.f32()).collect::<Option<Vec<f32>>>()
            })
            .collect::<Option<Vec<Vec<f32>>>>()?;
        let count = file.count()?;
        let bias = file.f32()?;
        let mut trees = Vec::with_capacity(count);
        let mut leaves = Vec::new();
        for _ in 0..count {
            let unit = file.f32()?;
            let depth = file.u8().filter(|depth| *depth <= 8)?;
            let questions = (0..depth)
                .map(|_| Some((file.u8()?, file.u8()?)))
                .collect::<Option<Vec<(u8, u8)>>>()?;
            if questions
                .iter()
                .any(|question| usize::from(question.0) >= features)
            {
                return None;
            }
            trees.push(Tree {
                questions,
                leaves: leaves.len(),
            });
            for _ in 0..1 << depth {
                leaves.push(f32::from(file.take().map(i16::from_le_bytes)?) * unit);
            }
        }
        file.0.is_empty().then_some(Model {
            hashes,
            weights,
            borders,
            bias,
            trees,
            leaves,
        })
    }

    /// What the words of classes tell.
    pub(super) fn class_words(&self) -> ClassWords<'_> {
        ClassWords {
            hashes: &self.hashes,
            weights: &self.weights,
        }
    }

    /// Starts on some blocks.
    pub(super) fn lanes(&self) -> Lanes {
        Lanes {
            bins: vec![[0; LANES]; self.borders.len()],
        }
    }

    /// Takes the features of a block.
    pub(super) fn put(&self, lanes: &mut Lanes, lane: usize, features: &[f32]) {
        for ((borders, bins), value) in self.borders.iter().zip(&mut lanes.bins).zip(features) {
            // At most 255 of them, a dozen mostly: counting all is faster than searching.
            bins[lane] = borders
                .iter()
                .fold(0u8, |count, border| count + u8::from(border < value));
        }
    }

    /// The probability of each block.
    pub(super) fn score(&self, lanes: &Lanes) -> [f32; LANES] {
        let mut sums = [self.bias; LANES];
        for tree in &self.trees {
            let mut leaves = [0u8; LANES];
            for (bit, (feature, border)) in tree.questions.iter().enumerate() {
                let bins = &lanes.bins[usize::from(*feature)];
                for (leaf, bin) in leaves.iter_mut().zip(bins) {
                    *leaf |= u8::from(bin > border) << bit;
                }
            }
            let values = &self.leaves[tree.leaves..];
            for (sum, leaf) in sums.iter_mut().zip(leaves) {
                *sum += values[usize::from(leaf)];
            }
        }
        sums.map(|sum| 1.0 / (1.0 + (-sum).exp()))
    }
}

/// Sixteen blocks: of each feature, how many borders each of them exceeds.
pub(super) struct Lanes {
    bins: Vec<[u8; LANES]>,
}
