//! From the source to tags, text and comments: the tokenizer of the HTML standard, over bytes, and pulled: whoever takes
//! the tokens may change its mode between two of them.
//!
//! Text and values are stretches of the source wherever nothing in them is changed. Parse errors are not reported.

mod declaration;
mod raw;
mod tag;
#[cfg(test)]
mod tests;

use super::decode::{self, References, Rules};
use super::document::Text;
use super::intern::Interner;
use super::names::{Attr, Tag};
use crate::scan;

/// How the tokenizer reads what comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Markup.
    Data,
    /// Text with character references, up to the end tag.
    Rcdata,
    /// Text up to the end tag.
    Rawtext,
    /// A script, up to the end tag.
    Script,
    /// Text up to the end of the page.
    Plaintext,
    /// Text up to `]]>`.
    Cdata,
}

/// What was read.
pub(super) enum Token {
    /// Text, never empty.
    Text {
        text: Text,
        /// Whether it holds null bytes.
        nulls: bool,
    },
    /// A start tag: its name and attributes are the tokenizer's.
    Start,
    /// An end tag: its name is the tokenizer's.
    End,
    /// A comment.
    Comment(Text),
    /// A document type.
    Doctype(Doctype),
    /// The end of the page.
    EndOfFile,
}

/// A document type as it was read.
#[derive(Default)]
pub(super) struct Doctype {
    pub(super) name: Option<String>,
    pub(super) public: Option<String>,
    pub(super) system: Option<String>,
    pub(super) force_quirks: bool,
}

/// Reads a page from its begin to its end.
pub(super) struct Tokenizer<'h> {
    pub(super) source: &'h str,
    /// Text that is not in the source as it stands.
    pub(super) decoded: String,
    /// The attributes of elements so far, then those of the tag.
    pub(super) attributes: Vec<(Attr, Text)>,
    pub(super) tag_names: Interner,
    pub(super) attribute_names: Interner,
    pub(super) mode: Mode,
    /// The name of the tag.
    pub(super) tag: Tag,
    /// Whether the tag ends in `/>`.
    pub(super) self_closing: bool,
    /// How many attributes are kept for elements.
    kept: usize,
    /// The start tag that was read last: what ends text in other modes.
    last_start: Option<Tag>,
    /// Where the next token begins.
    at: usize,
    /// For each name of an attribute the number of the last tag that had it.
    seen: Vec<u32>,
    /// The number of the tag.
    serial: u32,
    scratch: String,
}

impl<'h> Tokenizer<'h> {
    pub(super) fn new(source: &'h str) -> Tokenizer<'h> {
        Tokenizer {
            source,
            decoded: String::new(),
            attributes: Vec::with_capacity(source.len() / 64),
            tag_names: Interner::new(Tag::KNOWN),
            attribute_names: Interner::new(Attr::KNOWN),
            mode: Mode::Data,
            tag: Tag::A,
            self_closing: false,
            kept: 0,
            last_start: None,
            at: 0,
            seen: vec![0; Attr::KNOWN.len()],
            serial: 0,
            scratch: String::new(),
        }
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next token. `cdata` says whether CDATA sections are known where it stands.
    #[inline]
    pub(super) fn next(&mut self, cdata: bool) -> Token {
        loop {
            if self.at >= self.source.len() {
                return Token::EndOfFile;
            }
            let token = match self.mode {
                Mode::Data => self.data(cdata),
                Mode::Cdata => self.cdata(),
                Mode::Plaintext => self.raw_text(self.source.len(), References::None, true),
                Mode::Rcdata | Mode::Rawtext | Mode::Script => self.raw(),
            };
            if let Some(token) = token {
                return token;
            }
        }
    }

    /// Text, or the markup that begins here; `None` for what means nothing.
    #[inline]
    fn data(&mut self, cdata: bool) -> Option<Token> {
        let bytes = self.source.as_bytes();
        let start = self.at;
        let mut at = start;
        let (mut changed, mut nulls) = (false, false);
        loop {
            at = scan::find(bytes, at, [b'<', b'&', b'\r', 0]);
            match bytes.get(at) {
                Some(b'<') if at > start && begins_markup(bytes, at) => break,
                Some(b'<') if at == start => {
                    if let Some(token) = self.markup(cdata) {
                        return token;
                    }
                }
                Some(b'<') => {}
                Some(0) => (changed, nulls) = (true, true),
                Some(_) => changed = true,
                None => break,
            }
            at += 1;
        }
        self.at = at;
        let rules = Rules {
            references: References::Text,
            replace_nulls: false,
        };
        let text = self.text(start, at, changed.then_some(rules));
        Some(Token::Text { text, nulls })
    }

    /// The markup at `<`, or `None` if it is text. What means nothing gives `Some(None)`.
    #[inline]
    fn markup(&mut self, cdata: bool) -> Option<Option<Token>> {
        let bytes = self.source.as_bytes();
        match bytes.get(self.at + 1)? {
            byte if byte.is_ascii_alphabetic() => Some(self.start_tag()),
            b'/' => match bytes.get(self.at + 2)? {
                byte if byte.is_ascii_alphabetic() => Some(self.end_tag()),
                b'>' => {
                    self.at += 3;
                    Some(None)
                }
                _ => Some(Some(self.bogus_comment(self.at + 2))),
            },
            b'!' => Some(self.declaration(cdata)),
            b'?' => Some(Some(self.bogus_comment(self.at + 1))),
            _ => None,
        }
    }

    /// The text between two places, changed by rules if there is something to change.
    #[inline]
    fn text(&mut self, start: usize, end: usize, change: Option<Rules>) -> Text {
        let Some(rules) = change else {
            return Text::borrowed(start, end - start);
        };
        let begin = self.decoded.len();
        decode::decode(&self.source[start..end], rules, &mut self.decoded);
        Text::decoded_since(begin, &self.decoded)
    }

    /// Text that was read.
    pub(super) fn resolve(&self, text: Text) -> &str {
        text.of(self.source, &self.decoded)
    }
}

/// Whether what begins with the `<` at `at` is no text.
#[inline]
fn begins_markup(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at + 1) {
        Some(b'/') => at + 2 < bytes.len(),
        Some(byte) => byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?'),
        None => false,
    }
}
