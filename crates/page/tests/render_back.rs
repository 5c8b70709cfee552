//! Markdown is read back to what the page shows, by a parser that knows nothing of how it was written.

#[path = "render/model.rs"]
mod model;
#[path = "render/read.rs"]
mod read;

use model::{Block, Fact, Inline, Piece};
use proptest::collection::vec;
use proptest::prelude::*;
use read::read;
use riptide_page::html::{self, NodeId};
use riptide_page::render::{self, Base};
use riptide_page::selection::Selection;

const URL: &str = "https://paper.example/2026/page";

/// Text made of what Markdown reads as something else.
fn text() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "a",
        "b1",
        "Word",
        "é",
        "漢",
        "。",
        "「",
        "😀",
        "Ⓐ",
        "·",
        " ",
        " ",
        " ",
        "*",
        "**",
        "_",
        "__",
        "~",
        "~~",
        "`",
        "``",
        "[",
        "]",
        "(",
        ")",
        "](",
        "]:",
        "<",
        ">",
        "&",
        "&amp;",
        "&lt",
        ";",
        "!",
        "|",
        "||",
        "\\",
        "\\|",
        "#",
        "##",
        "+",
        "-",
        "---",
        "=",
        "===",
        ".",
        ":",
        "1",
        "12",
        "1.",
        "2)",
        "- ",
        "+ ",
        "* ",
        "> ",
        "1. ",
        "# ",
        "[ ] ",
        "[x] ",
        "| - | - |",
        ":--",
        "<b>",
        "<!--",
        "<a@b.c>",
        "http://a.b",
        "\u{a0}",
        "\u{301}",
        "\"",
        "'",
        "$",
        "{",
        "}",
        "^",
        "/",
        "%",
        ",",
        "\t",
        "```",
        "~~~",
        "[^1]",
        "[a]: b",
    ]);
    vec(parts, 0..5).prop_map(|parts| parts.concat())
}

fn url() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "https://a.example/",
        "/x_(y)_z",
        "/a(b",
        "?q=1&copy=2&amp;=3&lt;",
        "/a*b*_c_~~d~~",
        "/p|q\\|r",
        "/[x](y)",
        "/<b>`c`",
        "mailto:a@b.example",
        "/a b\"c'd",
        "tel:+1",
        "//é.example/漢",
    ])
    .prop_map(str::to_owned)
}

fn inlines() -> impl Strategy<Value = Vec<Inline>> {
    let leaf = prop_oneof![
        6 => text().prop_map(Inline::Text),
        2 => text().prop_map(Inline::Code),
        1 => (text(), url()).prop_map(|(alt, url)| Inline::Image(alt, url)),
        1 => Just(Inline::Break),
    ];
    let marks = prop::sample::select(vec!["b", "i", "s", "em", "strong", "del", "span"]);
    let inline = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            3 => (marks.clone(), vec(inner.clone(), 0..4))
                .prop_map(|(mark, inner)| Inline::Mark(mark, inner)),
            1 => (url(), vec(inner, 0..4)).prop_map(|(url, inner)| Inline::Link(url, without_links(inner))),
        ]
    });
    vec(inline, 0..5)
}

/// Links cannot be within links.
fn without_links(inlines: Vec<Inline>) -> Vec<Inline> {
    let mut out = Vec::new();
    for inline in inlines {
        match inline {
            Inline::Link(_, inner) => out.extend(without_links(inner)),
            Inline::Mark(mark, inner) => out.push(Inline::Mark(mark, without_links(inner))),
            other => out.push(other),
        }
    }
    out
}

fn code() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "let a", "\n", "\n\n", "    ", "```", "~~~", "`", "\\", "<b>", "&amp;", "- x", "> y",
        "# z", "|", "\t",
    ]);
    vec(parts, 0..8).prop_map(|parts| parts.concat())
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let table = (1usize..4).prop_flat_map(|columns| vec(vec(inlines(), columns + 1), 2..4));
    let leaf = prop_oneof![
        6 => inlines().prop_map(Block::Paragraph),
        2 => (1u8..7, inlines()).prop_map(|(level, inlines)| Block::Heading(level, inlines)),
        1 => (prop::sample::select(vec!["rust", "c++", "js"]), code())
            .prop_map(|(language, code)| Block::Code(language, code)),
        1 => table.prop_map(Block::Table),
        1 => Just(Block::Rule),
    ];
    let block = leaf.prop_recursive(4, 24, 4, |inner| {
        let start = prop::option::of(prop::sample::select(vec![
            0,
            1,
            1,
            1,
            2,
            9,
            12,
            999_999_000,
        ]));
        prop_oneof![
            3 => (start, vec(vec(inner.clone(), 0..3), 0..4))
                .prop_map(|(start, items)| Block::List(start, items)),
            1 => vec(inner.clone(), 0..3).prop_map(Block::Quote),
            1 => vec(inner, 0..3).prop_map(Block::Division),
        ]
    });
    vec(block, 0..4)
}

fn markdown_of(html: &str) -> String {
    let document = html::parse(html).expect("a page");
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    render::markdown(&document, &selection, &Base::new(&document, URL))
}

/// So many cases of each test, or more if `PROPTEST_CASES` says so.
fn cases(least: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases.max(least),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..usual
    }
}

/// A backslash before a bar cannot be written as code in a cell, nor `]:` at the beginning of a paragraph: it is text
/// there.
fn loosen(fact: &mut Fact) {
    let texts: Vec<(&mut Vec<Piece>, [char; 2])> = match fact {
        Fact::Table(rows) => rows
            .iter_mut()
            .flatten()
            .map(|cell| (cell, ['\\', '|']))
            .collect(),
        Fact::Paragraph(text) => vec![(text, [']', ':'])],
        _ => Vec::new(),
    };
    for (text, signs) in texts {
        let mut pairs = text.windows(2);
        if pairs.any(|pair| [pair[0].character, pair[1].character] == signs) {
            text.iter_mut().for_each(|piece| piece.is_code = false);
        }
    }
}

fn assert_read_back(blocks: &[Block]) -> Result<(), TestCaseError> {
    let mut page = String::new();
    model::html(blocks, &mut page);
    let document = html::parse("").expect("a page");
    let base = Base::new(&document, URL);
    let mut right: Vec<Fact> = Vec::new();
    model::facts(blocks, &base, &mut right);
    let markdown = markdown_of(&page);
    let mut found = read(&markdown);
    right.iter_mut().chain(&mut found).for_each(loosen);
    prop_assert_eq!(found, right, "\npage: {}\nmarkdown:\n{}", page, markdown);
    Ok(())
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn blocks_are_read_back(blocks in blocks()) {
        assert_read_back(&blocks)?;
    }

    #[test]
    fn inlines_are_read_back(inlines in inlines(), in_table in any::<bool>()) {
        let block = if in_table {
            Block::Table(vec![vec![vec![Inline::Text("x".into())], inlines.clone()], vec![inlines, Vec::new()]])
        } else {
            Block::Paragraph(inlines)
        };
        assert_read_back(&[block])?;
    }
}
