//! What the features of blocks are read from: a page's totals, and what each element has from those around it.

use super::containers::{Container, Mark, Sums};
use super::elements::heading_level;
use super::groups::Groups;
use super::segment::Page;

/// No container.
const NONE: u32 = u32::MAX;

/// What a container has from those around it: places of containers, or [`NONE`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The largest around it that holds at most half of the page's words, and at most 15 %; itself if none does.
    pub(super) half: u32,
    pub(super) small: u32,
    /// The innermost and the outermost around it that repeat, itself included.
    pub(super) item: u32,
    pub(super) outer_item: u32,
    /// Whether it is in the element that looks most like the content's.
    pub(super) in_top: bool,
    /// Where it leaves the line from the root to that element.
    pub(super) branch: u32,
    /// The same of the line to the first `h1`.
    pub(super) heading_branch: u32,
}

/// A page, ready to read features from.
pub(super) struct Context<'p> {
    pub(super) page: &'p Page,
    pub(super) total: Sums,
    pub(super) places: Vec<Place>,
    pub(super) top: Option<usize>,
    pub(super) top_score: f32,
    pub(super) siblings: Groups,
    pub(super) paths: Groups,
    pub(super) texts: Groups,
    pub(super) has_main: bool,
    pub(super) articles: u32,
    /// Blocks.
    pub(super) first_h1: Option<usize>,
    pub(super) h1s: u32,
    pub(super) longest: usize,
    pub(super) first_long: usize,
    pub(super) last_long: Option<usize>,
    pub(super) long_blocks: u32,
    /// Sums over the blocks before each block.
    pub(super) before: Vec<[u32; 3]>,
    pub(super) has_title: bool,
    pub(super) has_description: bool,
}

impl<'p> Context<'p> {
    pub(super) fn new(page: &'p Page, has_title: bool, has_description: bool) -> Context<'p> {
        let containers = &page.containers;
        let mut total = Sums::default();
        let mut before = Vec::with_capacity(page.measures.len() + 1);
        let mut sums = [0u32; 3];
        before.push(sums);
        for (measures, home) in page.measures.iter().zip(&page.homes) {
            let tag = containers[*home as usize].tag;
            total.add(&Sums::of_block(measures, tag));
            sums[0] = sums[0].saturating_add(measures.words);
            sums[1] = sums[1].saturating_add(measures.link_words);
            sums[2] = sums[2].saturating_add(measures.stops);
            before.push(sums);
        }
        let top = (0..containers.len())
            .rev()
            .max_by(|a, b| containers[*a].score.total_cmp(&containers[*b].score));
        let siblings = Groups::new(
            containers
                .iter()
                .map(|it| (it.key, it.sums.words, it.sums.link_words)),
        );
        let paths = Groups::new(page.measures.iter().zip(&page.homes).map(|(it, home)| {
            let path = containers[*home as usize].path;
            (path, it.words, it.link_words)
        }));
        let texts = Groups::new(
            page.measures
                .iter()
                .map(|it| (it.hash, it.words, it.link_words)),
        );
        let level = |at: &usize| heading_level(containers[page.homes[*at] as usize].tag);
        let h1s = || (0..page.measures.len()).filter(|at| level(at) == 1);
        let outside_links = |at: usize| {
            let measures = &page.measures[at];
            measures.words - measures.link_words
        };
        let is_long = |at: &usize| {
            let measures = &page.measures[*at];
            measures.words >= 25 && (measures.link_words as f32) < 0.3 * measures.words as f32
        };
        let long = || (0..page.measures.len()).filter(is_long);
        let first_h1 = h1s().next();
        let mut context = Context {
            page,
            total,
            places: Vec::new(),
            top,
            top_score: top.map_or(0.0, |top| containers[top].score),
            siblings,
            paths,
            texts,
            has_main: containers
                .iter()
                .any(|it| it.marks[Mark::Main as usize] > 0),
            articles: containers
                .iter()
                .filter(|it| it.tag == crate::html::Tag::ARTICLE)
                .count() as u32,
            first_h1,
            h1s: h1s().count() as u32,
            longest: (0..page.measures.len())
                .rev()
                .max_by_key(|at| outside_links(*at))
                .unwrap_or(0),
            first_long: long().next().unwrap_or(page.measures.len()),
            last_long: long().next_back(),
            long_blocks: long().count() as u32,
            before,
            has_title,
            has_description,
        };
        let heading = first_h1.map(|at| page.homes[at]);
        context.places = context.places(heading);
        context
    }

    fn places(&self, heading: Option<u32>) -> Vec<Place> {
        let containers = &self.page.containers;
        let to_top = line(containers, self.top.map_or(NONE, |top| top as u32));
        let to_heading = line(containers, heading.unwrap_or(NONE));
        let mut places: Vec<Place> = Vec::with_capacity(containers.len());
        let total = self.total.words as f32;
        for (at, container) in containers.iter().enumerate() {
            let own = at as u32;
            let around = places.get(container.parent as usize).copied();
            let parent = containers.get(container.parent as usize);
            let largest = |most: f32, around: Option<u32>| match (parent, around) {
                (Some(parent), Some(around)) if parent.sums.words as f32 <= most * total => around,
                _ => own,
            };
            let group = self.siblings.of(at);
            let repeats = group.count >= 3 && group.mean_words() >= 3.0;
            let item = around.map_or(NONE, |around| around.item);
            let outer = around.map_or(NONE, |around| around.outer_item);
            let branch = |line: &[bool], around: Option<u32>| {
                let leaves = parent.is_none() || line[container.parent as usize];
                if leaves { own } else { around.unwrap_or(own) }
            };
            places.push(Place {
                half: largest(0.5, around.map(|around| around.half)),
                small: largest(0.15, around.map(|around| around.small)),
                item: if repeats { own } else { item },
                outer_item: if outer == NONE && repeats { own } else { outer },
                in_top: self.top == Some(at) || around.is_some_and(|around| around.in_top),
                branch: branch(&to_top, around.map(|around| around.branch)),
                heading_branch: branch(&to_heading, around.map(|around| around.heading_branch)),
            });
        }
        places
    }

    /// The container of a place.
    pub(super) fn container(&self, at: u32) -> Option<&'p Container> {
        self.page.containers.get(at as usize)
    }
}

/// Which containers are this one or around it.
fn line(containers: &[Container], mut at: u32) -> Vec<bool> {
    let mut line = vec![false; containers.len()];
    while let Some(container) = containers.get(at as usize) {
        line[at as usize] = true;
        at = container.parent;
    }
    line
}
