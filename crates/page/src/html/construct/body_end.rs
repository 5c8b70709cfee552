//! End tags in the body.

use super::{Constructor, Mode, Step};
use crate::html::names::Tag;

const HEADINGS: [Tag; 6] = [Tag::H1, Tag::H2, Tag::H3, Tag::H4, Tag::H5, Tag::H6];

impl Constructor<'_> {
    pub(super) fn end_in_body(&mut self) -> Step {
        let tag = self.tokenizer.tag;
        match tag {
            Tag::TEMPLATE => self.end_template(),
            Tag::BODY | Tag::HTML => {
                if self.stack.in_scope(Tag::BODY) {
                    self.mode = Mode::AfterBody;
                    if tag == Tag::HTML {
                        return Step::Again;
                    }
                }
            }
            Tag::ADDRESS
            | Tag::ARTICLE
            | Tag::ASIDE
            | Tag::BLOCKQUOTE
            | Tag::BUTTON
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
            | Tag::LISTING
            | Tag::MAIN
            | Tag::MENU
            | Tag::NAV
            | Tag::OL
            | Tag::PRE
            | Tag::SEARCH
            | Tag::SECTION
            | Tag::SELECT
            | Tag::SUMMARY
            | Tag::UL => {
                if self.stack.in_scope(tag) {
                    self.pop_until(tag);
                }
            }
            Tag::FORM => self.end_form(),
            Tag::P => {
                if !self.stack.in_button_scope(Tag::P) {
                    self.insert_implied(Tag::P);
                }
                self.pop_until(Tag::P);
            }
            Tag::LI => {
                if self.stack.in_list_scope(Tag::LI) {
                    self.pop_until(Tag::LI);
                }
            }
            Tag::DD | Tag::DT => {
                if self.stack.in_scope(tag) {
                    self.pop_until(tag);
                }
            }
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => {
                let open = HEADINGS.iter().filter(|tag| self.stack.in_scope(**tag));
                if let Some(place) = open.filter_map(|tag| self.stack.find(*tag)).max() {
                    self.pop_to(place);
                }
            }
            Tag::A
            | Tag::B
            | Tag::BIG
            | Tag::CODE
            | Tag::EM
            | Tag::FONT
            | Tag::I
            | Tag::NOBR
            | Tag::S
            | Tag::SMALL
            | Tag::STRIKE
            | Tag::STRONG
            | Tag::TT
            | Tag::U => self.adopt(tag),
            Tag::APPLET | Tag::MARQUEE | Tag::OBJECT => {
                if self.stack.in_scope(tag) {
                    self.pop_until(tag);
                    self.clear_to_marker();
                }
            }
            Tag::BR => {
                self.reconstruct();
                self.insert_implied(Tag::BR);
                self.pop();
                self.frameset_ok = false;
            }
            _ => self.any_other_end(tag),
        }
        Step::Done
    }

    fn end_form(&mut self) {
        if self.stack.contains(Tag::TEMPLATE) {
            if self.stack.in_scope(Tag::FORM) {
                self.pop_until(Tag::FORM);
            }
            return;
        }
        let Some(form) = self.form.take() else {
            return;
        };
        if !self.arena.node(form).open {
            return;
        }
        let place = self.stack.place_of(form, Tag::FORM, 0);
        let Some(place) = place.filter(|place| self.stack.place_in_scope(*place)) else {
            return;
        };
        self.imply_end_tags(None);
        self.arena.set_open(form, false);
        self.stack.remove(place);
    }

    /// Closes the topmost element of this name unless a special one is above it.
    pub(super) fn any_other_end(&mut self, tag: Tag) {
        if self.stack.above_special(tag) {
            self.pop_until(tag);
        }
    }
}
