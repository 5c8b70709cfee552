//! The walk that makes Markdown.

use super::inline::{Inline, Kind, Mark, Scope};
use super::lines::Lines;
use super::role::{Role, role};
use super::table::Table;
use crate::html::{Attr, Document, NodeId, Tag};
use crate::render::around::around;
use crate::render::base::Base;
use crate::render::image::{Images, alt};
use crate::render::shown::Shown;
use crate::render::tables::Tables;
use crate::render::tags::{Flow, flow, is_preformatted};
use crate::render::walk::{Step, Walk};
use crate::render::{code, math};
use crate::selection::is_atom;

/// What is undone when an element ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    Nothing,
    Space,
    Block,
    Scope,
    Label(bool),
    Heading(u8),
    Quote,
    List,
    Item,
    Table,
    Caption,
    Row,
    Cell,
}

struct Writer<'a, 'h> {
    document: &'a Document<'h>,
    base: &'a Base,
    images: Images,
    data: Tables,
    lines: Lines,
    inline: Inline,
    /// Headings and cells around: what they hold is one line.
    one_line: usize,
    tables: Vec<Table>,
    /// The next child and its number, for each list around.
    numbers: Vec<(Option<NodeId>, u32)>,
    undo: Vec<Undo>,
}

pub(super) fn write(document: &Document<'_>, shown: &Shown, base: &Base) -> String {
    let mut writer = Writer {
        document,
        base,
        images: Images::new(document),
        data: Tables::survey(document, shown),
        lines: Lines::new(),
        inline: Inline::new(),
        one_line: 0,
        tables: Vec::new(),
        numbers: Vec::new(),
        undo: Vec::new(),
    };
    let mut code: Option<(NodeId, code::Lines)> = None;
    let mut walk = Walk::new(document, shown);
    while let Some(step) = walk.next() {
        if let Some((pre, lines)) = &mut code {
            match step {
                Step::Text(id) => lines.text(document.text(id).unwrap_or_default()),
                Step::Enter(_, tag) => lines.enter(tag),
                Step::Leave(id, tag) if id != *pre => lines.leave(tag),
                Step::Leave(id, _) => {
                    let lines = code.take().map(|(_, lines)| lines.finish());
                    writer.code(id, &lines.unwrap_or_default());
                }
                Step::Passed(_) => {}
            }
            continue;
        }
        match step {
            Step::Text(id) => writer.inline.text(document.text(id).unwrap_or_default()),
            Step::Enter(id, tag) => {
                let is_code =
                    is_preformatted(tag) || (tag == Tag::CODE && code::is_block(document, id));
                if is_code && writer.one_line == 0 {
                    writer.flush();
                    code = Some((id, code::Lines::default()));
                } else if is_atom(document, id, tag) && matches!(tag, Tag::MATH | Tag::SCRIPT) {
                    walk.pass_over();
                    writer.formula(id);
                } else {
                    writer.enter(id, tag);
                }
            }
            Step::Passed(tag) if flow(tag) == Flow::Apart => writer.inline.space(),
            Step::Passed(_) => writer.flush(),
            Step::Leave(id, tag) => writer.leave(id, tag),
        }
    }
    writer.flush();
    writer.lines.finish()
}

impl Writer<'_, '_> {
    /// Ends the paragraph, or parts words where there is but one line.
    fn flush(&mut self) {
        if self.one_line > 0 {
            self.inline.space();
            return;
        }
        let text = self.inline.finish(Kind::Paragraph);
        if !text.is_empty() {
            self.lines.paragraph(&text);
        }
    }

    fn code(&mut self, id: NodeId, code: &str) {
        if !code.is_empty() {
            let language = code::language(self.document, id).unwrap_or_default();
            self.lines.code(language, code);
        }
    }

    fn formula(&mut self, id: NodeId) {
        let is_display = math::is_display(self.document, id);
        if is_display {
            self.flush();
        }
        self.inline.text(&math::text(self.document, id));
        self.undo.push(if is_display {
            Undo::Block
        } else {
            Undo::Nothing
        });
    }

    fn enter(&mut self, id: NodeId, tag: Tag) {
        let role = role(self.document, id, tag);
        let undo = self.begin(id, role);
        self.undo.push(undo);
        if let Some((before, _)) = around(self.document, id, tag) {
            self.inline.text(before);
        }
    }

    fn leave(&mut self, id: NodeId, tag: Tag) {
        if let Some((_, after)) = around(self.document, id, tag) {
            self.inline.sign(after);
        }
        let undo = self.undo.pop().unwrap_or(Undo::Nothing);
        self.end(id, undo);
    }

    fn begin(&mut self, id: NodeId, role: Role) -> Undo {
        match role {
            Role::None | Role::Formula => Undo::Nothing,
            Role::Apart => {
                self.inline.space();
                Undo::Space
            }
            Role::Block => self.block(),
            Role::Label => {
                self.flush();
                Undo::Label(self.inline.open(Scope::Mark(Mark::Strong)))
            }
            Role::Heading(level) => {
                self.flush();
                self.one_line += 1;
                if self.one_line == 1 {
                    Undo::Heading(level)
                } else {
                    Undo::Heading(0)
                }
            }
            Role::Mark(mark) => self.scope(Some(Scope::Mark(mark))),
            Role::Code => self.scope(Some(Scope::Code)),
            Role::Link => {
                let href = self.document.attribute(id, Attr::HREF);
                let url = href.and_then(|href| self.base.resolve(href));
                self.scope(url.map(Scope::Link))
            }
            Role::Image => {
                let source = self.images.source(self.document, id);
                if let Some(url) = source.and_then(|source| self.base.resolve(source)) {
                    self.inline
                        .image(alt(self.document, id).unwrap_or_default(), url);
                }
                Undo::Nothing
            }
            Role::Break => {
                if self.one_line > 0 {
                    self.inline.space();
                } else if self.inline.line_end() {
                    self.flush();
                }
                Undo::Nothing
            }
            Role::Rule => {
                self.flush();
                if self.one_line == 0 {
                    self.lines.rule();
                }
                Undo::Nothing
            }
            _ if self.one_line > 0 && !matches!(role, Role::Cell | Role::Row | Role::Caption) => {
                self.block()
            }
            Role::Quote => {
                self.flush();
                self.lines.begin_quote();
                Undo::Quote
            }
            Role::List => {
                self.flush();
                let is_ordered = self.document.is(id, Tag::OL);
                let start = self.document.attribute(id, Attr::START).and_then(number);
                self.lines.begin_list(is_ordered);
                self.numbers
                    .push((self.document.first_child(id), start.unwrap_or(1)));
                Undo::List
            }
            Role::Item => {
                self.flush();
                match self.number(id) {
                    Some(number) => {
                        self.lines.begin_item(number);
                        Undo::Item
                    }
                    None => Undo::Block,
                }
            }
            Role::Table => {
                self.flush();
                if self.data.is_data(id) {
                    self.tables.push(Table::default());
                    Undo::Table
                } else {
                    Undo::Block
                }
            }
            Role::Row | Role::Cell | Role::Caption => self.part_of_table(role),
        }
    }

    fn part_of_table(&mut self, role: Role) -> Undo {
        let Some(table) = self.tables.last_mut().filter(|_| self.one_line == 0) else {
            return self.block();
        };
        match role {
            Role::Row => {
                table.begin_row();
                Undo::Row
            }
            Role::Cell => {
                self.one_line += 1;
                Undo::Cell
            }
            _ => {
                self.one_line += 1;
                Undo::Caption
            }
        }
    }

    fn end(&mut self, id: NodeId, undo: Undo) {
        match undo {
            Undo::Nothing => {}
            Undo::Space => self.inline.space(),
            Undo::Block => self.flush(),
            Undo::Scope => self.inline.close(),
            Undo::Label(is_strong) => {
                if is_strong {
                    self.inline.close();
                }
                self.flush();
            }
            Undo::Heading(level) => {
                self.one_line -= 1;
                if self.one_line > 0 || level == 0 {
                    return self.inline.space();
                }
                let text = self.inline.finish(Kind::Heading);
                if !text.is_empty() {
                    self.lines.heading(level, &text);
                }
            }
            Undo::Quote => {
                self.flush();
                self.lines.end_quote();
            }
            Undo::List => {
                self.flush();
                self.numbers.pop();
                self.lines.end_list();
            }
            Undo::Item => {
                self.flush();
                self.lines.end_item();
            }
            Undo::Table => self.table(id),
            Undo::Row => {
                self.loose_cell(id);
                if let Some(table) = self.tables.last_mut() {
                    table.end_row();
                }
            }
            Undo::Cell | Undo::Caption => {
                self.one_line -= 1;
                let kind = if undo == Undo::Cell {
                    Kind::Cell
                } else {
                    Kind::Paragraph
                };
                let text = self.inline.finish(kind);
                if let Some(table) = self.tables.last_mut() {
                    match undo {
                        Undo::Cell => table.cell(self.document, id, &text),
                        _ => table.captions.push(text),
                    }
                }
            }
        }
    }

    /// What stands in a table or a row and in no cell.
    fn loose_cell(&mut self, id: NodeId) {
        let text = self.inline.finish(Kind::Cell);
        if let Some(table) = self.tables.last_mut().filter(|_| !text.is_empty()) {
            table.cell(self.document, id, &text);
        }
    }

    fn table(&mut self, id: NodeId) {
        self.loose_cell(id);
        let Some(mut table) = self.tables.pop() else {
            return;
        };
        for caption in std::mem::take(&mut table.captions) {
            if !caption.is_empty() {
                self.lines.paragraph(&caption);
            }
        }
        let lines = table.write();
        if !lines.is_empty() {
            self.lines.verbatim(&lines);
        }
    }

    fn block(&mut self) -> Undo {
        self.flush();
        Undo::Block
    }

    fn scope(&mut self, scope: Option<Scope>) -> Undo {
        if scope.is_some_and(|scope| self.inline.open(scope)) {
            Undo::Scope
        } else {
            Undo::Nothing
        }
    }

    /// The number of an item in its list; `None` if it is in none.
    fn number(&mut self, item: NodeId) -> Option<u32> {
        let document = self.document;
        let (next, number_of_next) = self.numbers.last_mut()?;
        if !matches!(next, Some(child) if document.parent(*child) == document.parent(item)) {
            let number = *number_of_next;
            *number_of_next = number.saturating_add(1);
            return Some(number.min(MAX_NUMBER));
        }
        while let Some(child) = *next {
            let mut its = *number_of_next;
            if document.is(child, Tag::LI) {
                let value = document.attribute(child, Attr::VALUE).and_then(number);
                its = value.unwrap_or(its);
                *number_of_next = its.saturating_add(1);
            }
            *next = document.next_sibling(child);
            if child >= item {
                return Some(its.min(MAX_NUMBER));
            }
        }
        Some((*number_of_next).min(MAX_NUMBER))
    }
}

/// The greatest number of an item that CommonMark reads.
const MAX_NUMBER: u32 = 999_999_999;

/// A number of an item. Those below 0 cannot be written.
fn number(value: &str) -> Option<u32> {
    value.trim().parse().ok()
}
