//! Tables.

use super::{Constructor, Mode, Step};
use crate::html::names::Tag;

const BODIES: [Tag; 3] = [Tag::TBODY, Tag::TFOOT, Tag::THEAD];

impl Constructor<'_> {
    pub(super) fn start_in_table(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::CAPTION => {
                self.clear_to_table();
                self.add_marker();
                self.insert_tag();
                self.mode = Mode::InCaption;
            }
            Tag::COLGROUP => {
                self.clear_to_table();
                self.insert_tag();
                self.mode = Mode::InColumnGroup;
            }
            Tag::COL => {
                self.clear_to_table();
                self.insert_implied(Tag::COLGROUP);
                self.mode = Mode::InColumnGroup;
                return Step::Again;
            }
            Tag::TBODY | Tag::TFOOT | Tag::THEAD => {
                self.clear_to_table();
                self.insert_tag();
                self.mode = Mode::InTableBody;
            }
            Tag::TD | Tag::TH | Tag::TR => {
                self.clear_to_table();
                self.insert_implied(Tag::TBODY);
                self.mode = Mode::InTableBody;
                return Step::Again;
            }
            Tag::TABLE => {
                if self.close_table() {
                    return Step::Again;
                }
            }
            Tag::STYLE | Tag::SCRIPT | Tag::TEMPLATE => return self.start_in_head(),
            Tag::INPUT if self.is_hidden_input() => self.insert_void(),
            Tag::FORM => {
                if self.form.is_none() && !self.stack.contains(Tag::TEMPLATE) {
                    self.form = Some(self.insert_tag());
                    self.pop();
                }
            }
            _ => {
                self.foster = true;
                let step = self.start_in_body();
                self.foster = false;
                return step;
            }
        }
        Step::Done
    }

    pub(super) fn end_in_table(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::TABLE => {
                self.close_table();
            }
            Tag::BODY
            | Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::HTML
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR => {}
            Tag::TEMPLATE => self.end_template(),
            _ => {
                self.foster = true;
                let step = self.end_in_body();
                self.foster = false;
                return step;
            }
        }
        Step::Done
    }

    /// Closes the table that is open here; returns whether there was one.
    fn close_table(&mut self) -> bool {
        let open = self.stack.in_table_scope(Tag::TABLE);
        if open {
            self.pop_until(Tag::TABLE);
            self.reset_mode();
        }
        open
    }

    fn clear_to_table(&mut self) {
        self.clear_back_to(&[Tag::TABLE, Tag::TEMPLATE]);
    }

    pub(super) fn start_in_caption(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR => self.close_caption(Step::Again),
            _ => self.start_in_body(),
        }
    }

    pub(super) fn end_in_caption(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::CAPTION => self.close_caption(Step::Done),
            Tag::TABLE => self.close_caption(Step::Again),
            Tag::BODY
            | Tag::COL
            | Tag::COLGROUP
            | Tag::HTML
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR => Step::Done,
            _ => self.end_in_body(),
        }
    }

    /// Closes the caption; returns `step` if there was one.
    fn close_caption(&mut self, step: Step) -> Step {
        if !self.stack.in_table_scope(Tag::CAPTION) {
            return Step::Done;
        }
        self.pop_until(Tag::CAPTION);
        self.clear_to_marker();
        self.mode = Mode::InTable;
        step
    }

    pub(super) fn start_in_column_group(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::HTML => self.start_in_body(),
            Tag::COL => {
                self.insert_void();
                Step::Done
            }
            Tag::TEMPLATE => self.start_in_head(),
            _ => self.leave_column_group(Step::Again),
        }
    }

    pub(super) fn end_in_column_group(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::COLGROUP => self.leave_column_group(Step::Done),
            Tag::COL => Step::Done,
            Tag::TEMPLATE => {
                self.end_template();
                Step::Done
            }
            _ => self.leave_column_group(Step::Again),
        }
    }

    fn leave_column_group(&mut self, step: Step) -> Step {
        if !self.current_is(Tag::COLGROUP) {
            return Step::Done;
        }
        self.pop();
        self.mode = Mode::InTable;
        step
    }

    pub(super) fn start_in_table_body(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::TR => {
                self.clear_to_body();
                self.insert_tag();
                self.mode = Mode::InRow;
                Step::Done
            }
            Tag::TH | Tag::TD => {
                self.clear_to_body();
                self.insert_implied(Tag::TR);
                self.mode = Mode::InRow;
                Step::Again
            }
            Tag::CAPTION | Tag::COL | Tag::COLGROUP | Tag::TBODY | Tag::TFOOT | Tag::THEAD => {
                self.close_table_body()
            }
            _ => self.start_in_table(),
        }
    }

    pub(super) fn end_in_table_body(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::TBODY | Tag::TFOOT | Tag::THEAD => {
                if self.stack.in_table_scope(self.tokenizer.tag) {
                    self.clear_to_body();
                    self.pop();
                    self.mode = Mode::InTable;
                }
                Step::Done
            }
            Tag::TABLE => self.close_table_body(),
            Tag::BODY
            | Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::HTML
            | Tag::TD
            | Tag::TH
            | Tag::TR => Step::Done,
            _ => self.end_in_table(),
        }
    }

    fn clear_to_body(&mut self) {
        self.clear_back_to(&[Tag::TBODY, Tag::TFOOT, Tag::THEAD, Tag::TEMPLATE]);
    }

    /// Closes the table's body for what is none of its content.
    fn close_table_body(&mut self) -> Step {
        if !BODIES.iter().any(|tag| self.stack.in_table_scope(*tag)) {
            return Step::Done;
        }
        self.clear_to_body();
        self.pop();
        self.mode = Mode::InTable;
        Step::Again
    }

    pub(super) fn start_in_row(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::TH | Tag::TD => {
                self.clear_to_row();
                self.insert_tag();
                self.mode = Mode::InCell;
                self.add_marker();
                Step::Done
            }
            Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::TBODY
            | Tag::TFOOT
            | Tag::THEAD
            | Tag::TR => self.close_row(Step::Again),
            _ => self.start_in_table(),
        }
    }

    pub(super) fn end_in_row(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::TR => self.close_row(Step::Done),
            Tag::TABLE => self.close_row(Step::Again),
            Tag::TBODY | Tag::TFOOT | Tag::THEAD => {
                if self.stack.in_table_scope(self.tokenizer.tag) {
                    self.close_row(Step::Again)
                } else {
                    Step::Done
                }
            }
            Tag::BODY | Tag::CAPTION | Tag::COL | Tag::COLGROUP | Tag::HTML | Tag::TD | Tag::TH => {
                Step::Done
            }
            _ => self.end_in_table(),
        }
    }

    fn clear_to_row(&mut self) {
        self.clear_back_to(&[Tag::TR, Tag::TEMPLATE]);
    }

    /// Closes the row; returns `step` if there was one.
    fn close_row(&mut self, step: Step) -> Step {
        if !self.stack.in_table_scope(Tag::TR) {
            return Step::Done;
        }
        self.clear_to_row();
        self.pop();
        self.mode = Mode::InTableBody;
        step
    }

    pub(super) fn start_in_cell(&mut self) -> Step {
        match self.tokenizer.tag {
            Tag::CAPTION
            | Tag::COL
            | Tag::COLGROUP
            | Tag::TBODY
            | Tag::TD
            | Tag::TFOOT
            | Tag::TH
            | Tag::THEAD
            | Tag::TR => self.close_cell(),
            _ => self.start_in_body(),
        }
    }

    pub(super) fn end_in_cell(&mut self) -> Step {
        let tag = self.tokenizer.tag;
        match tag {
            Tag::TD | Tag::TH => {
                if self.stack.in_table_scope(tag) {
                    self.pop_until(tag);
                    self.clear_to_marker();
                    self.mode = Mode::InRow;
                }
                Step::Done
            }
            Tag::BODY | Tag::CAPTION | Tag::COL | Tag::COLGROUP | Tag::HTML => Step::Done,
            Tag::TABLE | Tag::TBODY | Tag::TFOOT | Tag::THEAD | Tag::TR => {
                if self.stack.in_table_scope(tag) {
                    self.close_cell()
                } else {
                    Step::Done
                }
            }
            _ => self.end_in_body(),
        }
    }

    fn close_cell(&mut self) -> Step {
        let cell = self.stack.find(Tag::TD).max(self.stack.find(Tag::TH));
        let Some(cell) = cell else {
            return Step::Done;
        };
        self.pop_to(cell);
        self.clear_to_marker();
        self.mode = Mode::InRow;
        Step::Again
    }
}
