//! Code: its lines and its language.

use super::tags::{Flow, flow};
use crate::html::{Attr, Document, NodeId, Tag};

/// Collects the lines of preformatted text. Elements with lines of their own and `br` end lines too.
#[derive(Default)]
pub(super) struct Lines {
    out: String,
    /// Whether an element with lines of its own has ended, so that what follows begins a line.
    ended: bool,
}

impl Lines {
    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.end_line();
        let mut rest = text;
        // No-break spaces are how editors indent.
        while let Some(at) = rest.find(['\u{a0}', '\r']) {
            self.out.push_str(&rest[..at]);
            let c = rest[at..].chars().next().unwrap_or(' ');
            if c == '\u{a0}' {
                self.out.push(' ');
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.out.push_str(rest);
    }

    pub(super) fn enter(&mut self, tag: Tag) {
        if tag == Tag::BR {
            self.end_line();
            self.out.push('\n');
        } else if is_line(tag) {
            self.end_line();
            if !self.out.is_empty() && !self.out.ends_with('\n') {
                self.out.push('\n');
            }
        } else if matches!(tag, Tag::TD | Tag::TH)
            && !self.ended
            && !self.out.is_empty()
            && !self.out.ends_with('\n')
        {
            self.out.push(' ');
        }
    }

    pub(super) fn leave(&mut self, tag: Tag) {
        if is_line(tag) {
            // An element without text is an empty line.
            self.end_line();
            self.ended = true;
        }
    }

    /// The lines, without empty ones before and after.
    pub(super) fn finish(self) -> String {
        let mut out = self.out;
        out.truncate(out.trim_end().len());
        let begin = out
            .find(|c: char| !c.is_whitespace())
            .and_then(|at| out[..at].rfind('\n'));
        if let Some(newline) = begin {
            out.drain(..=newline);
        }
        out
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.ended) && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

fn is_line(tag: Tag) -> bool {
    !matches!(tag, Tag::TD | Tag::TH) && matches!(flow(tag), Flow::Line | Flow::Paragraph)
}

/// Elements that are looked at to tell a block of code.
const MAX_NODES: usize = 20_000;

/// Whether a `code` element has lines of its own without a `pre` around: it holds line ends, and nothing but text.
pub(super) fn is_block(document: &Document<'_>, code: NodeId) -> bool {
    let mut has_lines = false;
    for id in document.descendants(code).take(MAX_NODES) {
        match document.tag(id) {
            Some(Tag::BR | Tag::DIV) => has_lines = true,
            Some(Tag::CODE | Tag::IMG) => return false,
            Some(tag) if flow(tag) != Flow::Inline => return false,
            _ => {}
        }
    }
    has_lines
}

/// Ancestors and first descendants that may name the language of code.
const MAX_STEPS: usize = 3;

/// The language of code, as the page names it for its highlighter.
pub(super) fn language<'d>(document: &'d Document<'_>, code: NodeId) -> Option<&'d str> {
    let inner = document
        .descendants(code)
        .take(MAX_STEPS)
        .filter(|id| document.is(*id, Tag::CODE));
    let outer = document.ancestors(code).take(MAX_STEPS);
    inner
        .chain(std::iter::once(code))
        .chain(outer)
        .find_map(|id| of_element(document, id))
}

fn of_element<'d>(document: &'d Document<'_>, id: NodeId) -> Option<&'d str> {
    let named = [Attr::DATA_LANG, Attr::DATA_LANGUAGE];
    let by_data = named
        .iter()
        .find_map(|name| document.attribute(id, *name))
        .and_then(word);
    let class = document.attribute(id, Attr::CLASS).unwrap_or_default();
    let by_class = || {
        let mut words = class.split_ascii_whitespace();
        while let Some(part) = words.next() {
            let found = ["language-", "lang-", "highlight-source-", "brush:"]
                .iter()
                .find_map(|prefix| part.strip_prefix(prefix));
            let found = match found {
                // `brush: js`
                Some("") if part == "brush:" => words.next(),
                found => found,
            };
            if let Some(language) = found
                .map(|found| found.trim_end_matches(';'))
                .and_then(word)
            {
                return Some(language);
            }
        }
        beside_highlighter(class)
    };
    by_data.or_else(by_class).or_else(|| by_lang(document, id))
}

/// A class of its own that names the language, beside that of a highlighter which writes it so.
fn beside_highlighter(class: &str) -> Option<&str> {
    let is_highlighter = |part: &str| matches!(part, "hljs" | "sourceCode");
    if !class.split_ascii_whitespace().any(is_highlighter) {
        return None;
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '#');
    let mut others = class
        .split_ascii_whitespace()
        .filter(|part| !is_highlighter(part) && part.chars().all(is_name));
    others
        .next()
        .filter(|name| !matches!(*name, "undefined" | "nohighlight"))
        .and_then(word)
}

/// `pre lang` around `code`, as some writers of Markdown have it. Elsewhere it is the language that people speak.
fn by_lang<'d>(document: &'d Document<'_>, id: NodeId) -> Option<&'d str> {
    let holds_code = || {
        document
            .first_child(id)
            .is_some_and(|child| document.is(child, Tag::CODE))
    };
    let lang = document.attribute(id, Attr::LANG)?;
    let is_code = document.is(id, Tag::PRE) && holds_code();
    word(lang).filter(|lang| is_code && !lang.contains('-'))
}

/// A name that can stand after a fence.
fn word(value: &str) -> Option<&str> {
    let value = value.trim();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.');
    let is_name = (1..=32).contains(&value.len()) && value.chars().all(is_part);
    (is_name && !matches!(value, "none" | "text" | "plaintext" | "plain")).then_some(value)
}
