//! How fast pages are parsed, beside html5ever: `cargo run --release --example parse [folder of .html.gz files]...`

use dom_query::Document;
use flate2::read::GzDecoder;
use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use riptide_page::html;
use std::io::{Error, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() -> Result<(), Error> {
    let mut folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pages");
        folders = vec![shared.join("articles"), shared.join("wcxb/html")];
    }
    for folder in folders {
        let pages = read(&folder)?;
        let large: Vec<String> = pages
            .iter()
            .filter(|page| page.len() >= 500_000)
            .cloned()
            .collect();
        println!("{}", folder.display());
        for (name, pages) in [("all", &pages), ("500 kB and more", &large)] {
            if !pages.is_empty() {
                report(name, pages);
            }
        }
    }
    Ok(())
}

fn report(name: &str, pages: &[String]) {
    let bytes: usize = pages.iter().map(String::len).sum();
    let megabytes = bytes as f64 / 1e6;
    println!("  {name}: {} pages, {megabytes:.1} MB", pages.len());
    let ours = best(7, || {
        pages
            .iter()
            .map(|page| html::parse(page).map_or(0, |document| document.len()))
            .sum()
    });
    let theirs = best(2, || {
        pages
            .iter()
            .map(|page| {
                let parser = parse_document(Document::default(), ParseOpts::default());
                parser.one(StrTendril::from(page.as_str())).tree.len()
            })
            .sum()
    });
    println!(
        "    ours {:.0} MB/s, html5ever {:.0} MB/s, {:.1} times",
        megabytes / ours,
        megabytes / theirs,
        theirs / ours
    );
}

/// The least seconds of some runs.
fn best(runs: usize, work: impl Fn() -> usize) -> f64 {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn read(folder: &Path) -> Result<Vec<String>, Error> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|file| Ok(file?.path()))
        .collect::<Result<_, Error>>()?;
    files.sort();
    files
        .iter()
        .map(|file| {
            let mut bytes = Vec::new();
            GzDecoder::new(std::fs::File::open(file)?).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}
