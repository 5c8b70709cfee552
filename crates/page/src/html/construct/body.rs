//! Start tags in the body.

use super::{Constructor, Mode, Step, tags};
use crate::html::document::Kind;
use crate::html::names::{Attr, Tag};
use crate::html::tokenizer;

impl Constructor<'_> {
    pub(super) fn start_in_body(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => {
                if !self.stack.contains(Tag::TEMPLATE) {
                    self.add_to_html();
                }
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
            | Tag::TITLE => return self.start_in_head(),
            Tag::BODY => {
                if self.body_is_second() && !self.stack.contains(Tag::TEMPLATE) {
                    self.frameset_ok = false;
                    self.add_to_body();
                }
            }
            Tag::FRAMESET => self.start_frameset_in_body(),
            Tag::ADDRESS
            | Tag::ARTICLE
            | Tag::ASIDE
            | Tag::BLOCKQUOTE
            | Tag::CENTER
            | Tag::DETAILS
            | Tag::DIALOG
            | Tag::DIR
            | Tag::DIV
            | Tag::DL
            | Tag::FIELDSET
            | Tag::FIGCAPTION
            | Tag::FIGURE
            | Tag::FOOTER
            | Tag::HEADER
            | Tag::HGROUP
            | Tag::MAIN
            | Tag::MENU
            | Tag::NAV
            | Tag::OL
            | Tag::P
            | Tag::SEARCH
            | Tag::SECTION
            | Tag::SUMMARY
            | Tag::UL => {
                self.close_p();
                self.insert_tag();
            }
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => {
                self.close_p();
                if self.stack.top().is_some_and(|top| top.has(tags::HEADING)) {
                    self.pop();
                }
                self.insert_tag();
            }
            Tag::PRE | Tag::LISTING => {
                self.close_p();
                self.insert_tag();
                self.drop_line_end = true;
                self.frameset_ok = false;
            }
            Tag::FORM => {
                let in_template = self.stack.contains(Tag::TEMPLATE);
                if self.form.is_none() || in_template {
                    self.close_p();
                    let form = self.insert_tag();
                    if !in_template {
                        self.form = Some(form);
                    }
                }
            }
            Tag::LI => self.start_item(&[Tag::LI]),
            Tag::DD | Tag::DT => self.start_item(&[Tag::DD, Tag::DT]),
            Tag::PLAINTEXT => {
                self.close_p();
                self.insert_tag();
                self.tokenizer.mode = tokenizer::Mode::Plaintext;
            }
            Tag::BUTTON => {
                if self.stack.in_scope(Tag::BUTTON) {
                    self.pop_until(Tag::BUTTON);
                }
                self.reconstruct();
                self.insert_tag();
                self.frameset_ok = false;
            }
            Tag::A => {
                self.close_active_link();
                self.start_formatting();
            }
            Tag::B
            | Tag::BIG
            | Tag::CODE
            | Tag::EM
            | Tag::FONT
            | Tag::I
            | Tag::S
            | Tag::SMALL
            | Tag::STRIKE
            | Tag::STRONG
            | Tag::TT
            | Tag::U => self.start_formatting(),
            Tag::NOBR => {
                self.reconstruct();
                if self.stack.in_scope(Tag::NOBR) {
                    self.adopt(Tag::NOBR);
                }
                self.start_formatting();
            }
            Tag::APPLET | Tag::MARQUEE | Tag::OBJECT => {
                self.reconstruct();
                self.insert_tag();
                self.add_marker();
                self.frameset_ok = false;
            }
            Tag::TABLE => {
                if !self.quirks {
                    self.close_p();
                }
                self.insert_tag();
                self.frameset_ok = false;
                self.mode = Mode::InTable;
            }
            Tag::AREA | Tag::BR | Tag::EMBED | Tag::IMG | Tag::KEYGEN | Tag::WBR => {
                self.reconstruct();
                self.insert_void();
                self.frameset_ok = false;
            }
            Tag::INPUT => {
                self.close_select();
                self.reconstruct();
                if !self.is_hidden_input() {
                    self.frameset_ok = false;
                }
                self.insert_void();
            }
            Tag::PARAM | Tag::SOURCE | Tag::TRACK => self.insert_void(),
            Tag::HR => {
                self.close_p();
                if self.stack.in_scope(Tag::SELECT) {
                    self.imply_end_tags(None);
                }
                self.insert_void();
                self.frameset_ok = false;
            }
            Tag::IMAGE => {
                self.tokenizer.tag = Tag::IMG;
                return Step::Again;
            }
            Tag::TEXTAREA => {
                self.drop_line_end = true;
                self.frameset_ok = false;
                return self.start_text(tokenizer::Mode::Rcdata);
            }
            Tag::XMP => {
                self.close_p();
                self.reconstruct();
                self.frameset_ok = false;
                return self.start_text(tokenizer::Mode::Rawtext);
            }
            Tag::IFRAME => {
                self.frameset_ok = false;
                return self.start_text(tokenizer::Mode::Rawtext);
            }
            Tag::NOEMBED => return self.start_text(tokenizer::Mode::Rawtext),
            Tag::SELECT => {
                if !self.close_select() {
                    self.reconstruct();
                    self.insert_tag();
                    self.frameset_ok = false;
                }
            }
            Tag::OPTION | Tag::OPTGROUP => {
                if self.stack.in_scope(Tag::SELECT) {
                    let is_option = self.tokenizer.tag == Tag::OPTION;
                    self.imply_end_tags(is_option.then_some(Tag::OPTGROUP));
                } else if self.current_is(Tag::OPTION) {
                    self.pop();
                }
                self.reconstruct();
                self.insert_tag();
            }
            Tag::RB | Tag::RTC | Tag::RP | Tag::RT => {
                if self.stack.in_scope(Tag::RUBY) {
                    let is_inner = matches!(self.tokenizer.tag, Tag::RP | Tag::RT);
                    self.imply_end_tags(is_inner.then_some(Tag::RTC));
                }
                self.insert_tag();
            }
            Tag::MATH => {
                self.reconstruct();
                self.start_foreign(Kind::MathMl);
            }
            Tag::SVG => {
                self.reconstruct();
                self.start_foreign(Kind::Svg);
            }
            Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::FRAME
            | Tag::HEAD
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR => {}
            _ => {
                self.reconstruct();
                self.insert_tag();
            }
        }
        Step::Done
    }

    pub(super) fn body_is_second(&self) -> bool {
        self.stack.get(1).is_some_and(|entry| entry.is(Tag::BODY))
    }

    fn start_frameset_in_body(&mut self) {
        if !self.frameset_ok || !self.body_is_second() {
            return;
        }
        if let Some(body) = self.stack.get(1) {
            self.arena.detach(body.node);
        }
        self.pop_to(1);
        self.insert_tag();
        self.mode = Mode::InFrameset;
    }

    /// A list item ends the one before it.
    fn start_item(&mut self, kinds: &[Tag]) {
        self.frameset_ok = false;
        // At most one of them is reached: each bars the way to what is below it.
        let open = kinds.iter().find(|tag| self.stack.open_item(**tag));
        if let Some(tag) = open {
            self.pop_until(*tag);
        }
        self.close_p();
        self.insert_tag();
    }

    fn start_formatting(&mut self) {
        self.reconstruct();
        let tag = self.tokenizer.tag;
        let node = self.insert_tag();
        self.add_active(node, tag);
    }

    /// Closes a `select` in scope; returns whether there was one.
    fn close_select(&mut self) -> bool {
        let open = self.stack.in_scope(Tag::SELECT);
        if open {
            self.pop_until(Tag::SELECT);
        }
        open
    }

    pub(super) fn is_hidden_input(&self) -> bool {
        let kind = self.tokenizer.tag_attribute(Attr::TYPE);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"))
    }
}
