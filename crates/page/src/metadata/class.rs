//! What class names, ids and property names tell.

use super::sources::Property;

/// What the class words and the id of an element say about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks {
    /// The name of the author and nothing else: `author-name`, `byline`, `fn`.
    pub(super) author_narrow: bool,
    /// Something about the author.
    pub(super) author_wide: bool,
    /// A date of publication.
    pub(super) date: bool,
    /// The readers' comments.
    pub(super) comments: bool,
}

impl Marks {
    /// Reads a `class` attribute.
    pub(super) fn read(&mut self, value: &str) {
        if may_mark(value.as_bytes()) {
            for word in value.split_ascii_whitespace() {
                self.word(word.as_bytes());
            }
        }
    }

    /// Reads an `id` attribute.
    pub(super) fn read_id(&mut self, value: &str) {
        if may_mark(value.as_bytes()) {
            self.word(value.trim().as_bytes());
        }
    }

    fn word(&mut self, word: &[u8]) {
        let has = |part: &[u8]| find(word, part).is_some();
        self.comments |= has(b"comments")
            || has(b"comment-")
            || has(b"comment_")
            || word.eq_ignore_ascii_case(b"comment");
        if word.len() == 2 {
            self.author_narrow |= word.eq_ignore_ascii_case(b"fn");
            return;
        }
        let author = has(b"author") && !has(b"authority") && !has(b"authoriz");
        if has(b"byline") || (author && has(b"name")) || word.eq_ignore_ascii_case(b"author") {
            self.author_narrow |= !has(b"date") && !has(b"time");
        }
        self.author_wide |= author || has(b"byline") || has(b"writer") || has(b"username");
        self.date |= has_date(word) || has(b"publish") || has(b"posted") || has(b"pubdate");
    }
}

/// `date` as a word of its own: not in `update`, `candidate`, `validate`.
fn has_date(word: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = find(&word[from..], b"date") {
        let at = from + at;
        let before = at.checked_sub(1).map(|before| word[before]);
        let begins = match before {
            None => true,
            Some(b) => !b.is_ascii_alphabetic() || word[at].is_ascii_uppercase(),
        };
        let after = word.get(at + 4).copied().unwrap_or(b' ');
        if begins && (!after.is_ascii_lowercase() || after == b's') {
            return true;
        }
        from = at + 4;
    }
    false
}

/// Whether a value can hold one of the words at all: a cheap look that most values do not pass.
fn may_mark(value: &[u8]) -> bool {
    value.ends_with(b"fn") || {
        let mut at = 0;
        while at + 2 < value.len() {
            // The third letters of `author`, `byline`, `writer`, `date`, `publish`, `posted`, `comment`, `username` …
            let found = match value[at + 1] | 0x20 {
                b'u' => matches!(value[at] | 0x20, b'a' | b'p'),
                b'y' => value[at] | 0x20 == b'b',
                b'r' => value[at] | 0x20 == b'w',
                b'a' => value[at] | 0x20 == b'd' && value[at + 2] | 0x20 == b't',
                b'o' => {
                    matches!(value[at] | 0x20, b'p' | b'c')
                        && matches!(value[at + 2] | 0x20, b's' | b'm')
                }
                b's' => value[at] | 0x20 == b'u' && value[at + 2] | 0x20 == b'e',
                b'n' => value[at] | 0x20 == b'f',
                _ => false,
            };
            if found {
                return true;
            }
            at += 1;
        }
        false
    }
}

fn find(word: &[u8], part: &[u8]) -> Option<usize> {
    word.windows(part.len())
        .position(|window| window.eq_ignore_ascii_case(part))
}

/// Whether a link leads to an author's page.
pub(super) fn is_author_address(href: &str) -> bool {
    let bytes = href.as_bytes();
    memchr::memmem::find(bytes, b"/author").is_some_and(|at| {
        let rest = &bytes[at + 7..];
        let rest = rest.strip_prefix(b"s").unwrap_or(rest);
        rest.len() > 1 && rest[0] == b'/'
    })
}

/// What an `itemprop` or `property` attribute names.
pub(super) fn property(value: &str) -> Option<Property> {
    value.split_ascii_whitespace().find_map(|word| {
        let word = word.rsplit([':', '/', '#']).next()?;
        Some(match word {
            "author" | "creator" => Property::Author,
            "datePublished" | "datepublished" | "dateCreated" | "pubdate" => Property::Published,
            "dateModified" | "datemodified" => Property::Modified,
            "headline" => Property::Headline,
            "articleSection" => Property::Section,
            "keywords" => Property::Keywords,
            _ => return None,
        })
    })
}
