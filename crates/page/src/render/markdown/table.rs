//! Tables of data.

use crate::html::{Attr, Document, NodeId, Tag};

/// Columns that are shown; what is in later ones is added to the last.
const MAX_COLUMNS: usize = 64;

#[derive(Default)]
struct Row {
    cells: Vec<String>,
    /// Whether all cells are headings.
    is_head: bool,
}

/// Collects the cells of a table. Cells that cover several rows or columns are written once, with empty cells for the
/// rest.
#[derive(Default)]
pub(super) struct Table {
    pub(super) captions: Vec<String>,
    rows: Vec<Row>,
    /// How many more rows are covered from above, by columns.
    covered: Vec<u32>,
}

impl Table {
    pub(super) fn begin_row(&mut self) {
        self.rows.push(Row {
            cells: Vec::new(),
            is_head: true,
        });
    }

    pub(super) fn end_row(&mut self) {
        if let Some(row) = self.rows.last()
            && row.cells.is_empty()
        {
            self.rows.pop();
        }
        // What stood in the row is counted when its cells were placed; what is beyond them is passed.
        let placed = self.rows.last().map_or(0, |row| row.cells.len());
        for rows in self.covered.iter_mut().skip(placed) {
            *rows = rows.saturating_sub(1);
        }
    }

    pub(super) fn cell(&mut self, document: &Document<'_>, id: NodeId, content: String) {
        if self.rows.is_empty() {
            self.begin_row();
        }
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        while let Some(rows) = self
            .covered
            .get_mut(row.cells.len())
            .filter(|rows| **rows > 0)
        {
            *rows -= 1;
            row.cells.push(String::new());
        }
        let in_head = document
            .parent(id)
            .and_then(|row| document.parent(row))
            .is_some_and(|section| document.is(section, Tag::THEAD));
        row.is_head &= document.is(id, Tag::TH) || in_head;
        if row.cells.len() >= MAX_COLUMNS {
            if let Some(last) = row.cells.last_mut().filter(|_| !content.is_empty()) {
                last.extend((!last.is_empty()).then_some(' '));
                last.push_str(&content);
            }
            return;
        }
        let span = |name| {
            let value = document.attribute(id, name).unwrap_or("1");
            value.trim().parse::<u32>().unwrap_or(1)
        };
        let columns = span(Attr::COLSPAN).clamp(1, (MAX_COLUMNS - row.cells.len()) as u32);
        // No number of rows is all that follow.
        let rows = span(Attr::ROWSPAN).wrapping_sub(1).min(65_534);
        let mut content = Some(content);
        for _ in 0..columns {
            let column = row.cells.len();
            if self.covered.len() <= column {
                self.covered.resize(column + 1, 0);
            }
            self.covered[column] = rows;
            row.cells.push(content.take().unwrap_or_default());
        }
    }

    /// The table in lines; empty if it has no text.
    pub(super) fn write(self) -> String {
        let is_empty = |row: &Row| row.cells.iter().all(String::is_empty);
        let mut rows = self.rows;
        rows.retain(|row| !is_empty(row));
        let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        if columns == 0 {
            return String::new();
        }
        let has_head = rows.first().is_some_and(|row| row.is_head);
        let mut rows = rows.into_iter();
        let mut head = match has_head {
            true => rows.next().map(|row| row.cells).unwrap_or_default(),
            false => Vec::new(),
        };
        head.resize(columns, String::new());
        let mut out = String::new();
        line(&mut out, &head);
        out.push_str("\n|");
        out.push_str(&" --- |".repeat(columns));
        for row in rows {
            out.push('\n');
            line(&mut out, &row.cells);
        }
        out
    }
}

fn line(out: &mut String, cells: &[String]) {
    out.push('|');
    for cell in cells {
        out.push(' ');
        out.push_str(cell);
        out.push_str(if cell.is_empty() { "|" } else { " |" });
    }
}
