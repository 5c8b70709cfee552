//! How good extraction is on labelled pages, and how long it takes.
//!
//! ```text
//! cargo run --release -p riptide-page --example extract [folder]
//! ```

#[path = "blocks/pages.rs"]
#[allow(dead_code)]
mod pages;
#[path = "blocks/score.rs"]
#[allow(dead_code)]
mod score;

use riptide_page::extract::{Mode, extract};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pages"),
        PathBuf::from,
    );
    let (mut spent, mut bytes) = (Duration::ZERO, 0);
    for set in ["wcxb", "articles"] {
        let mut kinds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
        for page in pages::read(&folder.join(set))? {
            let html = page.html()?;
            let start = Instant::now();
            let text = extract(&html, &page.url, &Mode::Article).map_or_else(
                |error| {
                    eprintln!("{}: {error}", page.id);
                    String::new()
                },
                |done| done.text,
            );
            spent += start.elapsed();
            bytes += html.len();
            let f1 = score::word_f1(&text, &page.truth);
            kinds.entry(page.kind.clone()).or_default().push(f1);
            kinds.entry("all".to_owned()).or_default().push(f1);
            let (precision, recall) = score::run_scores(&text, &page.truth);
            precisions.extend(precision);
            recalls.extend(recall);
        }
        for (kind, f1) in &kinds {
            println!("{set:10} {kind:14} {:.4} of {}", mean(f1), f1.len());
        }
        let (precision, recall) = (mean(&precisions), mean(&recalls));
        println!(
            "{set:10} runs: precision {precision:.4}, recall {recall:.4}, F1 {:.4}",
            2.0 * precision * recall / (precision + recall)
        );
    }
    let seconds = spent.as_secs_f64();
    println!(
        "{:.0} ms, {:.0} MB/s",
        seconds * 1e3,
        f64::from(bytes as u32) / seconds / 1e6
    );
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
