//! A text cut into numbers, words and marks, as dates are read from it.

/// A run of digits or of letters, or one other character that is no white space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) text: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

impl Token<'_> {
    /// How many digits it has; 0 if it is no number.
    pub(super) fn digits(&self) -> usize {
        let number = self.text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if number { self.text.len() } else { 0 }
    }
}

#[derive(PartialEq)]
enum Class {
    Digit,
    Letter,
    Space,
    Mark,
}

fn class(c: char) -> Class {
    if c.is_ascii_digit() {
        Class::Digit
    } else if c.is_alphabetic() {
        Class::Letter
    } else if c.is_whitespace() {
        Class::Space
    } else {
        Class::Mark
    }
}

/// The tokens of the first `most` bytes.
pub(super) fn tokens(text: &str, most: usize) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut last = Class::Space;
    for (start, c) in text.char_indices() {
        if start >= most {
            break;
        }
        let its = class(c);
        let end = start + c.len_utf8();
        match tokens.last_mut() {
            Some(token) if its == last && matches!(its, Class::Digit | Class::Letter) => {
                token.end = end;
                token.text = &text[token.start..end];
            }
            _ if its != Class::Space => tokens.push(Token {
                text: &text[start..end],
                start,
                end,
                spaced: last == Class::Space,
            }),
            _ => {}
        }
        last = its;
    }
    tokens
}
