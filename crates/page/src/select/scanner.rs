//! The characters of a selector: names, strings, white space.

use super::error::{Fault, SelectorError};

pub(super) struct Scanner<'s> {
    pub(super) text: &'s str,
    pub(super) at: usize,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(text: &'s str) -> Scanner<'s> {
        Scanner { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes over text if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Passes over white space and comments; whether there was any.
    pub(super) fn space(&mut self) -> bool {
        let before = self.at;
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            self.at += rest.len() - trimmed.len();
            match trimmed.strip_prefix("/*") {
                Some(comment) => {
                    let length = comment.find("*/").map_or(comment.len(), |end| end + 2);
                    self.at += 2 + length;
                }
                None => return self.at > before,
            }
        }
    }

    /// The fault that something else stands here.
    pub(super) fn fault(&self, expected: &'static str) -> SelectorError {
        let fault = match self.peek() {
            Some(found) => Fault::Unexpected { found, expected },
            None => Fault::Ends { expected },
        };
        SelectorError {
            position: self.at,
            fault,
        }
    }

    /// A name.
    pub(super) fn name(&mut self, expected: &'static str) -> Result<String, SelectorError> {
        let begins = self.begins_name();
        if !begins {
            return Err(self.fault(expected));
        }
        Ok(self.name_characters())
    }

    /// Whether a name begins here: no digit, and no hyphen before one.
    pub(super) fn begins_name(&self) -> bool {
        let mut characters = self.rest().chars();
        let mut next = characters.next();
        if next == Some('-') {
            next = characters.next();
            if next == Some('-') {
                return true;
            }
        }
        match next {
            Some('\\') => !matches!(characters.next(), None | Some('\n')),
            Some(c) => is_name_character(c) && !c.is_ascii_digit(),
            None => false,
        }
    }

    /// The characters of a name, which may be none.
    pub(super) fn name_characters(&mut self) -> String {
        let mut out = String::new();
        while let Some(c) = self.peek() {
            if is_name_character(c) {
                self.at += c.len_utf8();
                out.push(c);
            } else if c == '\\' && !matches!(self.rest()[1..].chars().next(), None | Some('\n')) {
                self.at += 1;
                out.push(self.escape());
            } else {
                break;
            }
        }
        out
    }

    /// The character after a backslash.
    fn escape(&mut self) -> char {
        let rest = self.rest();
        let digits = rest
            .bytes()
            .take(6)
            .take_while(u8::is_ascii_hexdigit)
            .count();
        if digits == 0 {
            let c = rest.chars().next().unwrap_or('\u{fffd}');
            self.at += rest.chars().next().map_or(0, char::len_utf8);
            return c;
        }
        let code = u32::from_str_radix(&rest[..digits], 16).unwrap_or_default();
        self.at += digits;
        // White space ends the number.
        if let Some(c) = self
            .peek()
            .filter(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'))
        {
            self.at += c.len_utf8();
        }
        char::from_u32(code)
            .filter(|c| *c != '\0')
            .unwrap_or('\u{fffd}')
    }

    /// A string in quotes.
    pub(super) fn string(&mut self) -> Result<String, SelectorError> {
        let quote = self.peek().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            return Err(self.fault("a string"));
        };
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                None | Some('\n') => return Err(self.fault("the end of the string")),
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    self.at += 1;
                    match self.peek() {
                        // A line end after a backslash is none.
                        Some('\n') => self.at += 1,
                        None => {}
                        Some(_) => out.push(self.escape()),
                    }
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    out.push(c);
                }
            }
        }
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii()
}
