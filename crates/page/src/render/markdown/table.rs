//! Tables of data.

use crate::html::{Attr, Document, NodeId, Tag};

/// Columns that are shown; what is in later ones is added to the last.
const MAX_COLUMNS: usize = 64;

/// A row as it is written, from the first bar to the last.
#[derive(Default)]
struct Row {
    line: String,
    columns: usize,
    has_text: bool,
    /// Whether all cells are headings.
    is_head: bool,
}

impl Row {
    fn push(&mut self, content: &str) {
        if self.columns == 0 {
            self.line.push('|');
        }
        self.columns += 1;
        self.has_text |= !content.is_empty();
        self.line.push(' ');
        self.line.push_str(content);
        self.line
            .push_str(if content.is_empty() { "|" } else { " |" });
    }

    /// Adds to the last cell.
    fn append(&mut self, content: &str) {
        if !content.is_empty() {
            self.has_text = true;
            self.line.pop();
            self.line.push_str(content);
            self.line.push_str(" |");
        }
    }
}

/// Collects the cells of a table. Cells that cover several rows or columns are written once, with empty cells for the
/// rest.
#[derive(Default)]
pub(super) struct Table {
    pub(super) captions: Vec<String>,
    row: Row,
    /// The first row, if its cells are headings.
    head: Row,
    /// All other rows, which are lines already: a cell as text of its own would cost a page of empty cells its memory
    /// many times.
    body: String,
    columns: usize,
    has_rows: bool,
    /// How many more rows are covered from above, by columns.
    covered: Vec<u32>,
}

impl Table {
    pub(super) fn begin_row(&mut self) {
        // A row within a row, or cells in none.
        if self.row.columns > 0 {
            self.end_row();
        }
    }

    pub(super) fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        // What stood in the row is counted when its cells were placed; what is beyond them is passed.
        for rows in self.covered.iter_mut().skip(row.columns) {
            *rows = rows.saturating_sub(1);
        }
        if !row.has_text {
            return;
        }
        self.columns = self.columns.max(row.columns);
        if !self.has_rows && row.is_head {
            self.head = row;
        } else {
            self.body.push('\n');
            self.body.push_str(&row.line);
        }
        self.has_rows = true;
    }

    pub(super) fn cell(&mut self, document: &Document<'_>, id: NodeId, content: &str) {
        let row = &mut self.row;
        while let Some(rows) = self.covered.get_mut(row.columns).filter(|rows| **rows > 0) {
            *rows -= 1;
            row.push("");
        }
        let in_head = document
            .parent(id)
            .and_then(|row| document.parent(row))
            .is_some_and(|section| document.is(section, Tag::THEAD));
        let is_head = document.is(id, Tag::TH) || in_head;
        row.is_head = is_head && (row.is_head || row.columns == 0);
        if row.columns >= MAX_COLUMNS {
            return row.append(content);
        }
        let span = |name| {
            let value = document.attribute(id, name).unwrap_or("1");
            value.trim().parse::<u32>().unwrap_or(1)
        };
        let columns = span(Attr::COLSPAN).clamp(1, (MAX_COLUMNS - row.columns) as u32);
        // No number of rows is all that follow.
        let rows = span(Attr::ROWSPAN).wrapping_sub(1).min(65_534);
        for place in 0..columns {
            if self.covered.len() <= row.columns {
                self.covered.resize(row.columns + 1, 0);
            }
            self.covered[row.columns] = rows;
            row.push(if place == 0 { content } else { "" });
        }
    }

    /// The table in lines; empty if it has no text.
    pub(super) fn write(mut self) -> String {
        self.begin_row();
        if !self.has_rows {
            return String::new();
        }
        while self.head.columns < self.columns {
            self.head.push("");
        }
        let mut out = self.head.line;
        out.push_str("\n|");
        out.push_str(&" --- |".repeat(self.columns));
        out.push_str(&self.body);
        out
    }
}
