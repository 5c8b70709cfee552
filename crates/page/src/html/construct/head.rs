//! What comes before the body.

use super::stack::Entry;
use super::{Constructor, Mode, Step, tags};
use crate::html::document::Kind;
use crate::html::names::Tag;
use crate::html::tokenizer;

impl Constructor<'_> {
    pub(super) fn imply_html(&mut self) {
        self.insert_implied(Tag::HTML);
        self.mode = Mode::BeforeHead;
    }

    pub(super) fn imply_head(&mut self) {
        self.head = Some(self.insert_implied(Tag::HEAD));
        self.mode = Mode::InHead;
    }

    pub(super) fn leave_head(&mut self) {
        self.pop();
        self.mode = Mode::AfterHead;
    }

    pub(super) fn imply_body(&mut self) {
        self.insert_implied(Tag::BODY);
        self.mode = Mode::InBody;
    }

    pub(super) fn start_before_html(&mut self) -> Step {
        if self.tokenizer.tag == Tag::HTML {
            self.insert_tag();
            self.mode = Mode::BeforeHead;
            return Step::Done;
        }
        self.imply_html();
        Step::Again
    }

    pub(super) fn end_before_html(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HEAD | Tag::BODY | Tag::HTML | Tag::BR => {
                self.imply_html();
                Step::Again
            }
            _ => Step::Done,
        }
    }

    pub(super) fn start_before_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => self.start_in_body(),
            Tag::HEAD => {
                self.head = Some(self.insert_tag());
                self.mode = Mode::InHead;
                Step::Done
            }
            _ => {
                self.imply_head();
                Step::Again
            }
        }
    }

    pub(super) fn end_before_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HEAD | Tag::BODY | Tag::HTML | Tag::BR => {
                self.imply_head();
                Step::Again
            }
            _ => Step::Done,
        }
    }

    pub(super) fn start_in_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => return self.start_in_body(),
            Tag::BASE | Tag::BASEFONT | Tag::BGSOUND | Tag::LINK | Tag::META => self.insert_void(),
            Tag::TITLE => return self.start_text(tokenizer::Mode::Rcdata),
            Tag::NOSCRIPT => {
                self.insert_tag();
                self.mode = Mode::InHeadNoscript;
            }
            Tag::NOFRAMES | Tag::STYLE => return self.start_text(tokenizer::Mode::Rawtext),
            Tag::SCRIPT => return self.start_text(tokenizer::Mode::Script),
            Tag::TEMPLATE => {
                self.insert_tag();
                self.add_marker();
                self.frameset_ok = false;
                self.mode = Mode::InTemplate;
                self.templates.push(Mode::InTemplate);
            }
            Tag::HEAD => {}
            _ => {
                self.leave_head();
                return Step::Again;
            }
        }
        Step::Done
    }

    pub(super) fn end_in_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HEAD => self.leave_head(),
            Tag::BODY | Tag::HTML | Tag::BR => {
                self.leave_head();
                return Step::Again;
            }
            Tag::TEMPLATE => self.end_template(),
            _ => {}
        }
        Step::Done
    }

    pub(super) fn start_in_noscript(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => self.start_in_body(),
            Tag::BASEFONT | Tag::BGSOUND | Tag::LINK | Tag::META | Tag::NOFRAMES | Tag::STYLE => {
                self.start_in_head()
            }
            Tag::HEAD | Tag::NOSCRIPT => Step::Done,
            _ => {
                self.pop();
                self.mode = Mode::InHead;
                Step::Again
            }
        }
    }

    pub(super) fn end_in_noscript(&mut self) -> Step {
        let tag = self.tokenizer.tag;
        if !matches!(tag, Tag::NOSCRIPT | Tag::BR) {
            return Step::Done;
        }
        self.pop();
        self.mode = Mode::InHead;
        if tag == Tag::BR {
            Step::Again
        } else {
            Step::Done
        }
    }

    pub(super) fn start_after_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => return self.start_in_body(),
            Tag::BODY => {
                self.insert_tag();
                self.frameset_ok = false;
                self.mode = Mode::InBody;
            }
            Tag::FRAMESET => {
                self.insert_tag();
                self.mode = Mode::InFrameset;
            }
            Tag::BASE
            | Tag::BASEFONT
            | Tag::BGSOUND
            | Tag::LINK
            | Tag::META
            | Tag::NOFRAMES
            | Tag::SCRIPT
            | Tag::STYLE
            | Tag::TEMPLATE
            | Tag::TITLE => self.start_late_in_head(),
            Tag::HEAD => {}
            _ => {
                self.imply_body();
                return Step::Again;
            }
        }
        Step::Done
    }

    /// What belongs in the head goes there, although the head is closed.
    fn start_late_in_head(&mut self) {
        let Some(head) = self.head else {
            return;
        };
        let place = self.stack.len();
        let flags = tags::flags(Tag::HEAD);
        self.stack
            .push(Entry::new(head, Tag::HEAD, Kind::Html, flags));
        self.start_in_head();
        self.stack.remove(place);
    }

    pub(super) fn end_after_head(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::BODY | Tag::HTML | Tag::BR => {
                self.imply_body();
                Step::Again
            }
            Tag::TEMPLATE => {
                self.end_template();
                Step::Done
            }
            _ => Step::Done,
        }
    }

    pub(super) fn end_template(&mut self) {
        if !self.stack.contains(Tag::TEMPLATE) {
            return;
        }
        self.pop_until(Tag::TEMPLATE);
        self.clear_to_marker();
        self.templates.pop();
        self.reset_mode();
    }

    /// The page is over: what it lacks is added.
    pub(super) fn end_of_file(&mut self) {
        loop {
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
                Mode::Text => {
                    self.pop();
                    self.mode = self.original;
                }
                _ if self.stack.contains(Tag::TEMPLATE) => self.end_template(),
                _ => return,
            }
        }
    }
}
