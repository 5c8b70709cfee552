//! What training needs of pages, and how good a choice is:
//!
//!     blocks table OUT WORDS FOLDER...   features and labels of all blocks, with the features of word tables
//!     blocks score PROBABILITIES FOLDER...  the scores of each page if blocks are content with these probabilities
//!     blocks rows WORDS FILE             the features of the blocks of a page, as JSON
//!     blocks text FOLDER                 the texts that the crate's model chooses, as JSON
//!
//! `WORDS` is a file of word tables, or `-`: hash, then a weight for each table, line by line.

mod label;
mod pages;
mod score;

use pages::Page;
use riptide_page::blocks::{self, Blocks, Choice, training};
use riptide_page::html::{self, Document};
use riptide_page::metadata::metadata;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Error, Write};
use std::path::{Path, PathBuf};
use training::WordTable;

/// Pages that must have a word before it is learned.
const LEAST_PAGES: usize = 12;

/// The most frequent words are learned.
const MOST_WORDS: usize = 500;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folders = |from: usize| -> Result<Vec<Page>, Error> {
        let mut pages = Vec::new();
        for folder in &arguments[from..] {
            pages.extend(pages::read(&PathBuf::from(folder))?);
        }
        let short = pages::short_pages(&pages);
        pages.extend(short);
        Ok(pages)
    };
    match arguments.first().map(String::as_str) {
        Some("table") if arguments.len() > 3 => {
            table(Path::new(&arguments[1]), &arguments[2], &folders(3)?)
        }
        Some("rows") if arguments.len() == 3 => rows(&arguments[1], Path::new(&arguments[2])),
        Some("score") if arguments.len() > 2 => score(Path::new(&arguments[1]), &folders(2)?),
        Some("text") if arguments.len() == 2 => text(&pages::read(Path::new(&arguments[1]))?),
        _ => Err(Error::other("what to do: table, rows, score or text")),
    }
}

fn parse(html: &str) -> Result<Document<'_>, Error> {
    html::parse(html).map_err(Error::other)
}

fn floats(file: &Path) -> Result<Vec<f32>, Error> {
    let bytes = std::fs::read(file)?;
    let (numbers, _) = bytes.as_chunks();
    Ok(numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect())
}

fn word_tables(file: &str) -> Result<Vec<WordTable>, Error> {
    let mut tables = vec![WordTable::default()];
    if file == "-" {
        return Ok(tables);
    }
    for line in std::fs::read_to_string(file)?.lines() {
        let mut fields = line.split(' ');
        let hash = fields.next().and_then(|hash| hash.parse().ok());
        let hash: u32 = hash.ok_or_else(|| Error::other("no hash"))?;
        for (number, weight) in fields.enumerate() {
            if tables.len() <= number {
                tables.push(WordTable::default());
            }
            tables[number].hashes.push(hash);
            tables[number]
                .weights
                .push(weight.parse().map_err(Error::other)?);
        }
    }
    Ok(tables)
}

fn table(out: &Path, words: &str, pages: &[Page]) -> Result<(), Error> {
    let tables = word_tables(words)?;
    let create = |name: &str| -> Result<BufWriter<std::fs::File>, Error> {
        Ok(BufWriter::new(std::fs::File::create(out.join(name))?))
    };
    let names = training::names();
    let of_words = names.iter().filter(|name| name.starts_with("k_")).count();
    if words != "-" {
        let mut file = create("words.f32")?;
        for page in pages {
            let html = page.html()?;
            let document = parse(&html)?;
            let rows: Vec<Vec<f32>> = tables
                .iter()
                .map(|words| training::table(&document, words).features)
                .collect();
            for block in 0..rows[0].len() / names.len() {
                for row in &rows {
                    let end = (block + 1) * names.len();
                    for value in &row[end - of_words..end] {
                        file.write_all(&value.to_le_bytes())?;
                    }
                }
            }
        }
        return file.flush();
    }
    let mut rows = create("rows.f32")?;
    let mut labels = create("labels.f32")?;
    let mut about = Vec::new();
    let mut class_words: Vec<Vec<Vec<u32>>> = Vec::new();
    for page in pages {
        let html = page.html()?;
        let document = parse(&html)?;
        let made = training::table(&document, &tables[0]);
        for value in &made.features {
            rows.write_all(&value.to_le_bytes())?;
        }
        let wanted = label::labels(&document, &made.blocks, &page.truth);
        for (block, wanted) in made.blocks.iter().zip(&wanted) {
            labels.write_all(&f32::from(u8::from(*wanted)).to_le_bytes())?;
            labels.write_all(&(block.words as f32).to_le_bytes())?;
        }
        class_words.push(training::class_words(&document));
        about.push(json!({
            "id": page.id, "kind": page.kind, "url": page.url, "blocks": made.blocks.len(),
            "language": metadata(&document, &page.url).language,
            "truth": label::words(&page.truth).len(),
        }));
    }
    write_class_words(
        &class_words,
        create("class-words.u16")?,
        create("hashes.u32")?,
    )?;
    write!(
        create("pages.json")?,
        "{}",
        json!({ "names": names, "pages": about })
    )?;
    labels.flush()?;
    rows.flush()
}

/// The frequent words, and which each block has: how many, then their numbers.
fn write_class_words(
    pages: &[Vec<Vec<u32>>],
    mut file: impl Write,
    mut hashes: impl Write,
) -> Result<(), Error> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for page in pages {
        let mut words: Vec<u32> = page.iter().flatten().copied().collect();
        words.sort_unstable();
        words.dedup();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut frequent: Vec<(usize, u32)> = counts
        .into_iter()
        .map(|(word, count)| (count, word))
        .filter(|(count, _)| *count >= LEAST_PAGES)
        .collect();
    frequent.sort_unstable_by(|a, b| b.cmp(a));
    frequent.truncate(MOST_WORDS);
    let mut words: Vec<u32> = frequent.into_iter().map(|(_, word)| word).collect();
    words.sort_unstable();
    for word in &words {
        hashes.write_all(&word.to_le_bytes())?;
    }
    for block in pages.iter().flatten() {
        let known = block
            .iter()
            .filter_map(|word| words.binary_search(word).ok());
        let known: Vec<u16> = known.map(|place| place as u16).collect();
        file.write_all(&(known.len() as u16).to_le_bytes())?;
        for place in known {
            file.write_all(&place.to_le_bytes())?;
        }
    }
    file.flush()?;
    hashes.flush()
}

fn rows(words: &str, file: &Path) -> Result<(), Error> {
    let html = std::fs::read_to_string(file)?;
    let made = training::table(&parse(&html)?, &word_tables(words)?[0]);
    let rows: Vec<&[f32]> = made.features.chunks(training::names().len()).collect();
    println!("{}", json!(rows));
    Ok(())
}

fn chosen(document: &Document<'_>, blocks: &Blocks, choice: &Choice) -> String {
    let chosen = (0..blocks.len()).filter(|block| choice.chosen[*block]);
    chosen
        .map(|block| label::text(document, blocks, block) + "\n")
        .collect()
}

fn score(probabilities: &Path, pages: &[Page]) -> Result<(), Error> {
    let probabilities = floats(probabilities)?;
    let mut left = probabilities.as_slice();
    let mut scores = Vec::new();
    for page in pages {
        let html = page.html()?;
        let document = parse(&html)?;
        let (blocks, choice) = training::choice(&document, |count| {
            let its = left.split_off(..count).unwrap_or_default();
            // Blocks that none is given for are no content.
            its.iter()
                .copied()
                .chain(std::iter::repeat(0.0))
                .take(count)
                .collect()
        });
        let text = chosen(&document, &blocks, &choice);
        let (precision, recall) = score::run_scores(&text, &page.truth);
        scores.push(json!({
            "id": page.id, "f1": score::word_f1(&text, &page.truth),
            "precision": precision, "recall": recall, "confidence": choice.confidence,
        }));
    }
    println!("{}", Value::from(scores));
    Ok(())
}

fn text(pages: &[Page]) -> Result<(), Error> {
    let mut texts = BTreeMap::new();
    for page in pages {
        let html = page.html()?;
        let document = parse(&html)?;
        let (blocks, choice) = blocks::content(&document);
        texts.insert(page.id.clone(), chosen(&document, &blocks, &choice));
    }
    println!("{}", json!(texts));
    Ok(())
}
