//! From a page to what is extracted of it: the one call that a binding needs.

mod input;
mod language;
mod part;
#[cfg(test)]
mod tests;
mod words;

pub use input::{MAX_INPUT_BYTES, check_input, has_markup};

use crate::html::{self, Document};
use crate::metadata::{Metadata, metadata};
use crate::render::{self, Base, Link, Media, Rendered};
use crate::select;
use part::Part;
use std::fmt;

/// Which part of a page to extract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The main text.
    Article,
    /// Everything in the body.
    Full,
    /// What the page says about itself.
    Metadata,
    /// What these CSS selectors match.
    Custom(Vec<String>),
}

/// What was extracted from one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extraction {
    /// The title of the content.
    pub title: Option<String>,
    /// Who wrote it.
    pub byline: Option<String>,
    /// When it was published, in ISO 8601.
    pub published_iso: Option<String>,
    /// The part as Markdown; empty in mode `Metadata`.
    pub markdown: String,
    /// The part as plain text; empty in mode `Metadata`.
    pub text: String,
    /// The links of the page, in mode `Custom` those of the part; none in mode `Metadata`.
    pub links: Vec<Link>,
    /// The media of the page, by the same rule.
    pub media: Vec<Media>,
    /// The language: as the page declares it, else guessed from the text.
    pub language: Option<String>,
    /// Minutes to read the text, rounded up.
    pub reading_time: u32,
    /// How likely the text is the page's main text, whole and without anything else: the expected F1 over words in percent.
    pub quality_score: u8,
    /// Words in the text.
    pub word_count: u32,
    /// Sections, keywords and tags.
    pub categories: Vec<String>,
    /// The name of the site.
    pub site_name: Option<String>,
    /// A short description.
    pub description: Option<String>,
    /// The address that the page says it should be known by.
    pub canonical: Option<String>,
    /// Nodes in the parsed document.
    pub nodes: usize,
}

/// Why nothing was extracted, with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtractError {
    /// The input is no page: empty, white space only, or binary data.
    InvalidHtml(String),
    /// The page is too large or has too many nodes.
    ResourceLimit(String),
    /// The mode cannot be used as given: no selector, or one that is not CSS.
    UnsupportedMode(String),
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtractError::InvalidHtml(why)
            | ExtractError::ResourceLimit(why)
            | ExtractError::UnsupportedMode(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ExtractError {}

/// Extracts a page. `url` is its address, which may be empty.
///
/// # Errors
///
/// If the input is no page or too large a one, or if a selector cannot be used.
pub fn extract(html: &str, url: &str, mode: &Mode) -> Result<Extraction, ExtractError> {
    if let Mode::Custom(selectors) = mode {
        check_selectors(selectors)?;
    }
    check_input(html)?;
    let document =
        html::parse(html).map_err(|error| ExtractError::ResourceLimit(error.to_string()))?;
    input::check_content(&document)?;
    let part = match mode {
        Mode::Article => Part::article(&document),
        Mode::Full => Part::full(&document),
        Mode::Metadata => Part::nothing(&document),
        Mode::Custom(selectors) => Part::matching(&document, selectors)?,
    };
    Ok(assemble(&document, metadata(&document, url), &part))
}

fn assemble(document: &Document<'_>, mut metadata: Metadata, part: &Part) -> Extraction {
    let base = Base::from(metadata.base.take());
    let Rendered { text, markdown } = if part.selection.is_empty() {
        Rendered::default()
    } else {
        render::render(document, &part.selection, &base)
    };
    let word_count = words::count(&text);
    Extraction {
        title: metadata.title,
        byline: metadata.byline,
        published_iso: metadata.published_iso,
        language: metadata
            .language
            .or_else(|| language::guess(&text).map(str::to_owned)),
        links: render::links(document, &part.roots, &base),
        media: render::media(document, &part.roots, &base),
        reading_time: words::reading_time(word_count),
        quality_score: if word_count == 0 { 0 } else { part.quality() },
        word_count,
        categories: metadata.categories,
        site_name: metadata.site_name,
        description: metadata.description,
        canonical: metadata.canonical,
        nodes: document.len(),
        text,
        markdown,
    }
}

/// Checks each selector by itself, so that the faulty one can be named, before the page is parsed.
fn check_selectors(selectors: &[String]) -> Result<(), ExtractError> {
    if selectors.is_empty() {
        return Err(ExtractError::UnsupportedMode(
            "mode `custom` needs at least one CSS selector".into(),
        ));
    }
    for selector in selectors {
        select::check(selector).map_err(|fault| unusable(selector, &fault))?;
    }
    Ok(())
}

fn unusable(selector: &str, fault: &select::SelectorError) -> ExtractError {
    ExtractError::UnsupportedMode(format!(
        "`{selector}` is not a CSS selector that can be used: {fault}"
    ))
}
