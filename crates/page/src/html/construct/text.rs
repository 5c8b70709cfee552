//! Text.

use super::{Constructor, Mode, tags};
use crate::html::document::Text;
use crate::html::names::Tag;
use crate::scan;

impl Constructor<'_> {
    #[inline]
    pub(super) fn text(&mut self, text: Text, nulls: bool) {
        let mut text = text;
        if std::mem::take(&mut self.drop_line_end) && self.tokenizer.resolve(text).starts_with('\n')
        {
            text = text.after(1);
        }
        if nulls {
            self.text_with_nulls(text);
        } else if !text.bounds().is_empty() {
            self.plain_text(text, false);
        }
    }

    /// Null bytes are characters of their own: most are dropped.
    #[cold]
    fn text_with_nulls(&mut self, text: Text) {
        let mut rest = text;
        while !rest.bounds().is_empty() {
            let bytes = self.tokenizer.resolve(rest).as_bytes();
            let length = match memchr::memchr(0, bytes) {
                Some(0) => 1,
                Some(length) => length,
                None => bytes.len(),
            };
            let is_null = bytes[0] == 0;
            self.plain_text(rest.up_to(length), is_null);
            rest = rest.after(length);
        }
    }

    /// How much of the text is white space at its begin.
    #[inline]
    fn leading_space(&self, text: Text) -> usize {
        let text = self.tokenizer.resolve(text);
        scan::skip_space(text.as_bytes(), 0)
    }

    /// Text without null bytes, or a null byte.
    #[inline]
    fn plain_text(&mut self, text: Text, is_null: bool) {
        let mut text = text;
        if self.in_foreign() && !self.takes_html_text() {
            self.foreign_text(text, is_null);
            return;
        }
        loop {
            match self.mode {
                Mode::InBody | Mode::InCell | Mode::InCaption | Mode::InTemplate => {
                    if !is_null {
                        self.body_text(text);
                    }
                    return;
                }
                Mode::Text => return self.insert_text(text),
                Mode::InTableText => {
                    if !is_null {
                        self.table_text.push(text);
                    }
                    return;
                }
                Mode::InTable | Mode::InTableBody | Mode::InRow => {
                    let top = self.stack.top();
                    if top.is_some_and(|top| top.has(tags::TABLE_PART) || top.is(Tag::TEMPLATE)) {
                        self.original = self.mode;
                        self.mode = Mode::InTableText;
                        continue;
                    }
                    if !is_null {
                        self.foster = true;
                        self.body_text(text);
                        self.foster = false;
                    }
                    return;
                }
                Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => {
                    return self.frameset_text(text);
                }
                _ => {}
            }
            let space = self.leading_space(text);
            let kept = matches!(
                self.mode,
                Mode::InHead
                    | Mode::InHeadNoscript
                    | Mode::AfterHead
                    | Mode::InColumnGroup
                    | Mode::AfterBody
                    | Mode::AfterAfterBody
            );
            if kept && space > 0 {
                let white = text.up_to(space);
                if matches!(self.mode, Mode::AfterBody | Mode::AfterAfterBody) {
                    self.body_text(white);
                } else {
                    self.insert_text(white);
                }
            }
            text = text.after(space);
            if text.bounds().is_empty() {
                return;
            }
            match self.mode {
                Mode::Initial => {
                    self.quirks = true;
                    self.mode = Mode::BeforeHtml;
                }
                Mode::BeforeHtml => self.imply_html(),
                Mode::BeforeHead => self.imply_head(),
                Mode::InHead => self.leave_head(),
                Mode::InHeadNoscript => {
                    self.pop();
                    self.mode = Mode::InHead;
                }
                Mode::AfterHead => self.imply_body(),
                Mode::InColumnGroup => {
                    if !self.current_is(Tag::COLGROUP) {
                        return;
                    }
                    self.pop();
                    self.mode = Mode::InTable;
                }
                _ => self.mode = Mode::InBody,
            }
        }
    }

    #[inline]
    fn body_text(&mut self, text: Text) {
        self.reconstruct();
        if self.frameset_ok && self.leading_space(text) < text.bounds().len() {
            self.frameset_ok = false;
        }
        self.insert_text(text);
    }

    fn foreign_text(&mut self, text: Text, is_null: bool) {
        if is_null {
            let start = self.tokenizer.decoded.len();
            self.tokenizer.decoded.push('\u{fffd}');
            let text = Text::decoded_since(start, &self.tokenizer.decoded);
            return self.insert_text(text);
        }
        if self.frameset_ok && self.leading_space(text) < text.bounds().len() {
            self.frameset_ok = false;
        }
        self.insert_text(text);
    }

    /// Of text in a frameset only white space is kept.
    fn frameset_text(&mut self, text: Text) {
        let source = self.tokenizer.resolve(text).to_owned();
        let is_space = |c: char| c.is_ascii() && scan::is_space(c as u8);
        let mut at = 0;
        for part in source.split_inclusive(|c| !is_space(c)) {
            let space = part.trim_end_matches(|c| !is_space(c)).len();
            let white = text.after(at).up_to(space);
            if space > 0 && self.mode == Mode::AfterAfterFrameset {
                self.body_text(white);
            } else if space > 0 {
                self.insert_text(white);
            }
            at += part.len();
        }
    }

    /// Text in a table is moved before it unless it is white space.
    pub(super) fn flush_table_text(&mut self) {
        self.mode = self.original;
        let pieces = std::mem::take(&mut self.table_text);
        let is_space = |text: &Text| self.leading_space(*text) == text.bounds().len();
        if pieces.iter().all(is_space) {
            pieces.iter().for_each(|text| self.insert_text(*text));
        } else {
            self.foster = true;
            pieces.iter().for_each(|text| self.body_text(*text));
            self.foster = false;
        }
        self.table_text = pieces;
        self.table_text.clear();
    }
}
