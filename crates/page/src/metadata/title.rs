//! The title of the page's content, without the site's name.

use super::json_ld::JsonLd;
use super::meta::MetaName;
use super::separators::parts;
use super::sources::{Property, Sources};
use super::value::{clean, head, text_of, words};
use crate::address::Address;
use crate::html::{Attr, Document, NodeId};
use std::collections::HashSet;

/// A longer heading is no title.
const MAX_BYTES: usize = 400;

/// Bytes of the page's own titles that are looked at.
const MAX_TITLE_BYTES: usize = 2000;

/// A heading with a smaller share of its words in the page's titles is a slogan or a section's.
const MIN_SHARED: f32 = 0.25;

/// What boards put before the title of a thread.
const LABELS: &[&str] = &["view topic", "thread", "topic", "view thread"];

/// What is known of the site, to tell its name from the title.
pub(super) struct Site {
    /// Its name in lower-case words.
    name: Option<String>,
    /// Letters and digits of the page's host.
    host: String,
}

impl Site {
    pub(super) fn new(name: Option<&str>, page: Option<&Address>) -> Site {
        let host = page.and_then(Address::host).unwrap_or_default();
        Site {
            name: name.map(words).filter(|name| !name.is_empty()),
            host: host.chars().filter(char::is_ascii_alphanumeric).collect(),
        }
    }

    /// Whether a text is the site's name.
    pub(super) fn is_named(&self, text: &str) -> bool {
        let text = words(text);
        if self.name.as_deref() == Some(&text) {
            return true;
        }
        let joined: String = text.chars().filter(|c| *c != ' ').collect();
        joined.len() >= 3 && self.host.contains(&joined)
    }
}

/// What the page calls itself outside of its text, and its headings.
pub(super) struct Titles<'d, 'h> {
    document: &'d Document<'h>,
    /// The text of `title`.
    element: Option<String>,
    /// `og:title`.
    og: Option<String>,
    /// The words of both, with the words of the second one apart.
    words: String,
}

impl<'d, 'h> Titles<'d, 'h> {
    pub(super) fn new(document: &'d Document<'h>, sources: &Sources<'_>) -> Titles<'d, 'h> {
        let element = sources.title.and_then(|id| document.first_child(id));
        let element = element.and_then(|child| clean(head(document.text(child)?, MAX_TITLE_BYTES)));
        let og = sources
            .meta(MetaName::OgTitle)
            .find_map(|title| clean(head(title, MAX_TITLE_BYTES)));
        let both = [&element, &og].map(|title| title.as_deref().map(words).unwrap_or_default());
        Titles {
            document,
            words: both.join(" / "),
            element,
            og,
        }
    }

    /// The title, from the first source that has one.
    pub(super) fn title(
        &self,
        sources: &Sources<'_>,
        json_ld: &JsonLd<'_>,
        site: &Site,
    ) -> Option<String> {
        let other = || sources.meta(MetaName::OtherTitle).find_map(clean);
        self.main_heading(sources, site)
            .or_else(|| {
                sources
                    .property(Property::Headline)
                    .find_map(|id| self.headline(id))
            })
            .or_else(|| json_ld.text(json_ld.article, "headline"))
            .or_else(|| Some(cut(self.og.as_deref()?, site)))
            .or_else(|| Some(cut(self.element.as_deref()?, site)))
            .or_else(|| Some(cut(&other()?, site)))
            .or_else(|| sources.h1.iter().find_map(|id| self.text(id)))
    }

    /// The heading that the page's byline stands by: the first one, of the first level if possible, whose words are in
    /// the title, else the first.
    pub(super) fn heading(&self, sources: &Sources<'_>) -> Option<NodeId> {
        let titled = |id: &NodeId| self.text(*id).is_some_and(|text| self.holds(&text));
        let titled_h1 = sources.h1.iter().find(titled);
        titled_h1
            .or_else(|| sources.subheadings.iter().find(titled))
            .or_else(|| sources.h1.iter().next())
    }

    /// The one heading of the first level, unless it is the site's name or shares too little with the title; of several
    /// the first one that is in the title.
    fn main_heading(&self, sources: &Sources<'_>, site: &Site) -> Option<String> {
        if sources.h1_count != 1 {
            let mut texts = sources.h1.iter().filter_map(|id| self.text(id));
            return texts.find(|text| self.holds(text) && !site.is_named(text));
        }
        let text = self.text(sources.h1.iter().next()?)?;
        let element = self.element.as_deref().unwrap_or_default();
        let its = words(&text);
        let alone = words(element) == its;
        let parts = parts(element);
        let last = parts.len() > 1
            && parts
                .last()
                .is_some_and(|part| part.separator != ":" && words(part.text) == its);
        if last || (!alone && site.is_named(&text)) {
            return None;
        }
        // Of owned words, as other sets are: each further kind of set is a kilobyte of code.
        let known: HashSet<String> = self.words.split(' ').map(str::to_owned).collect();
        let all = its.split(' ').count();
        let shared = its.split(' ').filter(|word| known.contains(*word)).count();
        // A title of one word is the site's, or says nothing.
        (known.len() <= 3 || shared as f32 >= MIN_SHARED * all as f32).then_some(text)
    }

    /// Whether the page's titles hold this text of two words or more.
    fn holds(&self, text: &str) -> bool {
        let text = words(text);
        text.contains(' ') && self.words.contains(&text)
    }

    fn headline(&self, id: NodeId) -> Option<String> {
        match self.document.attribute(id, Attr::CONTENT) {
            Some(content) => clean(content),
            None => self.text(id),
        }
    }

    /// The text of a heading, without the mark of a link to itself.
    fn text(&self, id: NodeId) -> Option<String> {
        let text = text_of(self.document, id, MAX_BYTES)?;
        let kept = text.trim_end_matches('¶');
        let kept = kept.strip_suffix(" #").unwrap_or(kept).trim_end();
        (!kept.is_empty()).then(|| kept.to_owned())
    }
}

/// A title without the site's name; without it, without the last part if two words are left. Sections that stand behind
/// bars are dropped too.
fn cut(title: &str, site: &Site) -> String {
    let mut parts = parts(title);
    let mut named = false;
    while parts.len() > 1 {
        if site.is_named(parts[parts.len() - 1].text) {
            parts.pop();
        } else if site.is_named(parts[0].text) {
            parts.remove(0);
        } else {
            break;
        }
        named = true;
    }
    let count = |text: &str| words(text).split(' ').count();
    // A colon is no separator unless the site's name stands beside it.
    if let [first, .., before, last] | [first @ before, last] = &parts[..]
        && !named
        && last.separator != ":"
        && count(&title[first.start..before.end()]) >= 2
    {
        parts.pop();
    }
    if let [first, second, ..] = &parts[..]
        && matches!(second.separator, "|" | "/" | "»" | "•" | "·")
        && count(first.text) >= 3
    {
        parts.truncate(1);
    }
    if parts.len() > 1 && LABELS.contains(&words(parts[0].text).as_str()) {
        parts.remove(0);
    }
    match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => title[first.start..last.end()].to_owned(),
        _ => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::new(
            Some("The Post"),
            Address::parse("https://www.lindholmpost.example/a").as_ref(),
        )
    }

    #[test]
    fn a_title_is_cut_at_the_name_of_the_site() {
        for (title, expected) in [
            ("Ice in the harbour | The Post", "Ice in the harbour"),
            ("Ice in the harbour - Lindholm Post", "Ice in the harbour"),
            ("The Post: Ice in the harbour", "Ice in the harbour"),
            (
                "The Post » Ice - and how to cross it",
                "Ice - and how to cross it",
            ),
            (
                "Ice in the harbour | Opinion | The Post",
                "Ice in the harbour",
            ),
            ("Ice in the harbour – News", "Ice in the harbour"),
            (
                "Thread: Ice in the harbour | The Post",
                "Ice in the harbour",
            ),
            ("View topic - Ice: how thick? | The Post", "Ice: how thick?"),
        ] {
            assert_eq!(cut(title, &site()), expected, "{title}");
        }
    }

    #[test]
    fn what_belongs_to_a_title_stays() {
        for title in [
            "Superlong ice: What it is and how you cross it",
            "Ice",
            "Ice | Cold",
            "Ferry-boats in well-kept harbours",
            "Ice: thick: thin",
            "12/25",
            "| - |",
            "",
        ] {
            assert_eq!(cut(title, &site()), title, "{title}");
        }
    }
}
