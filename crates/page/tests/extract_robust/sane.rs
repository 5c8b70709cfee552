//! What holds of every extraction, whatever the page: a weak oracle, with another parser's text to compare with.

use riptide_page::extract::{Extraction, Mode, extract};
use riptide_page::html::{Attr, Document, Namespace, NodeId, Tag};
use std::collections::HashMap;

/// The address that pages are given.
pub(crate) const URL: &str = "https://paper.example/2026/ice?page=1";

/// How much longer than the page its text may be: a character reference of six bytes may stand for as many.
const TEXT_FACTOR: usize = 2;

/// The same for Markdown: a line of four bytes may stand in 16 lists, whose numbers of nine digits indent it each time,
/// and a link of ten repeats the address of the page.
const MARKDOWN_FACTOR: usize = 256;

/// Words that are looked for in a page.
const WORDS: usize = 64;

/// What may leave out text between two letters, or move it, so that words come to be that the source has not.
const REORDERS: &[&str] = &[
    "class", "role", "button", "href", "aria", "template", "math", "script", "svg", "noscript",
];

/// The modes with their names; selectors of several kinds.
pub(crate) fn modes() -> [Mode; 4] {
    let selectors = ["p", "div > *", ":nth-child(2n) ~ [class]", "td, li:has(a)"];
    [
        Mode::Article,
        Mode::Full,
        Mode::Metadata,
        Mode::Custom(selectors.map(str::to_owned).to_vec()),
    ]
}

/// Extracts a page in every mode and panics where something cannot be.
pub(crate) fn check(html: &str, oracle: &Document<'_>) {
    let source = Source::new(html, oracle);
    for mode in modes() {
        match extract(html, URL, &mode) {
            Ok(done) => source.check(&done, &mode),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// The page as another parser reads it.
pub(crate) struct Source<'h> {
    html: &'h str,
    /// All text, formulas' own among it; and that without what no reader sees.
    text: [String; 2],
    /// How often each letter and digit occurs in it.
    characters: HashMap<char, usize>,
    may_reorder: bool,
}

impl<'h> Source<'h> {
    pub(crate) fn new(html: &'h str, oracle: &Document<'_>) -> Source<'h> {
        let mut text = [String::new(), String::new()];
        let mut unseen_until = NodeId::DOCUMENT;
        let mut characters: HashMap<char, usize> = HashMap::new();
        for id in oracle.nodes() {
            if oracle.tag(id).is_some_and(|tag| is_unseen(oracle, id, tag)) {
                unseen_until = unseen_until.max(oracle.end(id));
            }
            let formula = oracle.attributes(id).filter_map(|(name, value)| {
                (oracle.attribute_name(name) == "alttext").then_some(value)
            });
            let own = oracle.text(id).into_iter().chain(formula);
            for piece in own {
                let seen = piece.chars().filter(|c| !is_dropped(*c));
                text[0].extend(seen.clone());
                if id >= unseen_until {
                    text[1].extend(seen);
                }
                for c in piece.chars().filter(|c| c.is_alphanumeric()) {
                    *characters.entry(c).or_default() += 1;
                }
            }
        }
        let lower = html.to_ascii_lowercase();
        // The other parser keeps what a template holds to itself.
        if lower.contains("<template") {
            for c in html.chars().filter(|c| c.is_alphanumeric()) {
                *characters.entry(c).or_default() += 1;
            }
        }
        let may_reorder = REORDERS.iter().any(|word| lower.contains(word));
        Source {
            html,
            text,
            characters,
            may_reorder,
        }
    }

    pub(crate) fn check(&self, done: &Extraction, mode: &Mode) {
        self.check_text(&done.text, mode);
        self.check_metadata(done);
        let limit = MARKDOWN_FACTOR * self.html.len() + 1024;
        assert!(
            done.markdown.len() <= limit,
            "{} bytes",
            done.markdown.len()
        );
        assert!(done.quality_score <= 100);
        assert!(
            done.text
                .split_whitespace()
                .count()
                .max(done.text.chars().count())
                >= done.word_count as usize
        );
        if *mode == Mode::Metadata {
            assert!(done.text.is_empty() && done.markdown.is_empty());
            assert!(done.links.is_empty() && done.media.is_empty());
        }
        let mut addresses: Vec<&str> = Vec::new();
        for link in &done.links {
            check_address(&link.url);
            addresses.push(&link.url);
        }
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), done.links.len(), "a link twice");
        for media in &done.media {
            check_address(&media.url);
        }
    }

    /// Nothing but what the page has, and not more often.
    fn check_text(&self, text: &str, mode: &Mode) {
        let limit = TEXT_FACTOR * self.html.len() + 64;
        assert!(text.len() <= limit, "{mode:?}: {} bytes", text.len());
        // Code may begin with an indented line.
        assert_eq!(text, text.trim_end(), "{mode:?}: white space behind");
        let mut left = self.characters.clone();
        for c in text.chars().filter(|c| c.is_alphanumeric()) {
            let count = left.get_mut(&c).filter(|count| **count > 0);
            let Some(count) = count else {
                panic!("{mode:?}: more of {c:?} than the page has: {text:?}");
            };
            *count -= 1;
        }
        if self.may_reorder {
            return;
        }
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        for word in words.iter().step_by(words.len() / WORDS + 1) {
            let is_there = self.text.iter().any(|text| text.contains(word));
            assert!(is_there, "{mode:?}: {word:?} is not in the page: {text:?}");
        }
    }

    fn check_metadata(&self, done: &Extraction) {
        let limit = 4 * self.html.len() + URL.len();
        let texts = [
            &done.title,
            &done.byline,
            &done.language,
            &done.site_name,
            &done.description,
        ];
        for text in texts.into_iter().flatten().chain(&done.categories) {
            assert!(!text.trim().is_empty(), "an empty value");
            assert_eq!(text, text.trim());
            assert!(text.len() <= limit, "{} bytes", text.len());
        }
        assert!(done.categories.len() <= 64);
        if let Some(date) = &done.published_iso {
            assert!(is_iso(date), "{date:?} is no date");
        }
        if let Some(canonical) = &done.canonical {
            assert!(canonical.starts_with("http"), "{canonical:?}");
        }
    }
}

fn check_address(address: &str) {
    let written: String = address
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect();
    let written = written
        .trim_start_matches(|c: char| c <= ' ')
        .to_ascii_lowercase();
    for scheme in ["javascript:", "data:", "vbscript:"] {
        assert!(!written.starts_with(scheme), "{address:?}");
    }
}

/// `2026-02-20`, maybe with a time, maybe with an offset.
fn is_iso(date: &str) -> bool {
    let shape: String = date
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let Some(time) = shape.strip_prefix("0000-00-00") else {
        return false;
    };
    let number = |range: std::ops::Range<usize>| date[range].parse::<u32>().unwrap_or(0);
    if !(1..=12).contains(&number(5..7)) || !(1..=31).contains(&number(8..10)) {
        return false;
    }
    let Some(time) = time.strip_prefix('T') else {
        return time.is_empty();
    };
    let zone = ["Z", "+00:00", "-00:00"]
        .iter()
        .find_map(|zone| time.strip_suffix(zone));
    let clock = zone.unwrap_or(time);
    let seconds = clock.strip_prefix("00:00").unwrap_or("?");
    seconds.is_empty() || seconds == ":00" || seconds.starts_with(":00.")
}

/// Characters that are not shown, and stand in words.
fn is_dropped(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    ) || (c.is_control() && !c.is_whitespace())
}

fn is_unseen(document: &Document<'_>, id: NodeId, tag: Tag) -> bool {
    document.namespace(id) != Namespace::Html
        || (tag == Tag::TEMPLATE && document.attribute(id, Attr::SHADOWROOTMODE).is_none())
        || matches!(
            tag,
            Tag::HEAD
                | Tag::TITLE
                | Tag::SCRIPT
                | Tag::STYLE
                | Tag::NOSCRIPT
                | Tag::IFRAME
                | Tag::OBJECT
                | Tag::CANVAS
                | Tag::VIDEO
                | Tag::AUDIO
                | Tag::TEXTAREA
                | Tag::SELECT
                | Tag::DATALIST
                | Tag::NOFRAMES
                | Tag::NOEMBED
        )
}
