//! Tags and their attributes.

use super::{Token, Tokenizer};
use crate::html::decode::{self, References, Rules};
use crate::html::document::Text;
use crate::html::names::{Attr, Tag};
use crate::scan;
use std::borrow::Cow;

const VALUE: Rules = Rules {
    references: References::Attribute,
    replace_nulls: true,
};

impl Tokenizer<'_> {
    /// The start tag at `<`; `None` if the page ends in it.
    #[inline]
    pub(super) fn start_tag(&mut self) -> Option<Token> {
        self.name(self.at + 1);
        self.rest_of_tag()?;
        self.last_start = Some(self.tag);
        Some(Token::Start)
    }

    /// The end tag at `</`; `None` if the page ends in it.
    #[inline]
    pub(super) fn end_tag(&mut self) -> Option<Token> {
        self.name(self.at + 2);
        self.rest_of_tag()?;
        Some(Token::End)
    }

    #[inline]
    fn name(&mut self, start: usize) {
        let name = scan::tag_name(self.source.as_bytes(), start);
        let source = &self.source[start..name.end];
        self.tag = Tag(if name.change {
            lower_case(source, &mut self.scratch);
            self.tag_names.number(&self.scratch)
        } else {
            self.tag_names.number(source)
        });
        self.at = name.end;
    }

    /// The attributes of the tag whose name ends here.
    #[inline]
    fn rest_of_tag(&mut self) -> Option<()> {
        let bytes = self.source.as_bytes();
        self.drop_attributes();
        self.self_closing = false;
        if bytes.get(self.at) == Some(&b'>') {
            self.at += 1;
            return Some(());
        }
        self.serial = self.serial.wrapping_add(1);
        let end = self.read_attributes();
        self.at = end.unwrap_or(bytes.len());
        end.map(drop)
    }

    /// Reads attributes up to the end of the tag; returns where it is, or `None` if the page ends before it.
    fn read_attributes(&mut self) -> Option<usize> {
        let bytes = self.source.as_bytes();
        let mut at = self.at;
        loop {
            at = scan::skip_space(bytes, at);
            match bytes.get(at)? {
                b'>' => return Some(at + 1),
                b'/' => {
                    at += 1;
                    if bytes.get(at) == Some(&b'>') {
                        self.self_closing = true;
                        return Some(at + 1);
                    }
                    continue;
                }
                _ => {}
            }
            let start = at;
            // An equals sign at the begin is the name's.
            let first = usize::from(bytes[at] == b'=');
            let name = scan::attribute_name(bytes, start + first);
            at = scan::skip_space(bytes, name.end);
            let (value, after) = if bytes.get(at)? == &b'=' {
                self.value(scan::skip_space(bytes, at + 1))?
            } else {
                (Text::default(), at)
            };
            at = after;
            let source = &self.source[start..name.end];
            let number = if name.change {
                lower_case(source, &mut self.scratch);
                self.attribute_names.number(&self.scratch)
            } else {
                self.attribute_names.number(source)
            };
            self.add_attribute(Attr(number), value);
        }
    }

    /// The value at `at`, and where it ends. It is decoded only when it is kept; until then the topmost bit says that
    /// it must be.
    #[inline]
    fn value(&self, at: usize) -> Option<(Text, usize)> {
        let bytes = self.source.as_bytes();
        let (start, end, changed, after) = match *bytes.get(at)? {
            quote @ (b'"' | b'\'') => {
                let start = at + 1;
                let mut end = scan::find(bytes, start, [quote, b'&', b'\r', 0]);
                let changed = *bytes.get(end)? != quote;
                if changed {
                    end += memchr::memchr(quote, &bytes[end..])?;
                }
                (start, end, changed, end + 1)
            }
            b'>' => (at, at, false, at),
            _ => {
                let mut end =
                    scan::find(bytes, at, [b' ', b'\n', b'\t', b'\r', 0x0c, b'>', b'&', 0]);
                let changed = matches!(*bytes.get(end)?, b'&' | 0);
                if changed {
                    end = scan::find(bytes, end, [b' ', b'\n', b'\t', b'\r', 0x0c, b'>']);
                    bytes.get(end)?;
                }
                (at, end, changed, end)
            }
        };
        let text = Text::borrowed(start, end - start);
        let text = if changed { text.marked() } else { text };
        Some((text, after))
    }

    /// Adds an attribute to the tag unless it has one of this name. Each tag has a number, so that no list is searched.
    #[inline]
    fn add_attribute(&mut self, name: Attr, value: Text) {
        let number = usize::from(name.0);
        if number >= self.seen.len() {
            self.seen.resize((number + 1).next_power_of_two(), 0);
        }
        if std::mem::replace(&mut self.seen[number], self.serial) != self.serial {
            self.reserve_attributes();
            self.attributes.push((name, value));
        }
    }

    /// Room for as many attributes as the page will have if it goes on as it began.
    #[inline]
    fn reserve_attributes(&mut self) {
        let length = self.attributes.len();
        if length == self.attributes.capacity() {
            let rest = crate::html::arena::expected(length, self.at, self.source.len());
            self.attributes.reserve_exact(rest);
        }
    }

    /// The tag's attributes, their values undecoded.
    pub(in crate::html) fn tag_attributes(&self) -> &[(Attr, Text)] {
        &self.attributes[self.kept..]
    }

    /// The value of one of the tag's attributes.
    pub(in crate::html) fn tag_attribute(&self, wanted: Attr) -> Option<Cow<'_, str>> {
        let mut attributes = self.tag_attributes().iter();
        let (_, value) = attributes.find(|(name, _)| *name == wanted)?;
        Some(self.value_text(*value))
    }

    /// The text of a value that is not decoded yet.
    pub(in crate::html) fn value_text(&self, value: Text) -> Cow<'_, str> {
        let source = &self.source[value.bounds()];
        if value.is_marked() {
            let mut decoded = String::new();
            decode::decode(source, VALUE, &mut decoded);
            Cow::Owned(decoded)
        } else {
            Cow::Borrowed(source)
        }
    }

    /// Gives the tag's attributes other names.
    pub(in crate::html) fn rename_attributes(
        &mut self,
        rename: impl Fn(&str) -> Option<&'static str>,
    ) {
        for place in self.kept..self.attributes.len() {
            let name = self.attribute_names.name(self.attributes[place].0.0);
            if let Some(name) = rename(name) {
                self.attributes[place].0 = Attr(self.attribute_names.number(name));
            }
        }
    }

    /// Keeps the tag's attributes for an element; returns their range. Later calls for the same tag keep none.
    #[inline]
    pub(in crate::html) fn keep_attributes(&mut self) -> Text {
        let first = self.kept;
        for place in first..self.attributes.len() {
            let value = self.attributes[place].1;
            if value.is_marked() {
                self.attributes[place].1 = self.decoded_value(value);
            }
        }
        self.kept = self.attributes.len();
        Text::range(first, self.kept - first)
    }

    /// Forgets the tag's attributes unless they are kept.
    pub(in crate::html) fn drop_attributes(&mut self) {
        self.attributes.truncate(self.kept);
    }

    /// Decodes a value.
    pub(in crate::html) fn decoded_value(&mut self, value: Text) -> Text {
        if !value.is_marked() {
            return value;
        }
        let bounds = value.bounds();
        self.text(bounds.start, bounds.end, Some(VALUE))
    }
}

/// A name as tree construction spells it.
#[cold]
fn lower_case(name: &str, out: &mut String) {
    out.clear();
    out.push_str(name);
    out.make_ascii_lowercase();
    if out.contains('\0') {
        *out = out.replace('\0', "\u{fffd}");
    }
}
