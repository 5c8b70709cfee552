//! Cutting a page into blocks.

use super::containers::{Container, NONE};
use super::elements::{is_preformatted, is_skipped, parts_text};
use super::measure::{Measures, Topic, measure};
use super::{Block, Blocks};
use crate::html::{Attr, Document, NodeId, Tag};
use std::ops::Range;

/// Words from which on a `noscript` is content: threads that are drawn by scripts stand in it. Shorter ones hold an image
/// or ask for a script.
const NOSCRIPT_WORDS: u32 = 60;

/// A page in blocks, with what the model is asked about.
pub(super) struct Page {
    pub(super) blocks: Blocks,
    /// Of each block.
    pub(super) measures: Vec<Measures>,
    /// Of each block: the place of its element among the containers.
    pub(super) homes: Vec<u32>,
    /// The elements that hold blocks, in document order.
    pub(super) containers: Vec<Container>,
}

/// An element that is open.
struct Open {
    node: u32,
    end: u32,
    /// Its place among the containers, once it has a block.
    container: u32,
    tag: Tag,
    /// Whether it begins and ends blocks.
    parts: bool,
    /// Whether it is in a link, or is one.
    linked: bool,
    /// Whether block-level elements in it part nothing.
    preformatted: bool,
}

/// What there was before a `noscript`.
struct Before {
    blocks: usize,
    texts: usize,
    containers: usize,
}

struct Segmenter<'d, 'h> {
    document: &'d Document<'h>,
    topic: &'d Topic,
    page: Page,
    open: Vec<Open>,
    noscripts: Vec<Before>,
    /// The text of the block that is being read, and which ranges of it are in links.
    text: String,
    links: Vec<Range<usize>>,
    /// Its first text node among all, and its element among those that are open.
    first_text: usize,
    home: usize,
    has_time: bool,
}

/// Cuts a page into blocks: text under one block-level element, up to where the next begins or ends.
pub(super) fn segment(document: &Document<'_>, topic: &Topic) -> Page {
    let mut segmenter = Segmenter {
        document,
        topic,
        page: Page {
            blocks: Blocks::default(),
            measures: Vec::new(),
            homes: Vec::new(),
            containers: Vec::new(),
        },
        open: Vec::new(),
        noscripts: Vec::new(),
        text: String::new(),
        links: Vec::new(),
        first_text: 0,
        home: 0,
        has_time: false,
    };
    segmenter.run();
    segmenter.page
}

impl Segmenter<'_, '_> {
    fn run(&mut self) {
        let document = self.document;
        let mut at = 1;
        while at < document.len() as u32 {
            self.close(at);
            let id = NodeId(at);
            if let Some(tag) = document.tag(id) {
                if is_skipped(document, id, tag) {
                    if parts_text(tag) {
                        self.part();
                    }
                    at = document.end(id).0;
                    continue;
                }
                self.enter(id, tag);
            } else if let Some(text) = document.text(id) {
                self.take(id, text);
            }
            at += 1;
        }
        self.close(u32::MAX);
    }

    /// Closes the elements that end at or before a node.
    fn close(&mut self, at: u32) {
        while self.open.last().is_some_and(|open| open.end <= at) {
            let (parts, tag) = self
                .open
                .last()
                .map_or((false, Tag::A), |open| (open.parts, open.tag));
            if parts {
                self.part();
            }
            if tag == Tag::NOSCRIPT {
                self.leave_noscript();
            }
            self.open.pop();
        }
    }

    fn enter(&mut self, id: NodeId, tag: Tag) {
        let parent = self.open.last();
        let preformatted = parent.is_some_and(|parent| parent.preformatted);
        let linked = parent.is_some_and(|parent| parent.linked)
            || (tag == Tag::A && self.document.attribute(id, Attr::HREF).is_some());
        let breaks = parts_text(tag);
        if tag == Tag::BR || (breaks && preformatted) {
            self.text.push(' ');
        }
        self.has_time |= tag == Tag::TIME;
        let parts = breaks && !preformatted;
        if parts {
            self.part();
        }
        if tag == Tag::NOSCRIPT {
            self.noscripts.push(Before {
                blocks: self.page.blocks.list.len(),
                texts: self.page.blocks.texts.len(),
                containers: self.page.containers.len(),
            });
        }
        self.open.push(Open {
            node: id.0,
            end: self.document.end(id).0,
            container: NONE,
            tag,
            parts,
            linked,
            preformatted: preformatted || is_preformatted(tag),
        });
    }

    fn take(&mut self, id: NodeId, text: &str) {
        let texts = &mut self.page.blocks.texts;
        if texts.len() == self.first_text {
            if text.trim_ascii().is_empty() {
                return;
            }
            self.text.clear();
            self.links.clear();
            self.home = self.open.iter().rposition(|open| open.parts).unwrap_or(0);
        }
        texts.push(id);
        let start = self.text.len();
        self.text.push_str(text);
        if self.open.last().is_some_and(|open| open.linked) {
            let end = self.text.len();
            match self.links.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => self.links.push(start..end),
            }
        }
    }

    /// Ends the block that is being read, if there is one.
    fn part(&mut self) {
        let texts = self.first_text..self.page.blocks.texts.len();
        if !texts.is_empty() {
            let mut measures = measure(&self.text, &self.links, self.topic);
            if measures.words == 0 {
                self.page.blocks.texts.truncate(texts.start);
            } else {
                measures.has_date |= self.has_time;
                let container = self.container();
                self.page.homes.push(container);
                self.page.blocks.list.push(Block {
                    element: NodeId(self.open.get(self.home).map_or(0, |open| open.node)),
                    words: measures.words,
                    texts: texts.start as u32..texts.end as u32,
                });
                self.page.measures.push(measures);
            }
            self.first_text = self.page.blocks.texts.len();
        }
        self.has_time = false;
    }

    /// The container of the block that ends: it and those around it become containers as far as they are none.
    fn container(&mut self) -> u32 {
        let Some(open) = self.open.get_mut(..=self.home) else {
            return NONE;
        };
        let known = open.iter().rposition(|open| open.container != NONE);
        let mut parent = known.map_or(NONE, |known| open[known].container);
        for element in &mut open[known.map_or(0, |known| known + 1)..] {
            let container =
                Container::new(self.document, NodeId(element.node), element.tag, parent);
            element.container = self.page.containers.len() as u32;
            parent = element.container;
            self.page.containers.push(container);
        }
        parent
    }

    fn leave_noscript(&mut self) {
        let Some(before) = self.noscripts.pop() else {
            return;
        };
        let words = self.page.blocks.list[before.blocks..]
            .iter()
            .map(|block| u64::from(block.words))
            .sum::<u64>();
        if words >= u64::from(NOSCRIPT_WORDS) {
            return;
        }
        self.page.blocks.list.truncate(before.blocks);
        self.page.measures.truncate(before.blocks);
        self.page.homes.truncate(before.blocks);
        self.page.blocks.texts.truncate(before.texts);
        self.first_text = before.texts;
        self.page.containers.truncate(before.containers);
        for open in self.open.iter_mut().rev() {
            if open.container == NONE {
                continue;
            }
            if (open.container as usize) < before.containers {
                break;
            }
            open.container = NONE;
        }
    }
}
