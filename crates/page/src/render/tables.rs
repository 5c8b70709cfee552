//! Which tables hold data, and which only place things on the page.

use super::shown::Shown;
use super::tags::{heading, is_preformatted};
use crate::html::{Attr, Document, NodeId, Tag};

/// Columns from which a table is no table of data: nobody reads so wide a one.
const MAX_COLUMNS: usize = 100;

/// The tables of data of a page.
pub(super) struct Tables(Vec<NodeId>);

struct Open {
    table: NodeId,
    end: NodeId,
    /// The cell that is looked at.
    cell_end: NodeId,
    rows: usize,
    cells: usize,
    columns: usize,
    /// Paragraphs and lists of the cell.
    blocks: usize,
    has_heads: bool,
    is_layout: bool,
    has_prose: bool,
}

impl Tables {
    /// Looks at all tables that are shown.
    pub(super) fn survey(document: &Document<'_>, shown: &Shown) -> Tables {
        let mut data: Vec<NodeId> = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        for id in shown.iter() {
            while let Some(last) = open.pop_if(|last| last.end <= id) {
                data.extend(last.is_data().then_some(last.table));
            }
            let Some(tag) = document.tag(id) else {
                continue;
            };
            if tag == Tag::TABLE {
                if let Some(outer) = open.last_mut() {
                    outer.is_layout = true;
                }
                open.push(Open::new(document, id));
            } else if let Some(table) = open.last_mut() {
                table.look(document, id, tag);
            }
        }
        data.extend(
            open.iter()
                .filter(|last| last.is_data())
                .map(|last| last.table),
        );
        data.sort_unstable();
        Tables(data)
    }

    /// Whether a table holds data.
    pub(super) fn is_data(&self, table: NodeId) -> bool {
        self.0.binary_search(&table).is_ok()
    }
}

impl Open {
    fn new(document: &Document<'_>, table: NodeId) -> Open {
        let role = document.attribute(table, Attr::ROLE).unwrap_or_default();
        Open {
            table,
            end: document.end(table),
            cell_end: table,
            rows: 0,
            cells: 0,
            columns: 0,
            blocks: 0,
            has_heads: false,
            is_layout: matches!(role.trim(), "presentation" | "none"),
            has_prose: false,
        }
    }

    fn look(&mut self, document: &Document<'_>, id: NodeId, tag: Tag) {
        match tag {
            Tag::TR => {
                self.rows += 1;
                self.cells = 0;
            }
            Tag::TD | Tag::TH => {
                let span = document.attribute(id, Attr::COLSPAN);
                self.cells += span
                    .and_then(|span| span.trim().parse().ok())
                    .unwrap_or(1)
                    .clamp(1, 1000);
                self.columns = self.columns.max(self.cells);
                self.has_heads |= tag == Tag::TH;
                self.blocks = 0;
                self.cell_end = document.end(id);
            }
            Tag::THEAD | Tag::CAPTION => self.has_heads = true,
            Tag::HR | Tag::FIGURE | Tag::BLOCKQUOTE => self.is_layout = true,
            Tag::P | Tag::UL | Tag::OL | Tag::DL if id < self.cell_end => {
                self.blocks += 1;
                self.has_prose |= self.blocks > 1 || tag != Tag::P;
            }
            _ if is_preformatted(tag) || heading(document, id, tag).is_some() => {
                self.is_layout = true;
            }
            _ => {}
        }
    }

    fn is_data(&self) -> bool {
        let is_grid = self.rows > 1 && (self.columns > 1 || self.has_heads);
        is_grid
            && !self.is_layout
            && self.columns <= MAX_COLUMNS
            && (self.has_heads || !self.has_prose)
    }
}
