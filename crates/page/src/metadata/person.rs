//! The name of an author out of what stands where one is named.

use super::date::{self, Order};
use super::value::clean;

/// A longer text is no name.
const MAX_CHARS: usize = 80;

/// What stands before a name, in lower case, the longer first.
const BEFORE: &[&str] = &[
    "recipe by",
    "guide by",
    "authored by",
    "about the author",
    "read more about",
    "articles by",
    "view all posts by",
    "more posts by",
    "posts by",
    "post written by",
    "article written by",
    "this article was written by",
    "written by",
    "article by",
    "posted by",
    "published by",
    "story by",
    "words by",
    "text by",
    "created by",
    "reported by",
    "contributed by",
    "submitted by",
    "started by",
    "post author",
    "post by",
    "blog by",
    "author",
    "authors",
    "by",
    "geschrieben von",
    "veröffentlicht von",
    "von",
    "autor",
    "autorin",
    "écrit par",
    "publié par",
    "par",
    "auteur",
    "escrito por",
    "publicado por",
    "por",
    "scritto da",
    "pubblicato da",
    "autore",
    "geschreven door",
    "door",
    "skrevet av",
    "af",
    "av",
    "автор",
    "posted",
    "posté par",
];

/// What ends a name, in lower case, as words of their own.
const AFTER: &[&str] = &[
    "published",
    "updated",
    "posted",
    "on",
    "last",
    "min",
    "minutes",
    "read",
    "view",
    "follow",
    "reviewed",
    "in",
    "contributor,",
];

/// What begins a text that names someone who is no author, in lower case.
const OTHERS: &[&str] = &[
    "edited by",
    "reviewed by",
    "medically reviewed",
    "researched by",
    "fact checked",
    "fact-checked",
    "photo by",
    "photos by",
    "photography by",
    "illustration by",
    "illustrations by",
    "translated by",
    "image by",
];

/// What stands where an author is named and names nobody, in lower case.
const NOBODY: &[&str] = &[
    "by",
    "null",
    "undefined",
    "none",
    "n/a",
    "unknown",
    "author",
    "authors",
    "share",
    "about",
    "about the author",
    "name",
    "and",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "today",
    "yesterday",
    "updated",
    "last updated",
    "published",
    "posted",
    "date",
    "guest",
    "corresponding author",
    "written",
    "written by",
    "read more",
    "follow",
    "reviewed",
    "advertisement",
    "comments",
    "reply",
    "last modified",
    "via",
    "reply with quote",
    "view more posts",
    "read the bio",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "x",
];

/// The name in a text that names an author; `None` if there is none. `handle` lets names pass that begin with `@`.
pub(super) fn person(written: &str, handle: bool) -> Option<String> {
    let text = clean(written)?;
    let name = without_prefix(&text);
    if OTHERS
        .iter()
        .any(|other| strip_ignore_case(name, other).is_some())
    {
        return None;
    }
    let name = name
        .split(['|', '•', '·', '⋅', '–', '—', '/', '(', '[', '\\'])
        .next()?;
    let name = name.split(" - ").next()?;
    let name = match date::find(name, Order::DayFirst) {
        Some(found) => before_date(&name[..found.start]),
        None => name,
    };
    let name = without_suffix(name);
    let name = name.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ':' | ';' | '-' | '*' | '"' | '>' | '<' | '#')
    });
    is_name(name, handle).then(|| name.to_owned())
}

fn without_prefix(text: &str) -> &str {
    let mut rest = text;
    'again: for _ in 0..3 {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '@');
        for prefix in BEFORE {
            let Some(after) = strip_ignore_case(rest, prefix) else {
                continue;
            };
            // A word of its own, one with a colon, or one that a name follows without a space.
            let glued = prefix.ends_with("by") && after.starts_with(char::is_uppercase);
            if glued && rest.chars().nth(1).is_some_and(char::is_lowercase) {
                rest = after;
                continue 'again;
            }
            if let Some(named) = after.strip_prefix([' ', ':', '\u{a0}', '-']) {
                rest = named.trim_start_matches([' ', ':', '-']);
                continue 'again;
            }
        }
        break;
    }
    rest
}

/// `text` without the beginning, which is in lower case.
fn strip_ignore_case<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    let mut rest = text.chars();
    for expected in beginning.chars() {
        if !rest.next()?.to_lowercase().eq([expected]) {
            return None;
        }
    }
    Some(rest.as_str())
}

/// What stands before a date, without the weekday and the words that lead to it.
fn before_date(text: &str) -> &str {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let weekdays = [
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    match text.rsplit_once(' ') {
        Some((before, last)) if weekdays.iter().any(|day| last.eq_ignore_ascii_case(day)) => before,
        _ => text,
    }
}

fn without_suffix(text: &str) -> &str {
    let mut at = 0;
    for word in text.split(' ') {
        if at > 0
            && AFTER
                .iter()
                .any(|end| word.trim_end_matches([':', ',']).eq_ignore_ascii_case(end))
        {
            return &text[..at - 1];
        }
        // Counts of posts, points, badges.
        if at > 0 && word.starts_with(|c: char| c.is_ascii_digit()) {
            return &text[..at - 1];
        }
        at += word.len() + 1;
    }
    text
}

fn is_name(name: &str, handle: bool) -> bool {
    let at_sign = name
        .strip_prefix('@')
        .filter(|_| handle)
        .unwrap_or(name)
        .contains('@');
    let lower = name.to_ascii_lowercase();
    !at_sign
        && name.chars().any(char::is_alphabetic)
        && name.chars().count() <= MAX_CHARS
        && !lower.contains("http")
        && !lower.starts_with("www.")
        && !lower.contains("://")
        && !NOBODY.contains(&lower.trim_end_matches('.'))
}
