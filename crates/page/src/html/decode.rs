//! Text that is not in the source as it stands: character references, line ends, null bytes.

use super::entities;
use crate::scan;

/// What is changed in a stretch of the source besides line ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rules {
    /// Whether character references are decoded, and by which rules.
    pub(super) references: References,
    /// Whether null bytes become U+FFFD; else they stay.
    pub(super) replace_nulls: bool,
}

/// How character references are decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum References {
    /// They are text.
    None,
    /// As in text.
    Text,
    /// As in values of attributes, where names without a semicolon must not be followed by `=`, letters or digits.
    Attribute,
}

/// Adds what `source` means to `out`.
pub(super) fn decode(source: &str, rules: Rules, out: &mut String) {
    let bytes = source.as_bytes();
    let mut copied = 0;
    loop {
        let at = match rules.references {
            References::None => scan::find(bytes, copied, [b'\r', 0]),
            _ => scan::find(bytes, copied, [b'&', b'\r', 0]),
        };
        out.push_str(&source[copied..at]);
        copied = at + 1;
        match bytes.get(at) {
            None => return,
            Some(b'\r') => {
                out.push('\n');
                copied += usize::from(bytes.get(copied) == Some(&b'\n'));
            }
            Some(0) => out.push(if rules.replace_nulls {
                '\u{fffd}'
            } else {
                '\0'
            }),
            Some(_) => {
                copied = reference(source, at, rules.references == References::Attribute, out);
            }
        }
    }
}

/// Decodes the reference whose `&` is at `at`; returns where it ends. What is none stays as it is.
fn reference(source: &str, at: usize, in_attribute: bool, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    if bytes.get(at + 1) == Some(&b'#') {
        return numeric(source, at, out);
    }
    let name = &bytes[at + 1..];
    let letters = name.iter().take(entities::LONGEST + 1);
    let letters = letters.take_while(|b| b.is_ascii_alphanumeric()).count();
    if letters <= entities::LONGEST
        && name.get(letters) == Some(&b';')
        && let Some((value, _)) = entities::find(&name[..letters])
    {
        out.push_str(value);
        return at + 1 + letters + 1;
    }
    for length in (2..=letters.min(entities::LONGEST_BARE)).rev() {
        let Some((value, true)) = entities::find(&name[..length]) else {
            continue;
        };
        let next = name.get(length).copied().unwrap_or_default();
        if in_attribute && (next == b'=' || next.is_ascii_alphanumeric()) {
            break;
        }
        out.push_str(value);
        return at + 1 + length;
    }
    out.push('&');
    at + 1
}

fn numeric(source: &str, at: usize, out: &mut String) -> usize {
    let bytes = source.as_bytes();
    let hexadecimal = matches!(bytes.get(at + 2), Some(b'x' | b'X'));
    let (radix, first) = if hexadecimal {
        (16, at + 3)
    } else {
        (10, at + 2)
    };
    let mut end = first;
    let mut code = 0u32;
    while let Some(digit) = bytes.get(end).and_then(|b| char::from(*b).to_digit(radix)) {
        // Beyond the last character it stays beyond.
        code = (code * radix + digit).min(0x11_0000);
        end += 1;
    }
    if end == first {
        out.push_str(&source[at..first]);
        return first;
    }
    out.push(character(code));
    end + usize::from(bytes.get(end) == Some(&b';'))
}

/// The character of a number; those of the control characters after ASCII are meant as Windows-1252.
fn character(code: u32) -> char {
    const WINDOWS: [u16; 32] = [
        0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013,
        0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
    ];
    let code = match code {
        0 => 0xfffd,
        0x80..=0x9f => u32::from(WINDOWS[code as usize - 0x80]),
        code => code,
    };
    char::from_u32(code).unwrap_or('\u{fffd}')
}
