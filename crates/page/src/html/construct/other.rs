//! Templates, frames, and what comes after the body.

use super::{Constructor, Mode, Step};
use crate::html::names::Tag;

impl Constructor<'_> {
    pub(super) fn start_in_template(&mut self) -> Step {
        let mode = match self.tokenizer.tag {
            Tag::BASE
            | Tag::BASEFONT
            | Tag::BGSOUND
            | Tag::LINK
            | Tag::META
            | Tag::NOFRAMES
            | Tag::SCRIPT
            | Tag::STYLE
            | Tag::TEMPLATE
            | Tag::TITLE => return self.start_in_head(),
            Tag::CAPTION | Tag::COLGROUP | Tag::TBODY | Tag::TFOOT | Tag::THEAD => Mode::InTable,
            Tag::COL => Mode::InColumnGroup,
            Tag::TR => Mode::InTableBody,
            Tag::TD | Tag::TH => Mode::InRow,
            _ => Mode::InBody,
        };
        if let Some(last) = self.templates.last_mut() {
            *last = mode;
        }
        self.mode = mode;
        Step::Again
    }

    pub(super) fn end_in_template(&mut self) -> Step {
        if self.tokenizer.tag == Tag::TEMPLATE {
            self.end_template();
        }
        Step::Done
    }

    /// The insertion mode that the open elements ask for.
    pub(super) fn reset_mode(&mut self) {
        const MODES: [(Tag, Mode); 13] = [
            (Tag::TD, Mode::InCell),
            (Tag::TH, Mode::InCell),
            (Tag::TR, Mode::InRow),
            (Tag::TBODY, Mode::InTableBody),
            (Tag::THEAD, Mode::InTableBody),
            (Tag::TFOOT, Mode::InTableBody),
            (Tag::CAPTION, Mode::InCaption),
            (Tag::COLGROUP, Mode::InColumnGroup),
            (Tag::TABLE, Mode::InTable),
            (Tag::TEMPLATE, Mode::InTemplate),
            (Tag::HEAD, Mode::InHead),
            (Tag::BODY, Mode::InBody),
            (Tag::FRAMESET, Mode::InFrameset),
        ];
        let open = MODES
            .iter()
            .filter_map(|(tag, mode)| Some((self.stack.find(*tag)?, *mode)));
        self.mode = match open.max_by_key(|(place, _)| *place) {
            Some((_, Mode::InTemplate)) => self.templates.last().copied().unwrap_or(Mode::InBody),
            Some((_, mode)) => mode,
            None if self.head.is_none() => Mode::BeforeHead,
            None => Mode::AfterHead,
        };
    }

    pub(super) fn start_after_body(&mut self) -> Step {
        if self.tokenizer.tag == Tag::HTML {
            return self.start_in_body();
        }
        self.mode = Mode::InBody;
        Step::Again
    }

    pub(super) fn end_after_body(&mut self) -> Step {
        if self.tokenizer.tag == Tag::HTML {
            self.mode = Mode::AfterAfterBody;
            return Step::Done;
        }
        self.mode = Mode::InBody;
        Step::Again
    }

    pub(super) fn start_in_frameset(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => return self.start_in_body(),
            Tag::FRAMESET => {
                self.insert_tag();
            }
            Tag::FRAME => self.insert_void(),
            Tag::NOFRAMES => return self.start_in_head(),
            _ => {}
        }
        Step::Done
    }

    pub(super) fn end_in_frameset(&mut self) -> Step {
        if self.tokenizer.tag == Tag::FRAMESET && self.stack.len() > 1 {
            self.pop();
            if !self.current_is(Tag::FRAMESET) {
                self.mode = Mode::AfterFrameset;
            }
        }
        Step::Done
    }

    pub(super) fn start_after_frameset(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => self.start_in_body(),
            Tag::NOFRAMES => self.start_in_head(),
            _ => Step::Done,
        }
    }

    pub(super) fn end_after_frameset(&mut self) -> Step {
        if self.tokenizer.tag == Tag::HTML {
            self.mode = Mode::AfterAfterFrameset;
        }
        Step::Done
    }
}
