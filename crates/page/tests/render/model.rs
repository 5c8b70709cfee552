//! Pages as they should be read: a page is made from a model, and the model says what its Markdown must hold.

use riptide_page::render::Base;
use std::fmt::Write as _;

#[derive(Clone, Debug)]
pub(crate) enum Block {
    Paragraph(Vec<Inline>),
    Heading(u8, Vec<Inline>),
    List(Option<u32>, Vec<Vec<Block>>),
    Quote(Vec<Block>),
    Code(&'static str, String),
    Table(Vec<Vec<Vec<Inline>>>),
    Rule,
    Division(Vec<Block>),
}

#[derive(Clone, Debug)]
pub(crate) enum Inline {
    Text(String),
    Mark(&'static str, Vec<Inline>),
    Code(String),
    Link(String, Vec<Inline>),
    Image(String, String),
    Break,
}

/// A character, whether it is code, and the link it is in. A picture is one character.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) character: char,
    pub(crate) is_code: bool,
    pub(crate) link: Option<String>,
    pub(crate) image: Option<(String, String)>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.character)?;
        if self.is_code {
            write!(f, "`")?;
        }
        if let Some(link) = &self.link {
            write!(f, "({link})")?;
        }
        match &self.image {
            Some((alt, url)) => write!(f, "![{alt}]({url})"),
            None => Ok(()),
        }
    }
}

pub(crate) const BREAK: char = '\n';
pub(crate) const IMAGE: char = '\u{fffc}';

/// What a page holds, as far as its Markdown must keep it. Marks may be dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Paragraph(Vec<Piece>),
    Heading(u8, Vec<Piece>),
    BeginList(Option<u64>),
    EndList,
    BeginItem,
    EndItem,
    BeginQuote,
    EndQuote,
    Code(String, String),
    Table(Vec<Vec<Vec<Piece>>>),
    Rule,
}

/// Cuts text into paragraphs where two lines end, collapses white space, and leaves out what is at the ends.
pub(crate) fn paragraphs(pieces: &[Piece], one_line: bool) -> Vec<Vec<Piece>> {
    let mut all: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut gap: Option<char> = None;
    for piece in pieces {
        let is_break = piece.character == BREAK;
        if is_break && !one_line && gap == Some(BREAK) {
            all.push(Vec::new());
            gap = None;
        } else if is_break && !one_line {
            gap = Some(BREAK);
        } else if piece.character.is_whitespace() {
            gap = gap.or(Some(' '));
        } else {
            let current = all.last_mut().expect("a paragraph");
            if let Some(character) = gap.take().filter(|_| !current.is_empty()) {
                current.push(Piece {
                    character,
                    is_code: false,
                    link: None,
                    image: None,
                });
            }
            current.push(piece.clone());
        }
    }
    all.retain(|paragraph| !paragraph.is_empty());
    all
}

fn line(inlines: &[Inline], base: &Base) -> Vec<Piece> {
    let paragraphs = paragraphs(&flat(inlines, base), true);
    paragraphs.into_iter().next().unwrap_or_default()
}

fn flat(inlines: &[Inline], base: &Base) -> Vec<Piece> {
    let mut out = Vec::new();
    flatten(inlines, None, base, &mut out);
    out
}

fn flatten(inlines: &[Inline], link: Option<&String>, base: &Base, out: &mut Vec<Piece>) {
    let piece = |character, is_code, image| Piece {
        character,
        is_code,
        link: link.cloned(),
        image,
    };
    let space = |c: char| if c.is_whitespace() { ' ' } else { c };
    for inline in inlines {
        match inline {
            Inline::Text(text) => out.extend(text.chars().map(|c| piece(space(c), false, None))),
            Inline::Code(code) => out.extend(code.chars().map(|c| piece(space(c), true, None))),
            Inline::Image(alt, url) => {
                let alt: Vec<&str> = alt.split_whitespace().collect();
                let url = base.resolve(url).expect("an address");
                out.push(piece(IMAGE, false, Some((alt.join(" "), url))));
            }
            Inline::Break => out.push(piece(BREAK, false, None)),
            Inline::Mark(_, inner) => flatten(inner, link, base, out),
            Inline::Link(url, inner) => {
                let url = base.resolve(url).expect("an address");
                flatten(inner, Some(link.unwrap_or(&url)), base, out);
            }
        }
    }
}

/// What the Markdown of blocks must hold.
pub(crate) fn facts(blocks: &[Block], base: &Base, out: &mut Vec<Fact>) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) => {
                let paragraphs = paragraphs(&flat(inlines, base), false);
                out.extend(paragraphs.into_iter().map(Fact::Paragraph));
            }
            Block::Heading(level, inlines) => {
                let line = line(inlines, base);
                out.extend((!line.is_empty()).then_some(Fact::Heading(*level, line)));
            }
            Block::Code(language, code) => {
                let code: Vec<&str> = code.trim_end().split('\n').collect();
                let first = code.iter().position(|line| !line.trim().is_empty());
                if let Some(first) = first {
                    let code = code[first..].join("\n");
                    out.push(Fact::Code((*language).to_owned(), code));
                }
            }
            Block::Rule => out.push(Fact::Rule),
            Block::Division(blocks) => facts(blocks, base, out),
            Block::Quote(blocks) => {
                let mut inner = Vec::new();
                facts(blocks, base, &mut inner);
                if !inner.is_empty() {
                    out.push(Fact::BeginQuote);
                    out.extend(inner);
                    out.push(Fact::EndQuote);
                }
            }
            Block::List(start, items) => {
                let mut begun = false;
                for (place, item) in items.iter().enumerate() {
                    let mut inner = Vec::new();
                    facts(item, base, &mut inner);
                    if inner.is_empty() {
                        continue;
                    }
                    if !begun {
                        let number = start.map(|start| u64::from(start) + place as u64);
                        out.push(Fact::BeginList(number));
                        begun = true;
                    }
                    out.push(Fact::BeginItem);
                    out.extend(inner);
                    out.push(Fact::EndItem);
                }
                out.extend(begun.then_some(Fact::EndList));
            }
            Block::Table(rows) => table(rows, base, out),
        }
    }
}

/// A table of data; one with a single row is none, and its cells are paragraphs.
fn table(rows: &[Vec<Vec<Inline>>], base: &Base, out: &mut Vec<Fact>) {
    let lines = |row: &Vec<Vec<Inline>>| row.iter().map(|cell| line(cell, base)).collect();
    let mut all: Vec<Vec<Vec<Piece>>> = rows.iter().map(lines).collect();
    let has_head = !all[0].iter().all(Vec::is_empty);
    all.retain(|row| !row.iter().all(Vec::is_empty));
    if all.len() < 2 {
        for cell in rows.iter().flatten() {
            let paragraphs = paragraphs(&flat(cell, base), false);
            out.extend(paragraphs.into_iter().map(Fact::Paragraph));
        }
        return;
    }
    if !has_head {
        all.insert(0, vec![Vec::new(); rows[0].len()]);
    }
    out.push(Fact::Table(all));
}

/// The page.
pub(crate) fn html(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(inlines) => element("p", inlines, out),
            Block::Heading(level, inlines) => element(&format!("h{level}"), inlines, out),
            Block::Code(language, code) => {
                let _ = writeln!(out, "<pre><code class=\"language-{language}\">");
                escape(code, out);
                out.push_str("</code></pre>");
            }
            Block::Rule => out.push_str("<hr>"),
            Block::Division(blocks) => around("div", "", blocks, out),
            Block::Quote(blocks) => around("blockquote", "", blocks, out),
            Block::List(start, items) => {
                let name = if start.is_some() { "ol" } else { "ul" };
                let start = start.map_or(String::new(), |start| format!(" start={start}"));
                let _ = writeln!(out, "<{name}{start}>");
                for item in items {
                    around("li", "", item, out);
                }
                let _ = write!(out, "</{name}>");
            }
            Block::Table(rows) => {
                out.push_str("<table>");
                for (place, row) in rows.iter().enumerate() {
                    out.push_str("<tr>");
                    for cell in row {
                        element(if place == 0 { "th" } else { "td" }, cell, out);
                    }
                    out.push_str("</tr>");
                }
                out.push_str("</table>");
            }
        }
    }
}

fn around(name: &str, attributes: &str, blocks: &[Block], out: &mut String) {
    let _ = write!(out, "<{name}{attributes}>");
    html(blocks, out);
    let _ = write!(out, "</{name}>");
}

fn element(name: &str, inlines: &[Inline], out: &mut String) {
    let _ = write!(out, "<{name}>");
    inline_html(inlines, out);
    let _ = write!(out, "</{name}>");
}

fn inline_html(inlines: &[Inline], out: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(text) => escape(text, out),
            Inline::Mark(name, inner) => element(name, inner, out),
            Inline::Code(code) => {
                out.push_str("<code>");
                escape(code, out);
                out.push_str("</code>");
            }
            Inline::Link(url, inner) => {
                out.push_str("<a href=\"");
                escape(url, out);
                out.push_str("\">");
                inline_html(inner, out);
                out.push_str("</a>");
            }
            Inline::Image(alt, url) => {
                out.push_str("<img alt=\"");
                escape(alt, out);
                out.push_str("\" src=\"");
                escape(url, out);
                out.push_str("\">");
            }
            Inline::Break => out.push_str("<br>"),
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
