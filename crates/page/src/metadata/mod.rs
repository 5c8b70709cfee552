//! What a page says about itself.
//!
//! One pass over the document collects what could be metadata, by where it stands (`sources`); then each value is taken
//! from the first source that has it, in orders that were measured on labelled pages. A page that says nothing costs
//! the pass.

pub(crate) mod address;
mod author;
mod categories;
mod class;
mod date;
mod date_reader;
mod json;
mod json_ld;
mod language;
mod meta;
mod months;
mod near;
mod person;
mod published;
mod separators;
mod site;
mod sources;
mod title;
mod tokens;
mod value;

use crate::address::Address;
use crate::html::Document;
use author::Near;
use date::Order;
use json_ld::JsonLd;
use meta::MetaName;
use sources::{Sources, starts_with_ignore_case};
use title::{Site, Titles};

/// A page's metadata: white space collapsed, empty values left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The title of the content, without the site's name.
    pub title: Option<String>,
    /// Everyone who wrote it, each once, joined with `, `.
    pub byline: Option<String>,
    /// When it was published: an ISO 8601 day, or day and time with the offset as far as the page gives them.
    pub published_iso: Option<String>,
    /// The language that the page declares, as a BCP 47 tag.
    pub language: Option<String>,
    /// Sections, keywords and tags, each once, at most 64.
    pub categories: Vec<String>,
    /// The name of the site.
    pub site_name: Option<String>,
    /// A short description.
    pub description: Option<String>,
    /// The absolute address that the page says it should be known by.
    pub canonical: Option<String>,
    /// What the page's addresses are relative to; `None` if neither its address nor its `base` element is absolute.
    pub base: Option<Address>,
}

/// Reads the metadata of a page. `url` is its address, which may be empty.
pub fn metadata(document: &Document<'_>, url: &str) -> Metadata {
    let sources = Sources::collect(document);
    let mut json_ld = JsonLd::read(document, &sources.scripts);
    let page = Address::parse(url);
    let base = address::base(url, sources.base_href);
    let canonical = address::canonical(&sources, base.as_ref());
    let site_name = site::name(&sources, &mut json_ld);
    let known = page
        .clone()
        .or_else(|| Address::parse(canonical.as_deref()?));
    let site = Site::new(site_name.as_deref(), known.as_ref());
    let json_language = json_ld.text(json_ld.article.or(json_ld.page), "inLanguage");
    let language = language::language(&sources, json_language.as_deref());
    let order = order(language.as_deref(), known.as_ref());
    let titles = Titles::new(document, &sources);
    let near = Near::new(document, titles.heading(&sources));
    let visible = is_article(&sources, &json_ld, known.as_ref());
    Metadata {
        title: titles.title(&sources, &json_ld, &site),
        byline: author::author(document, &sources, &mut json_ld, &near, &site, visible),
        published_iso: published::published(
            document,
            &sources,
            &json_ld,
            &near,
            known.as_ref(),
            order,
            visible,
        ),
        categories: categories::categories(document, &sources, &json_ld),
        description: description(&sources, &json_ld),
        language,
        site_name,
        canonical,
        base,
    }
}

/// Whether names and dates in the text may be the page's own: not on start pages, products and lists of other pages,
/// unless these say that they are an article or a thread.
fn is_article(sources: &Sources<'_>, json_ld: &JsonLd<'_>, page: Option<&Address>) -> bool {
    let og = |its: &str| {
        sources
            .meta(MetaName::OgType)
            .any(|og| starts_with_ignore_case(og, its))
    };
    let declared = json_ld.article.is_some()
        || sources.article_scope
        || og("article")
        || sources.meta(MetaName::Published).next().is_some();
    let start = page.is_some_and(|page| page.path() == "/" && page.query().is_none());
    let other = start || json_ld.product.is_some() || json_ld.list || og("product");
    declared || !other
}

fn description(sources: &Sources<'_>, json_ld: &JsonLd<'_>) -> Option<String> {
    let meta = |name| sources.meta(name).find_map(value::clean);
    meta(MetaName::Description)
        .or_else(|| meta(MetaName::OgDescription))
        .or_else(|| {
            json_ld.text(
                json_ld.article.or(json_ld.page).or(json_ld.product),
                "description",
            )
        })
        .or_else(|| meta(MetaName::OtherDescription))
}

/// Which number is the day: the first, but in American English; unknown where no language is.
fn order(language: Option<&str>, page: Option<&Address>) -> Order {
    let Some(language) = language else {
        return Order::Unknown;
    };
    let lower = language.to_ascii_lowercase();
    let host = page.and_then(Address::host).unwrap_or_default();
    let elsewhere = [".uk", ".au", ".nz", ".ie", ".in", ".za"]
        .iter()
        .any(|end| host.ends_with(end));
    match lower.as_str() {
        "en" if elsewhere => Order::DayFirst,
        "en" | "en-us" => Order::MonthFirst,
        _ => Order::DayFirst,
    }
}
