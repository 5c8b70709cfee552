//! JSON as pages write it: values in document order, as lenient as is cheap.
//!
//! Comments, trailing and missing commas, raw control characters and bare quotes inside strings do not end the reading;
//! what is no JSON at all gives an empty list. Nothing here recurses.

use std::borrow::Cow;

/// Values deeper than this are left out.
const MAX_DEPTH: usize = 64;

/// At most so many values of one script are kept: a page's description of itself has a few hundred.
const MAX_VALUES: usize = 20_000;

/// A value, by its place in document order: the values inside it follow it directly.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'j> {
    Object,
    Array,
    Text(Cow<'j, str>),
    /// A number, `true`, `false` or `null`, as written.
    Bare(&'j str),
}

#[derive(Clone, Debug)]
pub(super) struct Value<'j> {
    /// Its key, if it is a member of an object.
    pub(super) key: Option<Cow<'j, str>>,
    pub(super) kind: Kind<'j>,
    /// The first value that is not inside this one.
    pub(super) end: usize,
}

/// All values of the text.
pub(super) fn read(text: &str) -> Vec<Value<'_>> {
    Reader {
        text,
        at: 0,
        values: Vec::new(),
        open: Vec::new(),
        key: None,
    }
    .read()
}

struct Reader<'j> {
    text: &'j str,
    at: usize,
    values: Vec<Value<'j>>,
    /// The open objects and arrays; `None` for one that is left out.
    open: Vec<Option<usize>>,
    key: Option<Cow<'j, str>>,
}

impl<'j> Reader<'j> {
    fn read(mut self) -> Vec<Value<'j>> {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            if self.values.len() >= MAX_VALUES {
                break;
            }
            match byte {
                b'{' => self.open(Kind::Object),
                b'[' => self.open(Kind::Array),
                b'}' | b']' => self.close(),
                b'"' => self.string(),
                b'/' => self.comment(),
                b'-' | b'0'..=b'9' | b'a'..=b'z' => self.bare(),
                // Commas and colons separate what is told apart without them; anything else is skipped.
                _ => self.at += 1,
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
        self.values
    }

    fn open(&mut self, kind: Kind<'j>) {
        self.at += 1;
        let kept = self.open.len() < MAX_DEPTH && self.open.last() != Some(&None);
        let place = kept.then_some(self.values.len());
        if kept {
            self.push(kind);
        }
        self.open.push(place);
        self.key = None;
    }

    fn close(&mut self) {
        self.at += 1;
        self.key = None;
        if let Some(Some(place)) = self.open.pop() {
            self.values[place].end = self.values.len();
        }
    }

    fn push(&mut self, kind: Kind<'j>) {
        let end = self.values.len() + 1;
        let key = self.key.take();
        self.values.push(Value { key, kind, end });
    }

    /// A string: a key if a colon follows inside an object, else a value.
    fn string(&mut self) {
        let (text, escaped) = self.quoted();
        let text = if escaped {
            Cow::Owned(unescape(text))
        } else {
            Cow::Borrowed(text)
        };
        match self.open.last() {
            Some(&Some(place)) => {
                let member = self.values[place].kind == Kind::Object;
                if member && self.following() == Some(b':') && self.key.is_none() {
                    self.key = Some(text);
                } else if !member || self.key.is_some() {
                    self.push(Kind::Text(text));
                }
            }
            Some(None) => {}
            None => self.push(Kind::Text(text)),
        }
    }

    /// What stands between the quote here and the one that ends it, and whether it has escapes. A quote ends the string
    /// if what follows can follow a string; so bare quotes inside do not, and no valid string is read otherwise.
    fn quoted(&mut self) -> (&'j str, bool) {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut escaped = false;
        let mut at = start;
        while let Some(found) = bytes
            .get(at..)
            .and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
        {
            at += found;
            if bytes[at] == b'\\' {
                escaped = true;
                at += 2;
                continue;
            }
            self.at = at + 1;
            if self.can_end() {
                return (&self.text[start..at], escaped);
            }
            at += 1;
        }
        self.at = bytes.len();
        (&self.text[start..], escaped)
    }

    fn can_end(&self) -> bool {
        let rest = &self.text.as_bytes()[self.at..];
        let space = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        match rest.get(space) {
            None | Some(b',' | b'}' | b']' | b':' | b'/') => true,
            // A comma was forgotten at the end of a line.
            Some(b'"') => rest[..space].contains(&b'\n'),
            _ => false,
        }
    }

    fn following(&self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        rest.iter().copied().find(|b| !b.is_ascii_whitespace())
    }

    fn comment(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let length = match rest.get(1) {
            Some(b'/') => memchr::memchr(b'\n', rest),
            Some(b'*') => memchr::memmem::find(&rest[2..], b"*/").map(|end| end + 4),
            _ => Some(1),
        };
        self.at += length.unwrap_or(rest.len());
    }

    fn bare(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
            .count();
        self.at += length;
        match self.open.last() {
            Some(&Some(place)) if self.values[place].kind == Kind::Array || self.key.is_some() => {
                self.push(Kind::Bare(&rest[..length]));
            }
            _ => {}
        }
    }
}

/// The text that an escaped string means. Lone surrogates become U+FFFD, unknown escapes the character itself.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escape) = rest.chars().next() else {
            break;
        };
        rest = &rest[escape.len_utf8()..];
        match escape {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' | 'f' => out.push(' '),
            'u' => {
                let (character, after) = code_point(rest);
                out.push(character);
                rest = after;
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

/// The character that follows `\u`, of one or two such escapes.
fn code_point(rest: &str) -> (char, &str) {
    let unit = |text: &str| {
        let hex = text.get(..4)?;
        let all = hex.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(hex, 16).ok().filter(|_| all)
    };
    let Some(first) = unit(rest) else {
        return (char::REPLACEMENT_CHARACTER, rest);
    };
    let after = &rest[4..];
    if let (0xd800..=0xdbff, Some(low)) = (first, after.strip_prefix("\\u"))
        && let Some(second @ 0xdc00..=0xdfff) = unit(low)
    {
        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (
            char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER),
            &low[4..],
        );
    }
    (
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        after,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of the outermost object that are text.
    fn texts(json: &str) -> Vec<(String, String)> {
        read(json)
            .into_iter()
            .filter_map(|value| match (value.key, value.kind) {
                (Some(key), Kind::Text(text)) => Some((key.into_owned(), text.into_owned())),
                _ => None,
            })
            .collect()
    }

    fn pair(key: &str, text: &str) -> (String, String) {
        (key.to_owned(), text.to_owned())
    }

    #[test]
    fn values_stand_in_document_order() {
        let values = read(r#"{"a": [1, "two", {"b": null}], "c": "d"}"#);
        let ends: Vec<usize> = values.iter().map(|value| value.end).collect();
        assert_eq!(ends, [7, 6, 3, 4, 6, 6, 7]);
        assert_eq!(values[2].kind, Kind::Bare("1"));
        assert_eq!(values[5].key.as_deref(), Some("b"));
        assert_eq!(values[6].kind, Kind::Text("d".into()));
    }

    #[test]
    fn escapes_are_resolved() {
        let json = r#"{"a": "\u00e9\ud83d\ude00 \"q\" \\ \/ \ud83d! \n\u12"}"#;
        assert_eq!(
            texts(json),
            [pair("a", "é😀 \"q\" \\ / \u{fffd}! \n\u{fffd}12")]
        );
    }

    #[test]
    fn common_faults_are_forgiven() {
        let cases = [
            "{\"a\": \"one\", /* why */ \"b\": \"two\", // so\n}",
            "{\"a\": \"one\"\n\"b\": \"two\"}",
            "{\"a\": \"one\",, \"b\": \"two\"",
            "<!-- {\"a\": \"one\", \"b\": \"two\"} -->",
            "{\"a\": \"one\", \"b\": \"two\"};",
            "//<![CDATA[\n{\"a\": \"one\", \"b\": \"two\"}\n//]]>",
        ];
        for json in cases {
            assert_eq!(texts(json), [pair("a", "one"), pair("b", "two")], "{json}");
        }
        assert_eq!(
            texts("{\"a\": \"she said \"no\" and\n\tleft\", \"b\": \"two\"}"),
            [pair("a", "she said \"no\" and\n\tleft"), pair("b", "two")]
        );
    }

    #[test]
    fn depth_has_a_limit() {
        let json = format!("{}\"x\"{},\"y\"", "[".repeat(100_000), "]".repeat(100_000));
        let values = read(&json);
        assert_eq!(values.len(), MAX_DEPTH + 1);
        assert_eq!(values[MAX_DEPTH].kind, Kind::Text("y".into()));
    }
}
