//! The text of one paragraph: words, marks, links, pictures and code.

use super::escape::{self, Place};
use super::flank::{Token, signs};
use crate::render::text::is_invisible;

/// A mark around text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mark {
    Emphasis,
    Strong,
    Strike,
}

impl Mark {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Mark::Emphasis => "*",
            Mark::Strong => "**",
            Mark::Strike => "~~",
        }
    }
}

/// What may be around text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Mark(Mark),
    Link(String),
    Code,
}

/// What parts the text before from the text after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    /// A space within code.
    CodeSpace,
    Break,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Code(String),
    Image(String, String),
    Open(Mark),
    Close(Mark),
    LinkOpen,
    LinkClose(String),
    Break,
}

/// Collects a paragraph. Scopes that are open when it ends go on in the next.
pub(super) struct Inline {
    pieces: Vec<Piece>,
    gap: Gap,
    scopes: Vec<Scope>,
    /// How many of the scopes are written: a scope is when text follows, so that none is empty or begins with a space.
    written: usize,
}

/// What the text becomes a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Heading,
    Cell,
}

impl Inline {
    pub(super) fn new() -> Inline {
        Inline {
            pieces: Vec::new(),
            gap: Gap::None,
            scopes: Vec::new(),
            written: 0,
        }
    }

    /// Adds text with white space collapsed.
    pub(super) fn text(&mut self, text: &str) {
        for (place, word) in text.split(char::is_whitespace).enumerate() {
            if place > 0 {
                self.space();
            }
            if word.is_ascii() && !word.bytes().any(|byte| byte.is_ascii_control()) {
                self.word(word);
            } else {
                let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
                self.word(&word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        let in_code = self.has(&Scope::Code);
        if in_code
            && self.gap == Gap::CodeSpace
            && self.written == self.scopes.len()
            && let Some(Piece::Code(code)) = self.pieces.last_mut()
        {
            self.gap = Gap::None;
            code.push(' ');
        }
        self.begin();
        match self.pieces.last_mut() {
            Some(Piece::Code(code)) if in_code => code.push_str(word),
            Some(Piece::Text(text)) if !in_code => text.push_str(word),
            _ if in_code => self.pieces.push(Piece::Code(word.to_owned())),
            _ => self.pieces.push(Piece::Text(word.to_owned())),
        }
    }

    /// Adds a sign that belongs to the word before.
    pub(super) fn sign(&mut self, sign: &str) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        self.word(sign);
        self.gap = gap;
    }

    /// A space, if text follows.
    pub(super) fn space(&mut self) {
        let gap = if self.has(&Scope::Code) {
            Gap::CodeSpace
        } else {
            Gap::Space
        };
        if self.gap == Gap::None {
            self.gap = gap;
        }
    }

    /// The end of a line, if text follows; whether there was one already.
    pub(super) fn line_end(&mut self) -> bool {
        std::mem::replace(&mut self.gap, Gap::Break) == Gap::Break
    }

    /// Adds a picture.
    pub(super) fn image(&mut self, alt: String, url: String) {
        self.begin();
        let alt = alt.chars().filter(|c| !is_invisible(*c)).collect();
        self.pieces.push(Piece::Image(alt, url));
    }

    /// Begins a scope; whether it is one: none is within its like, and only links are within code.
    pub(super) fn open(&mut self, scope: Scope) -> bool {
        let is_new = match &scope {
            Scope::Link(_) => !self.scopes.iter().any(|its| matches!(its, Scope::Link(_))),
            _ => !self.has(&scope) && !self.has(&Scope::Code),
        };
        if is_new {
            self.scopes.push(scope);
        }
        is_new
    }

    /// Ends the scope that was begun last.
    pub(super) fn close(&mut self) {
        if self.written == self.scopes.len() {
            self.close_written();
        }
        self.scopes.pop();
    }

    fn has(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    fn close_written(&mut self) {
        self.written -= 1;
        match &self.scopes[self.written] {
            Scope::Mark(mark) => self.pieces.push(Piece::Close(*mark)),
            Scope::Link(url) => self.pieces.push(Piece::LinkClose(url.clone())),
            Scope::Code => {}
        }
    }

    /// Writes what parts and what begins before a word.
    fn begin(&mut self) {
        if !self.pieces.is_empty() {
            match self.gap {
                Gap::None => {}
                Gap::Space | Gap::CodeSpace => match self.pieces.last_mut() {
                    Some(Piece::Text(text)) => text.push(' '),
                    _ => self.pieces.push(Piece::Text(" ".to_owned())),
                },
                Gap::Break => self.pieces.push(Piece::Break),
            }
        }
        self.gap = Gap::None;
        while let Some(scope) = self.scopes.get(self.written) {
            match scope {
                // What ends and begins again at once goes on.
                Scope::Mark(mark) => match self.pieces.last() {
                    Some(Piece::Close(last)) if last == mark => {
                        self.pieces.pop();
                    }
                    _ => self.pieces.push(Piece::Open(*mark)),
                },
                Scope::Link(_) => self.pieces.push(Piece::LinkOpen),
                Scope::Code => {}
            }
            self.written += 1;
        }
    }

    /// Ends the paragraph and writes it.
    pub(super) fn finish(&mut self, kind: Kind) -> String {
        while self.written > 0 {
            self.close_written();
        }
        self.gap = Gap::None;
        let pieces = std::mem::take(&mut self.pieces);
        if pieces.is_empty() {
            return String::new();
        }
        let mut out = write(&joined(pieces), kind);
        match kind {
            Kind::Paragraph => out = escape::line_starts(&out),
            Kind::Heading => escape::heading_end(&mut out),
            Kind::Cell => {}
        }
        out
    }
}

/// Code beside code is one, marks between or not: its fences would be one run of backticks.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut last_code: Option<usize> = None;
    for piece in pieces {
        match (piece, last_code) {
            (Piece::Code(code), Some(place)) => {
                if let Some(Piece::Code(last)) = out.get_mut(place) {
                    last.push_str(&code);
                }
            }
            (piece, _) => {
                match piece {
                    Piece::Code(_) => last_code = Some(out.len()),
                    Piece::Open(_) | Piece::Close(_) => {}
                    _ => last_code = None,
                }
                out.push(piece);
            }
        }
    }
    out
}

/// Writes all pieces, then the marks between them that can be.
fn write(pieces: &[Piece], kind: Kind) -> String {
    let in_cell = kind == Kind::Cell;
    // `[` and `]:` at the beginning would define an address, in code too.
    let is_bracketed = kind == Kind::Paragraph && first_after(pieces) == '[';
    let may_define = |code: &str, after: char| {
        is_bracketed && (code.contains("]:") || (code.ends_with(']') && after == ':'))
    };
    let mut texts = String::new();
    let mut ends: Vec<usize> = Vec::with_capacity(pieces.len());
    let mut tokens: Vec<Token> = Vec::with_capacity(pieces.len());
    let mut in_link = false;
    for (at, piece) in pieces.iter().enumerate() {
        let begin = texts.len();
        let place = Place {
            in_link,
            in_cell,
            after: first_after(&pieces[at + 1..]),
        };
        match piece {
            Piece::Text(text) => escape::text(&mut texts, text, place),
            Piece::Code(code) => {
                let is_text = may_define(code, place.after)
                    || escape::code(&mut texts, code, in_cell).is_none();
                if is_text {
                    escape::text(&mut texts, code, place);
                }
            }
            Piece::Image(alt, url) => {
                texts.push_str("![");
                let place = Place {
                    in_link: true,
                    after: ']',
                    ..place
                };
                escape::text(&mut texts, alt, place);
                texts.push(']');
                escape::address(&mut texts, url, in_cell);
            }
            Piece::LinkOpen => {
                in_link = true;
                texts.push('[');
            }
            Piece::LinkClose(url) => {
                in_link = false;
                texts.push(']');
                escape::address(&mut texts, url, in_cell);
            }
            Piece::Break => texts.push_str("\\\n"),
            Piece::Open(_) | Piece::Close(_) => {}
        }
        let text = &texts[begin..];
        ends.push(texts.len());
        tokens.push(match piece {
            Piece::Open(mark) => Token::Open(*mark),
            Piece::Close(mark) => Token::Close(*mark),
            _ => Token::Text(
                text.chars().next().unwrap_or(' '),
                text.chars().next_back().unwrap_or(' '),
            ),
        });
    }
    let signs = signs(&tokens);
    let mut out = String::with_capacity(texts.len() + 16);
    let mut begin = 0;
    for (end, sign) in ends.into_iter().zip(signs) {
        out.push_str(sign);
        out.push_str(&texts[begin..end]);
        begin = end;
    }
    out
}

/// The first character of what follows, marks left out: at most a few stand side by side.
fn first_after(pieces: &[Piece]) -> char {
    let next = pieces
        .iter()
        .find(|piece| !matches!(piece, Piece::Open(_) | Piece::Close(_)));
    match next {
        Some(Piece::Text(text)) => text.chars().next().unwrap_or(' '),
        Some(Piece::Code(_)) => '`',
        Some(Piece::Image(..)) => '!',
        Some(Piece::LinkOpen) => '[',
        Some(Piece::LinkClose(_)) => ']',
        _ => ' ',
    }
}
