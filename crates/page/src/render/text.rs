//! Plain text.

use super::around::around;
use super::code::{self, Lines};
use super::math;
use super::shown::Shown;
use super::tables::Tables;
use super::tags::{Flow, flow, heading, is_preformatted};
use super::walk::{Step, Walk};
use crate::html::{Document, NodeId, Tag};
use crate::selection::is_atom;

/// What parts the text before from the text after. The greatest one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Gap {
    None,
    Space,
    Tab,
    Line,
    Paragraph,
}

/// Writes what is shown as plain text.
pub(super) fn write(document: &Document<'_>, shown: &Shown) -> String {
    let tables = Tables::survey(document, shown);
    let mut writer = Writer {
        out: String::new(),
        gap: Gap::None,
        after_break: false,
        lists: 0,
        one_line: 0,
    };
    let mut block: Option<(NodeId, Lines)> = None;
    let mut data: Vec<NodeId> = Vec::new();
    let mut walk = Walk::new(document, shown);
    while let Some(step) = walk.next() {
        if let Some((pre, lines)) = &mut block {
            match step {
                Step::Text(id) => lines.text(document.text(id).unwrap_or_default()),
                Step::Enter(_, tag) => lines.enter(tag),
                Step::Leave(id, tag) if id != *pre => lines.leave(tag),
                Step::Leave(..) => {
                    let lines = block.take().map(|(_, lines)| lines.finish());
                    writer.block(&lines.unwrap_or_default());
                }
                Step::Passed(_) => {}
            }
            continue;
        }
        match step {
            Step::Text(id) => writer.text(document.text(id).unwrap_or_default()),
            Step::Enter(id, tag) => {
                if is_atom(document, id, tag) && matches!(tag, Tag::MATH | Tag::SCRIPT) {
                    walk.pass_over();
                    if math::is_display(document, id) {
                        writer.part(Gap::Line);
                    }
                    writer.text(&math::text(document, id));
                } else if tag == Tag::BR {
                    writer.line_end();
                } else if writer.one_line == 0
                    && (is_preformatted(tag) || (tag == Tag::CODE && code::is_block(document, id)))
                {
                    writer.part(Gap::Paragraph);
                    block = Some((id, Lines::default()));
                } else {
                    if tag == Tag::TABLE && tables.is_data(id) {
                        data.push(id);
                    }
                    writer.enter(tag, !data.is_empty());
                    writer.one_line += usize::from(heading(document, id, tag).is_some());
                    if let Some((before, _)) = around(document, id, tag) {
                        writer.word(before);
                    }
                }
            }
            Step::Passed(tag) => writer.part(writer.gap_of(tag, false)),
            Step::Leave(id, tag) => {
                if let Some((_, after)) = around(document, id, tag) {
                    writer.sign(after);
                }
                writer.one_line -= usize::from(heading(document, id, tag).is_some());
                writer.leave(tag, !data.is_empty());
                if data.last() == Some(&id) {
                    data.pop();
                }
                if tag == Tag::MATH && math::is_display(document, id) {
                    writer.part(Gap::Line);
                }
            }
        }
    }
    writer.out
}

struct Writer {
    out: String,
    gap: Gap,
    /// Whether nothing has come after a `br`.
    after_break: bool,
    /// Lists around.
    lists: usize,
    /// Headings and cells of tables of data around: what they hold is one line.
    one_line: usize,
}

impl Writer {
    fn enter(&mut self, tag: Tag, in_data: bool) {
        self.part(self.gap_of(tag, in_data));
        match tag {
            Tag::UL | Tag::OL | Tag::MENU | Tag::DIR => self.lists += 1,
            Tag::TD | Tag::TH if in_data => self.one_line += 1,
            _ => {}
        }
    }

    fn leave(&mut self, tag: Tag, in_data: bool) {
        match tag {
            Tag::UL | Tag::OL | Tag::MENU | Tag::DIR => self.lists = self.lists.saturating_sub(1),
            Tag::TD | Tag::TH if in_data => self.one_line = self.one_line.saturating_sub(1),
            _ => {}
        }
        self.part(self.gap_of(tag, in_data));
    }

    fn gap_of(&self, tag: Tag, in_data: bool) -> Gap {
        let gap = match flow(tag) {
            Flow::Inline => return Gap::None,
            Flow::Apart => Gap::Space,
            Flow::Line => match tag {
                Tag::TD | Tag::TH if in_data && self.one_line == 0 => return Gap::Tab,
                _ => Gap::Line,
            },
            Flow::Paragraph => match tag {
                Tag::UL | Tag::OL | Tag::MENU | Tag::DIR if self.lists > 0 => Gap::Line,
                _ => Gap::Paragraph,
            },
        };
        if self.one_line > 0 { Gap::Space } else { gap }
    }

    fn part(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// A `br`: a line ends; two of them part paragraphs.
    fn line_end(&mut self) {
        if self.one_line > 0 {
            self.part(Gap::Space);
        } else if self.after_break {
            self.part(Gap::Paragraph);
        } else {
            self.part(Gap::Line);
            self.after_break = true;
        }
    }

    fn text(&mut self, text: &str) {
        for (place, word) in text.split(char::is_whitespace).enumerate() {
            if place > 0 {
                self.part(Gap::Space);
            }
            if word.chars().any(|c| !is_invisible(c)) {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        self.begin();
        self.push(word);
    }

    /// A sign that belongs to the word before.
    fn sign(&mut self, sign: &str) {
        if self.gap <= Gap::Space {
            self.out.push_str(sign);
        } else {
            self.word(sign);
        }
    }

    fn begin(&mut self) {
        if !self.out.is_empty() {
            self.out.push_str(match self.gap {
                Gap::None => "",
                Gap::Space => " ",
                Gap::Tab => "\t",
                Gap::Line => "\n",
                Gap::Paragraph => "\n\n",
            });
        }
        self.gap = Gap::None;
        self.after_break = false;
    }

    /// Adds a word without the signs that are not seen: soft hyphens, byte order marks.
    fn push(&mut self, word: &str) {
        if word.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.out.push_str(word);
        } else {
            self.out.extend(word.chars().filter(|c| !is_invisible(*c)));
        }
    }

    /// Adds lines as they stand, with empty lines around.
    fn block(&mut self, lines: &str) {
        if !lines.is_empty() {
            self.part(Gap::Paragraph);
            self.begin();
            self.out.push_str(lines);
        }
        self.part(Gap::Paragraph);
    }
}

/// Characters that show nothing and part nothing.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{feff}') || c.is_control()
}
