//! How much of the metadata of labelled pages is right.
//!
//! ```text
//! cargo run --release -p riptide-page --example metadata [folder] [title|author|date]
//! ```
//!
//! The folder holds `html/*.html.gz` and `truth/*.json` (WCXB). A title or an author is right if its words are those of
//! the truth, a date if it begins with the truth's. Two thirds and one third are split by host, so that a rule that holds
//! on one only shows. With a second argument, each page where that value is wrong is printed.

#[path = "../tests/oracle/mod.rs"]
mod oracle;

use flate2::read::GzDecoder;
use riptide_page::metadata::{Metadata, metadata};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const FIELDS: [&str; 3] = ["title", "author", "date"];

/// How many pages have a truth, and on how many it was met.
#[derive(Clone, Copy, Default)]
struct Score {
    pages: u32,
    right: u32,
    /// Pages without a truth, and how many of them were given a value.
    none: u32,
    given: u32,
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/pages/wcxb"),
        PathBuf::from,
    );
    let show = arguments.next();
    let mut names: Vec<_> = fs::read_dir(folder.join("truth"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    names.sort();
    let mut scores = [[Score::default(); 3]; 3];
    let mut kinds = std::collections::BTreeMap::<String, [Score; 3]>::new();
    let mut spent = std::time::Duration::ZERO;
    let mut bytes = 0;
    for name in names {
        let truth: Value = serde_json::from_slice(&fs::read(&name)?).map_err(io::Error::other)?;
        let id = name
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut html = Vec::new();
        GzDecoder::new(File::open(folder.join(format!("html/{id}.html.gz")))?)
            .read_to_end(&mut html)?;
        let html = String::from_utf8_lossy(&html);
        let url = truth["url"].as_str().unwrap_or_default();
        let document = oracle::document(&html);
        let start = std::time::Instant::now();
        let found = metadata(&document, url);
        spent += start.elapsed();
        bytes += html.len();
        let kind = truth["_internal"]["page_type"]["primary"]
            .as_str()
            .unwrap_or_default();
        let split = usize::from(hash(host(url)).is_multiple_of(3));
        for (field, of) in FIELDS.iter().enumerate() {
            let (wanted, given) = pair(&truth["ground_truth"], &found, of);
            let right = if *of == "date" {
                given.starts_with(wanted.get(..10).unwrap_or(&wanted))
            } else {
                words(&given) == words(&wanted)
            };
            let [all, two, one] = &mut scores;
            let part = if split == 0 { two } else { one };
            let kind = kinds.entry(kind.to_owned()).or_default();
            for score in [&mut all[field], &mut part[field], &mut kind[field]] {
                if wanted.is_empty() {
                    score.none += 1;
                    score.given += u32::from(!given.is_empty());
                } else {
                    score.pages += 1;
                    score.right += u32::from(right);
                }
            }
            if show.as_deref() == Some(of) && !right && !wanted.is_empty() {
                println!("{id} {}\n  wanted {wanted}\n  given  {given}", split + 1);
            }
        }
    }
    for (name, row) in ["all", "two thirds", "one third"].iter().zip(&scores) {
        print(name, row);
    }
    for (name, row) in &kinds {
        print(name, row);
    }
    let seconds = spent.as_secs_f64();
    println!(
        "{:.0} ms, {:.0} MB/s",
        seconds * 1e3,
        bytes as f64 / seconds / 1e6
    );
    Ok(())
}

fn pair(truth: &Value, found: &Metadata, field: &str) -> (String, String) {
    let (key, given) = match field {
        "title" => ("title", &found.title),
        "author" => ("author", &found.byline),
        _ => ("publish_date", &found.published_iso),
    };
    let wanted = truth[key].as_str().unwrap_or_default();
    (wanted.to_owned(), given.clone().unwrap_or_default())
}

fn print(name: &str, row: &[Score; 3]) {
    print!("{name:14}");
    for (field, score) in FIELDS.iter().zip(row) {
        let share = f64::from(score.right) / f64::from(score.pages.max(1));
        let needless = f64::from(score.given) / f64::from(score.none.max(1));
        print!(
            "  {field} {share:.3} of {:4} (given without truth {needless:.2})",
            score.pages
        );
    }
    println!();
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
