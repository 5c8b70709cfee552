//! Renders a page whole: `render FILE [URL [text|markdown|links|media]]`.

use riptide_page::{html, html::NodeId, render, selection::Selection};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: render FILE [URL [text|markdown|links|media]]");
        std::process::exit(2);
    };
    let bytes = std::fs::read(file).expect("a file");
    let html = String::from_utf8_lossy(&bytes);
    let started = std::time::Instant::now();
    let document = html::parse(&html).expect("a page");
    let parsed = started.elapsed();
    let base = render::Base::new(&document, rest.first().map_or("", String::as_str));
    let selection = Selection::whole(&document, NodeId::DOCUMENT);
    match rest.get(1).map(String::as_str) {
        Some("links") => println!(
            "{:#?}",
            render::links(&document, &[NodeId::DOCUMENT], &base)
        ),
        Some("media") => println!(
            "{:#?}",
            render::media(&document, &[NodeId::DOCUMENT], &base)
        ),
        Some("text") => println!("{}", render::text(&document, &selection)),
        _ => println!("{}", render::markdown(&document, &selection, &base)),
    }
    eprintln!("parsed in {parsed:?}, all in {:?}", started.elapsed());
}
