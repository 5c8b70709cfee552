//! What the model is asked about each block, in numbers.

use super::containers::{Container, Mark};
use super::context::Context;
use super::elements::heading_level;
use super::features_around::{around, branches, repetition};
use super::measure::Measures;
use crate::html::Tag;

/// Takes the features of a block, one by one and always in the same order.
pub(super) trait Sink {
    fn put(&mut self, name: &'static str, value: f32);
}

/// Values only.
impl Sink for Vec<f32> {
    fn put(&mut self, _: &'static str, value: f32) {
        self.push(value);
    }
}

/// Names only.
impl Sink for Vec<&'static str> {
    fn put(&mut self, name: &'static str, _: f32) {
        self.push(name);
    }
}

pub(super) fn log(value: f32) -> f32 {
    value.ln_1p()
}

pub(super) fn flag(value: bool) -> f32 {
    f32::from(u8::from(value))
}

pub(super) fn share(part: f32, of: f32) -> f32 {
    part / of.max(1.0)
}

/// A distance between blocks, on a scale that grows ever slower; negative before.
fn distance(from: usize, to: usize) -> f32 {
    if to >= from {
        log((to - from) as f32)
    } else {
        -log((from - to) as f32)
    }
}

/// The last heading that was passed, and how many words ago.
#[derive(Clone, Copy, Default)]
pub(super) struct Heading {
    block: Option<usize>,
    level: u8,
    words: u32,
}

impl Heading {
    /// Passes a block.
    pub(super) fn pass(&mut self, at: usize, tag: Tag, words: u32) {
        let level = heading_level(tag);
        if level > 0 {
            *self = Heading {
                block: Some(at),
                level,
                words: 0,
            };
        } else {
            self.words = self.words.saturating_add(words);
        }
    }
}

/// Puts all features of a block.
pub(super) fn features(context: &Context<'_>, at: usize, heading: Heading, sink: &mut impl Sink) {
    let page = context.page;
    let measures = &page.measures[at];
    let home = page.homes[at];
    let container = &page.containers[home as usize];
    own(measures, sink);
    tag(container, sink);
    landmarks(context, container, sink);
    neighbours(context, at, heading, sink);
    around(context, home, container, sink);
    branches(context, home, sink);
    repetition(context, home, at, sink);
    position(context, at, sink);
    totals(context, sink);
    topic(context, measures, sink);
    let classes = &container.classes;
    sink.put("k_all", classes.all);
    sink.put("k_least", classes.least);
    sink.put("k_greatest", classes.greatest);
    sink.put("k_near", classes.near);
}

fn own(own: &Measures, sink: &mut impl Sink) {
    let words = own.words as f32;
    let characters = own.characters as f32;
    sink.put("o_words", log(words));
    sink.put("o_links", share(own.link_words as f32, words));
    sink.put("o_stops", share(own.stops as f32, words));
    sink.put("o_stop_count", own.stops.min(5) as f32);
    sink.put("o_ends", flag(own.ends_sentence));
    sink.put("o_digits", share(own.digits as f32, characters));
    sink.put("o_capitals", share(own.capitals as f32, characters));
    sink.put("o_date", flag(own.has_date && own.words < 20));
}

fn tag(container: &Container, sink: &mut impl Sink) {
    // By how much their blocks are content, roughly: so a few borders part the tags.
    const TAGS: &[Tag] = &[
        Tag::OPTION,
        Tag::BUTTON,
        Tag::LABEL,
        Tag::LEGEND,
        Tag::LI,
        Tag::DIV,
        Tag::ADDRESS,
        Tag::SUMMARY,
        Tag::BODY,
        Tag::SECTION,
        Tag::TD,
        Tag::TH,
        Tag::DT,
        Tag::DD,
        Tag::H6,
        Tag::H5,
        Tag::H4,
        Tag::H3,
        Tag::FIGCAPTION,
        Tag::H2,
        Tag::H1,
        Tag::P,
        Tag::BLOCKQUOTE,
        Tag::PRE,
    ];
    let place = TAGS.iter().position(|tag| *tag == container.tag);
    sink.put("t_tag", place.map_or(5.5, |place| place as f32));
    sink.put("t_heading", f32::from(heading_level(container.tag)));
    sink.put("t_depth", f32::from(container.depth));
    for (name, mark) in [
        ("t_ul", Mark::UnorderedList),
        ("t_ol", Mark::OrderedList),
        ("t_table", Mark::Table),
        ("t_form", Mark::Form),
        ("t_figure", Mark::Figure),
        ("t_button", Mark::Button),
        ("t_link", Mark::Link),
        ("t_pre", Mark::Preformatted),
        ("t_quote", Mark::Quote),
        ("t_details", Mark::Details),
    ] {
        sink.put(name, container.mark(mark));
    }
}

fn landmarks(context: &Context<'_>, container: &Container, sink: &mut impl Sink) {
    for (name, mark) in [
        ("l_nav", Mark::Nav),
        ("l_header", Mark::Header),
        ("l_footer", Mark::Footer),
        ("l_aside", Mark::Aside),
        ("l_main", Mark::Main),
        ("l_article", Mark::Article),
        ("l_section", Mark::Section),
        ("l_dialog", Mark::Dialog),
        ("l_content_property", Mark::ContentProperty),
        ("l_item", Mark::Item),
        ("l_hidden", Mark::Hidden),
        ("l_modal", Mark::Modal),
    ] {
        sink.put(name, container.mark(mark));
    }
    let in_main = container.mark(Mark::Main) > 0.0;
    sink.put("l_not_main", flag(context.has_main && !in_main));
    sink.put("l_articles", context.articles.min(30) as f32);
}

fn neighbours(context: &Context<'_>, at: usize, heading: Heading, sink: &mut impl Sink) {
    let all = &context.page.measures;
    for (words, links, offset) in [
        ("c_words-1", "c_links-1", -1),
        ("c_words+1", "c_links+1", 1),
    ] {
        let it = at.checked_add_signed(offset).and_then(|at| all.get(at));
        sink.put(words, it.map_or(-1.0, |it| log(it.words as f32)));
        let density = it.map(|it| share(it.link_words as f32, it.words as f32));
        sink.put(links, density.unwrap_or(-1.0));
    }
    for (name, offset) in [("c_words+2", 2), ("c_words+3", 3)] {
        let it = all.get(at + offset);
        sink.put(name, it.map_or(-1.0, |it| log(it.words as f32)));
    }
    let (low, high) = (at.saturating_sub(6), (at + 7).min(all.len()));
    let [words, links, stops] =
        [0, 1, 2].map(|of| (context.before[high][of] - context.before[low][of]) as f32);
    sink.put("c_window", log(words / (high - low) as f32));
    sink.put("c_window_links", share(links, words));
    sink.put("c_window_stops", share(stops, words));
    let passed = heading.block.map(|block| log((at - block) as f32));
    sink.put("c_heading", passed.unwrap_or(-1.0));
    sink.put("c_heading_level", f32::from(heading.level));
    sink.put("c_heading_words", log(heading.words as f32));
}

fn position(context: &Context<'_>, at: usize, sink: &mut impl Sink) {
    let blocks = context.page.measures.len();
    sink.put(
        "p_words",
        share(context.before[at][0] as f32, context.total.words as f32),
    );
    sink.put("p_blocks", share(at as f32, blocks as f32));
    sink.put(
        "p_h1",
        context.first_h1.map_or(-20.0, |h1| distance(h1, at)),
    );
    sink.put("p_start", log(at as f32));
    sink.put("p_end", log((blocks - at) as f32));
    sink.put("p_longest", distance(context.longest, at));
    sink.put("p_first_long", distance(context.first_long, at));
    let last = context
        .last_long
        .map_or_else(|| log(at as f32 + 1.0), |last| distance(last, at));
    sink.put("p_last_long", last);
    sink.put("p_h1s", context.h1s as f32);
}

fn totals(context: &Context<'_>, sink: &mut impl Sink) {
    let total = &context.total;
    sink.put("g_words", log(total.words as f32));
    sink.put("g_links", total.link_density());
    sink.put(
        "g_long_blocks",
        share(context.long_blocks as f32, total.blocks as f32),
    );
    sink.put("g_long", total.long_share());
    sink.put("g_blocks", log(total.blocks as f32));
    sink.put("g_prices", log(total.prices as f32));
    sink.put("g_dates", log(total.dates as f32));
    sink.put("g_mean", total.words_a_block());
}

fn topic(context: &Context<'_>, own: &Measures, sink: &mut impl Sink) {
    let words = own.words as f32;
    let known = |is: bool, value: f32| if is { value } else { -1.0 };
    sink.put(
        "x_title",
        known(context.has_title, share(own.title_words as f32, words)),
    );
    let whole = if own.words < 40 { own.title_share } else { 0.0 };
    sink.put("x_title_share", known(context.has_title, whole));
    let description = share(own.description_words as f32, words);
    sink.put("x_description", known(context.has_description, description));
}
