//! The elements that hold blocks: what each says about itself, and sums over what is below it.

use super::class_words::{self, ClassWords};
use super::elements::heading_level;
use super::measure::Measures;
use super::words::{hash, mix};
use crate::html::{Attr, Document, NodeId, Tag};

/// No container.
pub(super) const NONE: u32 = u32::MAX;

/// What is counted among the ancestors of a block, in the order of the array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(super) enum Mark {
    Nav,
    Header,
    Footer,
    Aside,
    Main,
    Article,
    Section,
    Form,
    Figure,
    Table,
    UnorderedList,
    OrderedList,
    Dialog,
    Details,
    Quote,
    Preformatted,
    Button,
    Link,
    /// A property that names the content itself.
    ContentProperty,
    Item,
    Hidden,
    Modal,
}

pub(super) const MARKS: usize = Mark::Modal as usize + 1;

/// An element that holds blocks.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) node: NodeId,
    /// The place of the container around it, [`NONE`] for the root.
    pub(super) parent: u32,
    pub(super) tag: Tag,
    pub(super) depth: u16,
    /// The marks of it and all around it.
    pub(super) marks: [u8; MARKS],
    /// Siblings of the same kind have the same: of the parent, the tag and the first class without its digits.
    pub(super) key: u64,
    /// Of the tag and two classes; later, of it and the three around it.
    pub(super) path: u64,
    pub(super) classes: class_words::Sums,
    pub(super) sums: Sums,
    /// How much it looks like the element around the content: words outside links, of blocks near it.
    pub(super) score: f32,
}

/// Sums over the blocks below an element.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sums {
    pub(super) words: u32,
    pub(super) link_words: u32,
    pub(super) blocks: u32,
    pub(super) stops: u32,
    /// Words in blocks of 15 or more.
    pub(super) long_words: u32,
    pub(super) headings: u32,
    pub(super) prices: u32,
    pub(super) dates: u32,
}

impl Sums {
    pub(super) fn add(&mut self, other: &Sums) {
        self.words = self.words.saturating_add(other.words);
        self.link_words = self.link_words.saturating_add(other.link_words);
        self.blocks += other.blocks;
        self.stops = self.stops.saturating_add(other.stops);
        self.long_words = self.long_words.saturating_add(other.long_words);
        self.headings += other.headings;
        self.prices += other.prices;
        self.dates += other.dates;
    }

    pub(super) fn of_block(measures: &Measures, tag: Tag) -> Sums {
        let long = measures.words >= 15;
        let short = measures.words < 20;
        Sums {
            words: measures.words,
            link_words: measures.link_words,
            blocks: 1,
            stops: measures.stops,
            long_words: if long { measures.words } else { 0 },
            headings: u32::from(heading_level(tag) > 0),
            prices: u32::from(measures.has_price && short),
            dates: u32::from(measures.has_date && short),
        }
    }

    pub(super) fn link_density(&self) -> f32 {
        self.link_words as f32 / self.words.max(1) as f32
    }

    pub(super) fn words_a_block(&self) -> f32 {
        self.words as f32 / self.blocks.max(1) as f32
    }

    pub(super) fn long_share(&self) -> f32 {
        self.long_words as f32 / self.words.max(1) as f32
    }

    pub(super) fn stops_a_word(&self) -> f32 {
        self.stops as f32 / self.words.max(1) as f32
    }
}

impl Container {
    pub(super) fn new(document: &Document<'_>, node: NodeId, tag: Tag, parent: u32) -> Container {
        let mut container = Container {
            node,
            parent,
            tag,
            depth: 0,
            marks: [0; MARKS],
            key: 0,
            path: 0,
            classes: class_words::Sums::default(),
            sums: Sums::default(),
            score: 0.0,
        };
        let its_mark = mark(tag);
        container.count(its_mark);
        let mut classes = "";
        for (attribute, value) in document.attributes(node) {
            match attribute {
                Attr::CLASS => classes = value,
                Attr::ROLE => {
                    let role = role(value);
                    if role != its_mark {
                        container.count(role);
                    }
                }
                Attr::ITEMPROP => container.count(property(value)),
                Attr::ITEMTYPE => container.count(Some(Mark::Item)),
                Attr::HIDDEN => container.count(Some(Mark::Hidden)),
                Attr::STYLE if hides(value) => container.count(Some(Mark::Hidden)),
                Attr::ARIA_MODAL if value == "true" => container.count(Some(Mark::Modal)),
                _ => {}
            }
        }
        let name = hash(document.tag_name(tag).as_bytes());
        let mut two = classes.split_ascii_whitespace().map(without_digits);
        container.key = mix(name, two.next().unwrap_or(0));
        container.path = mix(container.key, two.next().unwrap_or(0));
        container.key = mix(container.key, u64::from(parent));
        container
    }

    fn count(&mut self, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.marks[mark as usize] += 1;
        }
    }

    pub(super) fn mark(&self, mark: Mark) -> f32 {
        f32::from(self.marks[mark as usize])
    }
}

/// Reads the class words of all containers.
pub(super) fn read_classes(
    containers: &mut [Container],
    document: &Document<'_>,
    table: &ClassWords<'_>,
) {
    for at in 0..containers.len() {
        let own = class_words::sums(document, containers[at].node, table);
        let around = containers.get(containers[at].parent as usize);
        containers[at].classes = match around {
            Some(around) => own.below(&around.classes),
            None => own,
        };
    }
}

/// Hands the marks down from the root.
pub(super) fn inherit(containers: &mut [Container]) {
    // The names of four levels, the own last.
    let mut paths: Vec<[u64; 4]> = Vec::with_capacity(containers.len());
    for at in 0..containers.len() {
        let own = containers[at].path;
        let parent = containers[at].parent as usize;
        let path = if parent < at {
            let (before, rest) = containers.split_at_mut(at);
            for (mark, around) in rest[0].marks.iter_mut().zip(before[parent].marks) {
                *mark = mark.saturating_add(around);
            }
            rest[0].depth = before[parent].depth + 1;
            let [_, first, second, third] = paths[parent];
            [first, second, third, own]
        } else {
            [0, 0, 0, own]
        };
        containers[at].path = path.iter().fold(0, |hash, part| mix(hash, *part));
        paths.push(path);
    }
}

/// Adds up what blocks hold, in all elements around them.
pub(super) fn sum_up(containers: &mut [Container], measures: &[Measures], homes: &[u32]) {
    for (measures, home) in measures.iter().zip(homes) {
        let Some(container) = containers.get_mut(*home as usize) else {
            continue;
        };
        let sums = Sums::of_block(measures, container.tag);
        container.sums.add(&sums);
        if measures.words >= 10 {
            vote(
                containers,
                *home,
                (measures.words - measures.link_words) as f32,
            );
        }
    }
    for at in (0..containers.len()).rev() {
        let sums = containers[at].sums;
        if let Some(parent) = containers.get_mut(containers[at].parent as usize) {
            parent.sums.add(&sums);
        }
    }
}

/// Gives a block's words to the elements near it: whole to the first two, then ever less.
fn vote(containers: &mut [Container], home: u32, words: f32) {
    let mut at = home;
    for share in [1.0, 1.0, 0.5, 1.0 / 9.0, 1.0 / 12.0, 1.0 / 15.0] {
        let Some(container) = containers.get_mut(at as usize) else {
            return;
        };
        container.score += words * share;
        at = container.parent;
    }
}

/// The hash of a class without its digits: those number siblings.
fn without_digits(class: &str) -> u64 {
    class
        .bytes()
        .filter(|byte| !byte.is_ascii_digit())
        .fold(1, |hash, byte| mix(hash, u64::from(byte)))
}

/// Whether a style hides its element.
fn hides(style: &str) -> bool {
    let is = |name: &str, value: &str| {
        style.split(';').any(|declaration| {
            declaration.split_once(':').is_some_and(|(its, hidden)| {
                its.trim().eq_ignore_ascii_case(name)
                    && hidden
                        .trim_start()
                        .get(..value.len())
                        .is_some_and(|hidden| hidden.eq_ignore_ascii_case(value))
            })
        })
    };
    style.len() < 4096 && (is("display", "none") || is("visibility", "hidden"))
}

fn mark(tag: Tag) -> Option<Mark> {
    Some(match tag {
        Tag::NAV => Mark::Nav,
        Tag::HEADER => Mark::Header,
        Tag::FOOTER => Mark::Footer,
        Tag::ASIDE => Mark::Aside,
        Tag::MAIN => Mark::Main,
        Tag::ARTICLE => Mark::Article,
        Tag::SECTION => Mark::Section,
        Tag::FORM | Tag::SEARCH => Mark::Form,
        Tag::FIGURE => Mark::Figure,
        Tag::TABLE => Mark::Table,
        Tag::UL | Tag::MENU | Tag::DIR => Mark::UnorderedList,
        Tag::OL => Mark::OrderedList,
        Tag::DIALOG => Mark::Dialog,
        Tag::DETAILS => Mark::Details,
        Tag::BLOCKQUOTE => Mark::Quote,
        Tag::PRE | Tag::LISTING | Tag::XMP => Mark::Preformatted,
        Tag::BUTTON => Mark::Button,
        Tag::A => Mark::Link,
        _ => return None,
    })
}

fn role(role: &str) -> Option<Mark> {
    const ROLES: &[(&str, Mark)] = &[
        ("navigation", Mark::Nav),
        ("menu", Mark::Nav),
        ("menubar", Mark::Nav),
        ("banner", Mark::Header),
        ("contentinfo", Mark::Footer),
        ("complementary", Mark::Aside),
        ("main", Mark::Main),
        ("article", Mark::Article),
        ("dialog", Mark::Dialog),
        ("alertdialog", Mark::Dialog),
        ("search", Mark::Form),
        ("form", Mark::Form),
        ("tablist", Mark::Button),
        ("button", Mark::Button),
        ("list", Mark::UnorderedList),
    ];
    let role = role.trim();
    ROLES
        .iter()
        .find_map(|(name, mark)| role.eq_ignore_ascii_case(name).then_some(*mark))
}

fn property(property: &str) -> Option<Mark> {
    let property = property.trim();
    let content = [
        "articleBody",
        "text",
        "description",
        "reviewBody",
        "acceptedAnswer",
        "suggestedAnswer",
        "comment",
        "mainEntity",
    ];
    content
        .iter()
        .any(|name| property.eq_ignore_ascii_case(name))
        .then_some(Mark::ContentProperty)
}
