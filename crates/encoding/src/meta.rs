//! The encoding that a page declares in a `<meta>`.

use crate::label::encoding_of_meta;
use encoding_rs::Encoding;
use memchr::memchr;

/// Elements whose content is text, not tags.
const RAW_TEXT: [&[u8]; 8] = [
    b"iframe",
    b"noembed",
    b"noframes",
    b"script",
    b"style",
    b"textarea",
    b"title",
    b"xmp",
];

/// After this many unknown labels no further `<meta>` counts: a page with more is no page that says what it is.
const MAX_UNKNOWN_LABELS: u32 = 64;

/// The encoding of the first `<meta>` that names one, wherever it stands, as the HTML standard's parser would meet it
/// (13.2.6.4.4). Foreign content, `select` and `frameset` are not told from the rest of the page.
///
/// With `skips_raw_text`, elements of raw text have none of the tags in them. The standard's prescan does not know such
/// elements: for it this is `false`.
pub(crate) fn declared_in_meta(page: &[u8], skips_raw_text: bool) -> Option<&'static Encoding> {
    MetaScanner::new(page, skips_raw_text).run()
}

/// The states of the standard's tokenizer, as far as finding `<meta>` needs them. The others are in the scanner's methods.
#[derive(Clone, Copy)]
enum State {
    Data,
    RawText,
    /// Whether inside of `<!--` in a script, and inside of another `<script` there, where `</script>` is no end.
    ScriptData(Escape),
    Tag,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Comment,
    Script,
}

/// The attributes of a `<meta>` that declare its encoding; of each name the first counts.
#[derive(Default)]
struct Attributes<'a> {
    charset: Option<&'a [u8]>,
    content: Option<&'a [u8]>,
    http_equiv: Option<&'a [u8]>,
}

struct MetaScanner<'a> {
    page: &'a [u8],
    skips_raw_text: bool,
    /// The next byte to read; never beyond the page's end.
    at: usize,
    /// The element whose raw text is read.
    raw_text: &'static [u8],
    unknown_labels: u32,
}

impl<'a> MetaScanner<'a> {
    fn new(page: &'a [u8], skips_raw_text: bool) -> MetaScanner<'a> {
        MetaScanner {
            page,
            skips_raw_text,
            at: 0,
            raw_text: b"",
            unknown_labels: 0,
        }
    }

    fn run(mut self) -> Option<&'static Encoding> {
        let mut state = State::Data;
        let mut is_end_tag = false;
        while self.at < self.page.len() {
            state = match state {
                State::Data => {
                    self.skip_behind(b'<');
                    match self.peek(0) {
                        Some(b'!') => self.markup_declaration(),
                        Some(b'?') => self.bogus_comment(),
                        Some(b'/') => {
                            self.at += 1;
                            is_end_tag = true;
                            match self.peek(0) {
                                Some(byte) if byte.is_ascii_alphabetic() => State::Tag,
                                _ => self.bogus_comment(),
                            }
                        }
                        Some(byte) if byte.is_ascii_alphabetic() => {
                            is_end_tag = false;
                            State::Tag
                        }
                        _ => State::Data,
                    }
                }
                State::RawText => {
                    if self.skip_behind(b'<') && self.is_end_of(self.raw_text) {
                        self.at += 1;
                        is_end_tag = true;
                        State::Tag
                    } else {
                        State::RawText
                    }
                }
                State::ScriptData(escape) => match self.script_data(escape) {
                    Some(escape) => State::ScriptData(escape),
                    None => {
                        self.at += 1;
                        is_end_tag = true;
                        State::Tag
                    }
                },
                State::Tag => {
                    let (name, attributes) = self.tag()?;
                    if is_end_tag {
                        State::Data
                    } else {
                        if name.eq_ignore_ascii_case(b"meta") {
                            if let Some(encoding) = self.encoding_of(&attributes) {
                                return Some(encoding);
                            }
                            if self.unknown_labels >= MAX_UNKNOWN_LABELS {
                                return None;
                            }
                        }
                        self.content_of(name)?
                    }
                }
            };
        }
        None
    }

    /// How the content of an element is read. `None` if all that follows is text.
    fn content_of(&mut self, name: &[u8]) -> Option<State> {
        if !self.skips_raw_text {
            return Some(State::Data);
        }
        if name.eq_ignore_ascii_case(b"plaintext") {
            return None;
        }
        let raw_text = RAW_TEXT.iter().find(|raw| name.eq_ignore_ascii_case(raw));
        Some(match raw_text {
            Some(&name) if name == b"script" => State::ScriptData(Escape::None),
            Some(&name) => {
                self.raw_text = name;
                State::RawText
            }
            None => State::Data,
        })
    }

    /// Reads a script up to the next `<` that matters, or a byte of it. `None` before the `/` of its end tag.
    fn script_data(&mut self, escape: Escape) -> Option<Escape> {
        if escape == Escape::None {
            if !self.skip_behind(b'<') {
                return Some(escape);
            }
            if self.is_end_of(b"script") {
                return None;
            }
            let is_comment = self.page[self.at..].starts_with(b"!--");
            return Some(if is_comment { Escape::Comment } else { escape });
        }
        let byte = self.page[self.at];
        self.at += 1;
        match byte {
            b'>' if self.is_dashed(self.at - 1) => Some(Escape::None),
            b'<' if escape == Escape::Comment && self.is_tag(b"script") => Some(Escape::Script),
            b'<' if self.is_end_of(b"script") => {
                (escape == Escape::Script).then_some(Escape::Comment)
            }
            _ => Some(escape),
        }
    }

    /// Behind `<`, before `!`.
    fn markup_declaration(&mut self) -> State {
        if !self.page[self.at..].starts_with(b"!--") {
            return self.bogus_comment();
        }
        self.at += b"!--".len();
        let start = self.at;
        while self.skip_behind(b'>') {
            let end = self.at - 1;
            // `-->`, whose dashes may be those of `<!--`, or `--!>`.
            let is_closed = self.is_dashed(end)
                || (self.page[end - 1] == b'!' && end >= start + 3 && self.is_dashed(end - 1));
            if is_closed {
                break;
            }
        }
        State::Data
    }

    fn bogus_comment(&mut self) -> State {
        self.skip_behind(b'>');
        State::Data
    }

    /// Reads a tag behind its `<` or `</`: its name, and its attributes where it is a `<meta>`. `None` if it does not end.
    fn tag(&mut self) -> Option<(&'a [u8], Attributes<'a>)> {
        let name = self.take_until(|byte| is_space(byte) || byte == b'/' || byte == b'>');
        let mut attributes = Attributes::default();
        let is_meta = name.eq_ignore_ascii_case(b"meta");
        loop {
            self.take_until(|byte| !is_space(byte) && byte != b'/');
            if self.peek(0)? == b'>' {
                self.at += 1;
                return Some((name, attributes));
            }
            let (name, value) = self.attribute()?;
            if is_meta {
                attributes.keep(name, value);
            }
        }
    }

    /// Reads an attribute. `None` if the page ends in it.
    fn attribute(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let start = self.at;
        // An `=` is the beginning of a name, not of a value, where there is no name.
        self.at += 1;
        self.take_until(|byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='));
        let name = &self.page[start..self.at];
        self.skip_space();
        if self.peek(0)? != b'=' {
            return Some((name, b""));
        }
        self.at += 1;
        self.skip_space();
        let first = self.peek(0)?;
        if first != b'"' && first != b'\'' {
            let value = self.take_until(|byte| is_space(byte) || byte == b'>');
            return Some((name, value));
        }
        self.at += 1;
        let start = self.at;
        if !self.skip_behind(first) {
            return None;
        }
        Some((name, &self.page[start..self.at - 1]))
    }

    /// The encoding that a `<meta>` declares: by its `charset`, else by its `content`.
    fn encoding_of(&mut self, attributes: &Attributes<'_>) -> Option<&'static Encoding> {
        for label in [attributes.charset, attributes.label_in_content()] {
            let Some(label) = label else { continue };
            if let Some(encoding) = encoding_of_meta(label) {
                return Some(encoding);
            }
            self.unknown_labels += 1;
            if self.unknown_labels == MAX_UNKNOWN_LABELS {
                break;
            }
        }
        None
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.page.get(self.at + ahead).copied()
    }

    /// Goes behind the next such byte, or to the page's end if there is none.
    fn skip_behind(&mut self, byte: u8) -> bool {
        let found = memchr(byte, &self.page[self.at..]);
        self.at = found.map_or(self.page.len(), |found| self.at + found + 1);
        found.is_some()
    }

    fn skip_space(&mut self) {
        self.take_until(|byte| !is_space(byte));
    }

    /// Reads up to the next byte that `ends`, or to the page's end.
    fn take_until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.page[self.at..];
        let length = rest
            .iter()
            .position(|&byte| ends(byte))
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Whether the end tag of this element stands here, behind its `<`.
    fn is_end_of(&self, name: &[u8]) -> bool {
        self.peek(0) == Some(b'/') && self.is_name_at(self.at + 1, name)
    }

    /// Whether a tag of this name stands here, behind its `<`.
    fn is_tag(&self, name: &[u8]) -> bool {
        self.is_name_at(self.at, name)
    }

    fn is_name_at(&self, start: usize, name: &[u8]) -> bool {
        let end = start + name.len();
        let Some(next) = self.page.get(end) else {
            return false;
        };
        self.page[start..end].eq_ignore_ascii_case(name)
            && (is_space(*next) || *next == b'/' || *next == b'>')
    }

    fn is_dashed(&self, at: usize) -> bool {
        self.page[..at].ends_with(b"--")
    }
}

impl<'a> Attributes<'a> {
    fn keep(&mut self, name: &[u8], value: &'a [u8]) {
        let place = if name.eq_ignore_ascii_case(b"charset") {
            &mut self.charset
        } else if name.eq_ignore_ascii_case(b"content") {
            &mut self.content
        } else if name.eq_ignore_ascii_case(b"http-equiv") {
            &mut self.http_equiv
        } else {
            return;
        };
        place.get_or_insert(value);
    }

    /// The label in the `content`, where `http-equiv` says that this is a `content-type`.
    fn label_in_content(&self) -> Option<&'a [u8]> {
        if self.http_equiv?.eq_ignore_ascii_case(b"content-type") {
            label_of_content(self.content?)
        } else {
            None
        }
    }
}

/// The label in the `content` of a `<meta>` (HTML standard, 2.4.4, "extracting a character encoding from a `meta` element").
fn label_of_content(content: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"charset";
    let mut rest = content;
    let value = loop {
        let found = rest
            .windows(NAME.len())
            .position(|part| part.eq_ignore_ascii_case(NAME))?;
        rest = trimmed(&rest[found + NAME.len()..]);
        if let Some(value) = rest.strip_prefix(b"=") {
            break trimmed(value);
        }
    };
    let (&first, quoted) = value.split_first()?;
    if first == b'"' || first == b'\'' {
        return Some(&quoted[..memchr(first, quoted)?]);
    }
    let end = value
        .iter()
        .position(|&byte| is_space(byte) || byte == b';');
    Some(&value[..end.unwrap_or(value.len())]).filter(|label| !label.is_empty())
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| !is_space(byte));
    &bytes[start.unwrap_or(bytes.len())..]
}

/// White space as HTML has it: the same bytes as Rust's.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}
