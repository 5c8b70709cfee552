//! Markdown as another parser reads it.

use crate::model::{BREAK, Fact, IMAGE, Piece, paragraphs};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// What Markdown holds.
pub(crate) fn read(markdown: &str) -> Vec<Fact> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(markdown, options) {
        reader.event(event);
    }
    reader.facts
}

#[derive(Default)]
struct Reader {
    facts: Vec<Fact>,
    pieces: Vec<Piece>,
    link: Option<String>,
    image: Option<(String, String)>,
    code: Option<(String, String)>,
    table: Option<Vec<Vec<Vec<Piece>>>>,
    heading: u8,
}

impl Reader {
    fn push(&mut self, text: &str, is_code: bool) {
        if let Some((alt, _)) = &mut self.image {
            alt.push_str(text);
            return;
        }
        let link = self.link.clone();
        self.pieces.extend(text.chars().map(|character| Piece {
            character,
            is_code,
            link: link.clone(),
            image: None,
        }));
    }

    /// Text that stands in an item without a paragraph.
    fn flush(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        self.facts
            .extend(paragraphs(&pieces, false).into_iter().map(Fact::Paragraph));
    }

    fn line(&mut self) -> Vec<Piece> {
        let pieces = std::mem::take(&mut self.pieces);
        paragraphs(&pieces, true)
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.push(&text, false),
            },
            Event::Code(code) => self.push(&code, true),
            Event::HardBreak => self.push(&BREAK.to_string(), false),
            Event::SoftBreak => self.push("⟨soft break⟩", false),
            Event::Html(html) | Event::InlineHtml(html) => self.push(&format!("⟨{html}⟩"), false),
            Event::TaskListMarker(_) => self.push("⟨task⟩", false),
            Event::Rule => {
                self.flush();
                self.facts.push(Fact::Rule);
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            other => self.push(&format!("⟨{other:?}⟩"), false),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let is_inline = matches!(
            tag,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
        );
        if !is_inline && self.table.is_none() {
            self.flush();
        }
        match tag {
            Tag::Heading { level, .. } => {
                self.heading = match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 => 3,
                    HeadingLevel::H4 => 4,
                    HeadingLevel::H5 => 5,
                    HeadingLevel::H6 => 6,
                };
            }
            Tag::BlockQuote(_) => self.facts.push(Fact::BeginQuote),
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => "⟨indented⟩".to_owned(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(start) => self.facts.push(Fact::BeginList(start)),
            Tag::Item => self.facts.push(Fact::BeginItem),
            Tag::Table(_) => self.table = Some(Vec::new()),
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.push(Vec::new());
                }
            }
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.to_string()),
            Tag::Image { dest_url, .. } => {
                self.image = Some((String::new(), dest_url.to_string()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                let line = self.line();
                self.facts.push(Fact::Heading(self.heading, line));
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.facts.push(Fact::EndQuote);
            }
            TagEnd::CodeBlock => {
                if let Some((language, code)) = self.code.take() {
                    let code = code.strip_suffix('\n').unwrap_or(&code).to_owned();
                    self.facts.push(Fact::Code(language, code));
                }
            }
            TagEnd::List(_) => self.facts.push(Fact::EndList),
            TagEnd::Item => {
                self.flush();
                self.facts.push(Fact::EndItem);
            }
            TagEnd::TableCell => {
                let line = self.line();
                if let Some(row) = self.table.as_mut().and_then(|table| table.last_mut()) {
                    row.push(line);
                }
            }
            TagEnd::Table => {
                let table = self.table.take().unwrap_or_default();
                self.facts.push(Fact::Table(table));
            }
            TagEnd::Link => self.link = None,
            TagEnd::Image => {
                let image = self.image.take();
                self.pieces.push(Piece {
                    character: IMAGE,
                    is_code: false,
                    link: self.link.clone(),
                    image,
                });
            }
            _ => {}
        }
    }
}
