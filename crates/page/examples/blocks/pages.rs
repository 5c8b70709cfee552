//! Labelled pages: sets of many kinds, or of articles.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::{Error, Read};
use std::path::{Path, PathBuf};

/// A labelled page.
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) url: String,
    /// The text that is content.
    pub(crate) truth: String,
    file: PathBuf,
    /// The page itself, where it is made up.
    made: Option<String>,
}

impl Page {
    pub(crate) fn html(&self) -> Result<String, Error> {
        if let Some(made) = &self.made {
            return Ok(made.clone());
        }
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(&self.file)?).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn json(file: &Path) -> Result<Value, Error> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The pages of a folder: `html` and `truth` in it, or pages in it and their truths in a file beside it.
pub(crate) fn read(folder: &Path) -> Result<Vec<Page>, Error> {
    let mut pages = if folder.join("truth").exists() {
        of_kinds(folder)?
    } else {
        articles(folder)?
    };
    pages.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(pages)
}

fn of_kinds(folder: &Path) -> Result<Vec<Page>, Error> {
    let mut pages = Vec::new();
    for file in std::fs::read_dir(folder.join("truth"))? {
        let file = file?.path();
        let truth = json(&file)?;
        let id = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let kind = text(&truth["_internal"]["page_type"]["primary"]);
        pages.push(Page {
            file: folder.join("html").join(format!("{id}.html.gz")),
            id,
            kind: if kind == "category" {
                "collection".to_owned()
            } else {
                kind
            },
            url: text(&truth["url"]),
            truth: text(&truth["ground_truth"]["main_content"]),
            made: None,
        });
    }
    Ok(pages)
}

fn articles(folder: &Path) -> Result<Vec<Page>, Error> {
    let truths = json(&folder.with_extension("json"))?;
    let truths = truths.as_object().cloned().unwrap_or_default();
    let page = |(id, truth): (String, Value)| Page {
        file: folder.join(format!("{id}.html.gz")),
        kind: "articles".to_owned(),
        url: text(&truth["url"]),
        truth: text(&truth["articleBody"]),
        made: None,
        id,
    };
    Ok(truths.into_iter().map(page).collect())
}

/// Pages of a few sentences and nothing around them, from the truths of some pages: nobody labels such, but they are given.
pub(crate) fn short_pages(pages: &[Page]) -> Vec<Page> {
    let longer = pages.iter().filter(|page| page.truth.len() > 400);
    let mut short = Vec::new();
    for (number, page) in longer.step_by(7).enumerate() {
        let paragraphs: Vec<&str> = page.truth.lines().filter(|line| line.len() > 60).collect();
        let count = (1 + number % 5).min(paragraphs.len());
        if count == 0 {
            continue;
        }
        let truth = paragraphs[..count].join("\n");
        let escaped = truth.replace('&', "&amp;").replace('<', "&lt;");
        let body = match number % 4 {
            0 => escaped,
            1 => format!("<div>{}</div>", escaped.replace('\n', "<br>")),
            _ => format!("<p>{}</p>", escaped.replace('\n', "</p>\n<p>")),
        };
        let head = if number.is_multiple_of(3) {
            "<title>Page</title>"
        } else {
            ""
        };
        short.push(Page {
            id: format!("short-{}", page.id),
            kind: "short".to_owned(),
            url: page.url.clone(),
            truth,
            file: PathBuf::new(),
            made: Some(format!("{head}<body>{body}</body>")),
        });
    }
    short
}
