//! Text that ends at an end tag only, and CDATA sections.

use super::{Mode, Token, Tokenizer};
use crate::html::decode::{References, Rules};
use crate::scan;

/// Where in a script the tokenizer is: within `<!--`, and there within `<script`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Plain,
    Escaped,
    DoubleEscaped,
}

impl Tokenizer<'_> {
    /// The end of the last start tag's name ends the text.
    pub(super) fn raw(&mut self) -> Option<Token> {
        let end = if self.mode == Mode::Script {
            self.script_end()
        } else {
            self.end_tag_from(self.at)
        };
        let references = if self.mode == Mode::Rcdata {
            References::Text
        } else {
            References::None
        };
        if end > self.at {
            return self.raw_text(end, references, true);
        }
        self.mode = Mode::Data;
        self.end_tag()
    }

    /// The text up to `end`.
    pub(super) fn raw_text(
        &mut self,
        end: usize,
        references: References,
        replace_nulls: bool,
    ) -> Option<Token> {
        let start = std::mem::replace(&mut self.at, end);
        let bytes = &self.source.as_bytes()[start..end];
        let changed = match references {
            References::None => memchr::memchr2(b'\r', 0, bytes),
            _ => memchr::memchr3(b'&', b'\r', 0, bytes),
        };
        let rules = Rules {
            references,
            replace_nulls,
        };
        let text = self.text(start, end, changed.is_some().then_some(rules));
        let nulls = !replace_nulls && memchr::memchr(0, bytes).is_some();
        Some(Token::Text { text, nulls })
    }

    /// A CDATA section's text; null bytes stay, as in text.
    pub(super) fn cdata(&mut self) -> Option<Token> {
        let rest = &self.source.as_bytes()[self.at..];
        self.mode = Mode::Data;
        let length = memchr::memmem::find(rest, b"]]>");
        let end = self.at + length.unwrap_or(rest.len());
        let token = if end > self.at {
            self.raw_text(end, References::None, false)
        } else {
            None
        };
        self.at = (end + 3).min(self.source.len());
        token
    }

    /// The name of the end tag that ends the text.
    fn end_name(&self) -> &[u8] {
        let name = self.last_start.map(|tag| self.tag_names.name(tag.0));
        name.unwrap_or_default().as_bytes()
    }

    /// Where the end tag of the last start tag begins; the end of the page if there is none.
    fn end_tag_from(&self, from: usize) -> usize {
        let bytes = self.source.as_bytes();
        let name = self.end_name();
        let mut at = from;
        while let Some(found) = memchr::memchr(b'<', &bytes[at..]) {
            at += found;
            if bytes.get(at + 1) == Some(&b'/') && is_word(bytes, at + 2, name) {
                return at;
            }
            at += 1;
        }
        bytes.len()
    }

    /// Where the script's end tag begins.
    fn script_end(&self) -> usize {
        let bytes = self.source.as_bytes();
        let name = self.end_name();
        let mut state = Script::Plain;
        let mut at = self.at;
        loop {
            let rest = &bytes[at.min(bytes.len())..];
            let found = match state {
                Script::Plain => memchr::memchr(b'<', rest),
                _ => memchr::memchr2(b'<', b'-', rest),
            };
            let Some(found) = found else {
                return bytes.len();
            };
            at += found;
            let rest = &bytes[at..];
            let closes = |name| rest.starts_with(b"</") && is_word(bytes, at + 2, name);
            match state {
                _ if state != Script::Plain && rest.starts_with(b"-->") => state = Script::Plain,
                Script::Plain | Script::Escaped if closes(name) => return at,
                Script::DoubleEscaped if closes(b"script") => state = Script::Escaped,
                Script::Plain if rest.starts_with(b"<!--") => {
                    // The two hyphens may be those of `-->`.
                    state = Script::Escaped;
                    at += 1;
                }
                Script::Escaped if rest[0] == b'<' && is_word(bytes, at + 1, b"script") => {
                    state = Script::DoubleEscaped;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// Whether this word stands at `at`, in any case, and is followed by what ends a tag's name.
fn is_word(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let end = at + word.len();
    !word.is_empty()
        && bytes
            .get(at..end)
            .is_some_and(|there| there.eq_ignore_ascii_case(word))
        && bytes
            .get(end)
            .is_some_and(|byte| scan::is_space(*byte) || matches!(byte, b'/' | b'>'))
}
