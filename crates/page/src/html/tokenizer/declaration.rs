//! Comments, document types, and what counts as a comment.

use super::{Doctype, Mode, Token, Tokenizer};
use crate::html::decode::{self, References, Rules};
use crate::scan;

const RULES: Rules = Rules {
    references: References::None,
    replace_nulls: true,
};

impl Tokenizer<'_> {
    /// What begins with `<!`.
    pub(super) fn declaration(&mut self, cdata: bool) -> Option<Token> {
        let start = self.at + 2;
        let rest = &self.source.as_bytes()[start..];
        if rest.starts_with(b"--") {
            return Some(self.comment(start + 2));
        }
        if rest
            .get(..7)
            .is_some_and(|word| word.eq_ignore_ascii_case(b"doctype"))
        {
            return Some(self.doctype(start + 7));
        }
        if cdata && rest.starts_with(b"[CDATA[") {
            self.at = start + 7;
            self.mode = Mode::Cdata;
            return None;
        }
        Some(self.bogus_comment(start))
    }

    /// What is a comment up to the next `>`.
    pub(super) fn bogus_comment(&mut self, start: usize) -> Token {
        let rest = &self.source.as_bytes()[start..];
        let end = start + memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.comment_token(start, end, end + 1)
    }

    fn comment(&mut self, start: usize) -> Token {
        let bytes = self.source.as_bytes();
        let rest = &bytes[start..];
        for abrupt in [b">".as_slice(), b"->"] {
            if rest.starts_with(abrupt) {
                return self.comment_token(start, start, start + abrupt.len());
            }
        }
        for close in memchr::memchr_iter(b'>', rest) {
            for end in [b"--".as_slice(), b"--!"] {
                if rest[..close].ends_with(end) {
                    let close = start + close;
                    return self.comment_token(start, close - end.len(), close + 1);
                }
            }
        }
        // The page ends in it: a begun end is not its text.
        let ends = [b"--!".as_slice(), b"--", b"-"];
        let begun = ends.into_iter().find(|end| rest.ends_with(end));
        let end = bytes.len() - begun.map_or(0, <[u8]>::len);
        self.comment_token(start, end, bytes.len())
    }

    fn comment_token(&mut self, start: usize, end: usize, after: usize) -> Token {
        let bytes = &self.source.as_bytes()[start..end];
        let changed = memchr::memchr2(b'\r', 0, bytes).is_some();
        self.at = after.min(self.source.len());
        Token::Comment(self.text(start, end, changed.then_some(RULES)))
    }

    /// The document type whose name is expected at `at`.
    fn doctype(&mut self, at: usize) -> Token {
        let mut doctype = Doctype::default();
        self.at = at;
        if self.doctype_parts(&mut doctype).is_none() {
            // The page ended in it.
            doctype.force_quirks = true;
            self.at = self.source.len();
        } else {
            let rest = &self.source.as_bytes()[self.at..];
            self.at += memchr::memchr(b'>', rest).map_or(rest.len(), |end| end + 1);
        }
        Token::Doctype(doctype)
    }

    /// Reads up to where only `>` counts; `None` if the page ends before.
    fn doctype_parts(&mut self, doctype: &mut Doctype) -> Option<()> {
        let bytes = self.source.as_bytes();
        if self.next_byte()? == b'>' {
            doctype.force_quirks = true;
            return Some(());
        }
        let start = self.at;
        self.at = scan::find(bytes, start, [b' ', b'\t', b'\n', b'\r', 0x0c, b'>']);
        let mut name = self.part(start);
        name.make_ascii_lowercase();
        doctype.name = Some(name);
        if self.next_byte()? == b'>' {
            return Some(());
        }
        let keyword = bytes.get(self.at..self.at + 6).unwrap_or_default();
        let is_public = keyword.eq_ignore_ascii_case(b"public");
        if !is_public && !keyword.eq_ignore_ascii_case(b"system") {
            doctype.force_quirks = true;
            return Some(());
        }
        self.at += 6;
        if !matches!(self.next_byte()?, b'"' | b'\'') {
            doctype.force_quirks = true;
            return Some(());
        }
        if is_public {
            let whole = self.quoted(&mut doctype.public)?;
            doctype.force_quirks = !whole;
            match self.next_byte()? {
                b'"' | b'\'' if whole => {}
                b'>' => return Some(()),
                _ => {
                    doctype.force_quirks = true;
                    return Some(());
                }
            }
        }
        doctype.force_quirks = !self.quoted(&mut doctype.system)?;
        self.next_byte().map(drop)
    }

    /// The next byte that is no white space.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.source.as_bytes();
        self.at = scan::skip_space(bytes, self.at);
        bytes.get(self.at).copied()
    }

    /// Reads the text in quotes at this place; returns whether it ends in a quote, not in `>`. `None` if the page ends
    /// in it.
    fn quoted(&mut self, out: &mut Option<String>) -> Option<bool> {
        let bytes = self.source.as_bytes();
        let quote = *bytes.get(self.at)?;
        let start = self.at + 1;
        self.at = scan::find(bytes, start, [quote, b'>']);
        *out = Some(self.part(start));
        let whole = *bytes.get(self.at)? == quote;
        self.at += usize::from(whole);
        Some(whole)
    }

    fn part(&self, start: usize) -> String {
        let mut part = String::new();
        decode::decode(&self.source[start..self.at], RULES, &mut part);
        part
    }
}
