//! From tags and text to the tree: tree construction of the HTML standard, with scripting off.
//!
//! What differs from the standard: nesting beyond [`MAX_DEPTH`] is laid side by side, as browsers do; at most 64
//! formatting elements stay active at once, and their end tags reach over at most 128 open elements; the contents of a
//! `template` are its children; `selectedcontent` stays as it is.

mod body;
mod body_end;
mod foreign;
mod formatting;
mod head;
mod insert;
mod other;
mod quirks;
mod root;
mod stack;
mod table;
mod tags;
mod text;

use super::arena::{Arena, Id};
use super::document::{Document, Kind, Names, Text};
use super::names::Tag;
use super::tokenizer::{self, Token, Tokenizer};
use formatting::Active;
use root::RootAttributes;
use stack::Stack;

/// How deep open elements are nested in the tree: the limit of browsers. More may be open.
pub const MAX_DEPTH: usize = 512;

/// The insertion modes of the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Initial,
    BeforeHtml,
    BeforeHead,
    InHead,
    InHeadNoscript,
    AfterHead,
    InBody,
    Text,
    InTable,
    InTableText,
    InCaption,
    InColumnGroup,
    InTableBody,
    InRow,
    InCell,
    InTemplate,
    AfterBody,
    InFrameset,
    AfterFrameset,
    AfterAfterBody,
    AfterAfterFrameset,
}

/// What becomes of a token after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is done with.
    Done,
    /// It is processed again by the insertion mode there is now.
    Again,
}

/// Builds the tree of a page.
pub(super) struct Constructor<'h> {
    tokenizer: Tokenizer<'h>,
    arena: Arena,
    stack: Stack,
    active: Vec<Active>,
    mode: Mode,
    /// The mode after text.
    original: Mode,
    templates: Vec<Mode>,
    head: Option<Id>,
    form: Option<Id>,
    frameset_ok: bool,
    quirks: bool,
    /// Whether content goes before the table that is open.
    foster: bool,
    /// Whether a line end is dropped if it comes next.
    drop_line_end: bool,
    table_text: Vec<Text>,
    html_attributes: RootAttributes,
    body_attributes: RootAttributes,
    /// The last element that was inserted beyond the deepest level.
    flattened: Id,
}

impl<'h> Constructor<'h> {
    pub(super) fn new(source: &'h str) -> Constructor<'h> {
        Constructor {
            tokenizer: Tokenizer::new(source),
            arena: Arena::new(source.len()),
            stack: Stack::default(),
            active: Vec::new(),
            mode: Mode::Initial,
            original: Mode::Initial,
            templates: Vec::new(),
            head: None,
            form: None,
            frameset_ok: true,
            quirks: false,
            foster: false,
            drop_line_end: false,
            table_text: Vec::new(),
            html_attributes: RootAttributes::default(),
            body_attributes: RootAttributes::default(),
            flattened: 0,
        }
    }

    /// Reads the page. Stops when the tree has more than `most` nodes; returns how many it has then.
    pub(super) fn run(&mut self, most: usize) -> Result<(), usize> {
        loop {
            let token = self.tokenizer.next(self.in_foreign());
            if !matches!(token, Token::Text { .. }) {
                self.drop_line_end = false;
                if self.mode == Mode::InTableText {
                    self.flush_table_text();
                }
            }
            match token {
                Token::Text { text, nulls } => self.text(text, nulls),
                Token::Start => self.start(),
                Token::End => self.end(),
                Token::Comment(text) => self.comment(text),
                Token::Doctype(doctype) => {
                    if self.mode == Mode::Initial {
                        self.quirks = quirks::is_quirky(&doctype);
                        self.mode = Mode::BeforeHtml;
                    }
                }
                Token::EndOfFile => {
                    self.end_of_file();
                    return Ok(());
                }
            }
            if self.arena.len() > most {
                return Err(self.arena.len());
            }
        }
    }

    /// The document.
    pub(super) fn finish(mut self) -> Document<'h> {
        self.finish_root_attributes();
        let Tokenizer {
            source,
            mut decoded,
            attributes,
            tag_names,
            attribute_names,
            ..
        } = self.tokenizer;
        let nodes = self.arena.finish(source, &mut decoded);
        Document {
            source,
            decoded,
            nodes,
            attributes,
            names: Names {
                tags: tag_names.into_others(),
                attributes: attribute_names.into_others(),
            },
        }
    }

    /// Whether the current node is SVG or MathML.
    #[inline]
    fn in_foreign(&self) -> bool {
        self.stack.top().is_some_and(|top| top.kind != Kind::Html)
    }

    /// Whether the current node is the HTML element of this name.
    fn current_is(&self, tag: Tag) -> bool {
        self.stack.top().is_some_and(|top| top.is(tag))
    }

    #[inline]
    fn start(&mut self) {
        let mut broke_out = false;
        loop {
            if self.in_foreign() && !broke_out && !self.starts_html() {
                if self.start_in_foreign() == Step::Done {
                    return;
                }
                broke_out = true;
            }
            let step = match self.mode {
                Mode::InBody => self.start_in_body(),
                Mode::Initial => {
                    self.quirks = true;
                    self.mode = Mode::BeforeHtml;
                    Step::Again
                }
                Mode::BeforeHtml => self.start_before_html(),
                Mode::BeforeHead => self.start_before_head(),
                Mode::InHead => self.start_in_head(),
                Mode::InHeadNoscript => self.start_in_noscript(),
                Mode::AfterHead => self.start_after_head(),
                Mode::Text | Mode::InTableText => Step::Done,
                Mode::InTable => self.start_in_table(),
                Mode::InCaption => self.start_in_caption(),
                Mode::InColumnGroup => self.start_in_column_group(),
                Mode::InTableBody => self.start_in_table_body(),
                Mode::InRow => self.start_in_row(),
                Mode::InCell => self.start_in_cell(),
                Mode::InTemplate => self.start_in_template(),
                Mode::AfterBody | Mode::AfterAfterBody => self.start_after_body(),
                Mode::InFrameset => self.start_in_frameset(),
                Mode::AfterFrameset | Mode::AfterAfterFrameset => self.start_after_frameset(),
            };
            if step == Step::Done {
                return;
            }
        }
    }

    #[inline]
    fn end(&mut self) {
        if self.in_foreign() && self.end_in_foreign() == Step::Done {
            return;
        }
        loop {
            let step = match self.mode {
                Mode::InBody => self.end_in_body(),
                Mode::Initial => {
                    self.quirks = true;
                    self.mode = Mode::BeforeHtml;
                    Step::Again
                }
                Mode::BeforeHtml => self.end_before_html(),
                Mode::BeforeHead => self.end_before_head(),
                Mode::InHead => self.end_in_head(),
                Mode::InHeadNoscript => self.end_in_noscript(),
                Mode::AfterHead => self.end_after_head(),
                Mode::Text => {
                    self.pop();
                    self.mode = self.original;
                    Step::Done
                }
                Mode::InTableText => Step::Done,
                Mode::InTable => self.end_in_table(),
                Mode::InCaption => self.end_in_caption(),
                Mode::InColumnGroup => self.end_in_column_group(),
                Mode::InTableBody => self.end_in_table_body(),
                Mode::InRow => self.end_in_row(),
                Mode::InCell => self.end_in_cell(),
                Mode::InTemplate => self.end_in_template(),
                Mode::AfterBody => self.end_after_body(),
                Mode::AfterAfterBody => {
                    self.mode = Mode::InBody;
                    Step::Again
                }
                Mode::InFrameset => self.end_in_frameset(),
                Mode::AfterFrameset => self.end_after_frameset(),
                Mode::AfterAfterFrameset => Step::Done,
            };
            if step == Step::Done {
                return;
            }
        }
    }

    fn comment(&mut self, text: Text) {
        match self.mode {
            // After the body's end tag SVG and MathML may still be open.
            _ if self.in_foreign() => self.insert_comment(text),
            Mode::Initial | Mode::BeforeHtml | Mode::AfterAfterBody | Mode::AfterAfterFrameset => {
                self.add_comment(0, text)
            }
            Mode::AfterBody => {
                let root = self.stack.get(0).map_or(0, |root| root.node);
                self.add_comment(root, text);
            }
            _ => self.insert_comment(text),
        }
    }

    /// Inserts the tag's element and reads text up to its end tag.
    fn start_text(&mut self, mode: tokenizer::Mode) -> Step {
        self.insert_tag();
        self.tokenizer.mode = mode;
        self.original = self.mode;
        self.mode = Mode::Text;
        Step::Done
    }
}
