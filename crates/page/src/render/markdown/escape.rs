//! Escapes: text is written so that it is read as the same text.

/// Where text stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// In the text of a link or picture.
    pub(super) in_link: bool,
    /// In a cell of a table.
    pub(super) in_cell: bool,
    /// The character after it, marks left out; a space at the end of a line.
    pub(super) after: char,
}

/// Bytes of the longest name of a character reference.
const MAX_REFERENCE: usize = 40;

/// Adds text, with those signs escaped that would not be read as themselves. Which marks stand
/// before and after is unknown.
pub(super) fn text(out: &mut String, text: &str, place: Place) {
    let bytes = text.as_bytes();
    let mut done = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if !is_sign(byte) {
            at += 1;
            continue;
        }
        // Delimiters count by runs.
        let mut end = at + 1;
        if matches!(byte, b'*' | b'_' | b'~') {
            while bytes.get(end) == Some(&byte) {
                end += 1;
            }
        }
        if needs_escape(text, at, end, place) {
            out.push_str(&text[done..at]);
            for _ in at..end {
                out.push('\\');
                out.push(char::from(byte));
            }
            done = end;
        }
        at = end;
    }
    out.push_str(&text[done..]);
}

fn is_sign(byte: u8) -> bool {
    matches!(
        byte,
        b'\\' | b'`' | b'*' | b'_' | b'~' | b'[' | b']' | b'<' | b'&' | b'!' | b'|'
    )
}

fn needs_escape(text: &str, at: usize, end: usize, place: Place) -> bool {
    let bytes = text.as_bytes();
    let next = text[end..].chars().next().unwrap_or(place.after);
    match bytes[at] {
        b'\\' => end == bytes.len() || next.is_ascii_punctuation(),
        b'[' => place.in_link,
        b']' => place.in_link || matches!(next, '(' | '[' | ':'),
        b'<' => next != ' ',
        b'!' => next == '[',
        b'|' => place.in_cell,
        b'&' => may_be_reference(&bytes[end..], place.after),
        b'_' | b'*' | b'~' => {
            let before = text[..at].chars().next_back();
            let after = text[end..].chars().next();
            let both = |is: fn(char) -> bool| before.is_some_and(is) && after.is_some_and(is);
            let is_inside = bytes[at] == b'_' && both(is_letter);
            !is_inside && !both(char::is_whitespace)
        }
        _ => true,
    }
}

/// Whether `&` and this may be a character reference, which may go on after the text.
fn may_be_reference(rest: &[u8], after: char) -> bool {
    let mut name = rest.iter().take(MAX_REFERENCE);
    match name.find(|byte| !byte.is_ascii_alphanumeric() && **byte != b'#') {
        Some(byte) => *byte == b';' && rest[0] != b';',
        None => after.is_ascii_alphanumeric() || matches!(after, '#' | ';'),
    }
}

/// Letters and digits, which are punctuation by no table. Letters in circles are symbols.
pub(super) fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}')
}

/// Adds a link's address in brackets.
pub(super) fn address(out: &mut String, url: &str, in_cell: bool) {
    out.push('(');
    if url.is_empty() {
        out.push_str("<>");
    }
    let is_balanced = has_balanced_brackets(url);
    for (at, c) in url.char_indices() {
        match c {
            '(' | ')' if is_balanced => out.push(c),
            '(' | ')' | '\\' | '<' | '>' | '`' | '*' | '[' | ']' => {
                out.push('\\');
                out.push(c);
            }
            '|' if in_cell => out.push_str("\\|"),
            '&' if may_be_reference(&url.as_bytes()[at + 1..], ')') => out.push_str("&amp;"),
            c if c.is_whitespace() || c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push(')');
}

/// Whether brackets are in pairs, and no more within each other than all parsers read.
fn has_balanced_brackets(url: &str) -> bool {
    let mut depth = 0;
    let is_balanced = url.bytes().all(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        (0..8).contains(&depth)
    });
    is_balanced && depth == 0
}

/// Adds code in backticks that are no run in it. `None` if it cannot be written in a cell: a backslash before a bar.
pub(super) fn code(out: &mut String, code: &str, in_cell: bool) -> Option<()> {
    if in_cell && code.contains("\\|") {
        return None;
    }
    let fence = "`".repeat(longest_run(code, b'`') + 1);
    let is_padded = code.starts_with('`') || code.ends_with('`');
    let pad = if is_padded { " " } else { "" };
    out.push_str(&fence);
    out.push_str(pad);
    if in_cell {
        out.push_str(&code.replace('|', "\\|"));
    } else {
        out.push_str(code);
    }
    out.push_str(pad);
    out.push_str(&fence);
    Some(())
}

/// The length of the longest run of a byte.
pub(super) fn longest_run(text: &str, byte: u8) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for its in text.bytes() {
        run = if its == byte { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Escapes what begins each line, where it would be read as a heading, a list, a quote, a rule or a table.
pub(super) fn line_starts(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (place, line) in text.split('\n').enumerate() {
        if place > 0 {
            out.push('\n');
        }
        match start(line, place == 0) {
            Some(at) => {
                out.push_str(&line[..at]);
                out.push('\\');
                out.push_str(&line[at..]);
            }
            None => out.push_str(line),
        }
    }
    out
}

/// The place of the sign that must be escaped at the beginning of a line.
fn start(line: &str, is_first: bool) -> Option<usize> {
    let bytes = line.as_bytes();
    // A hard break ends the line with a backslash.
    let ends = |at: usize| matches!(bytes.get(at), None | Some(b' ')) || &line[at..] == "\\";
    let only = |signs: &[u8]| {
        let line = line.strip_suffix('\\').unwrap_or(line);
        line.bytes().all(|byte| signs.contains(&byte))
    };
    let escaped = match bytes.first()? {
        b'>' => true,
        b'#' => {
            let level = bytes.iter().take_while(|byte| **byte == b'#').count();
            level <= 6 && ends(level)
        }
        b'+' | b'*' => ends(1),
        b'_' => only(b"_ "),
        b'-' => ends(1) || only(b"-") || (!is_first && only(b"-:| ")),
        b':' | b'|' => !is_first && only(b"-:| "),
        b'=' => !is_first && only(b"= "),
        b'[' => matches!(bytes.get(1..3), Some(b" ]" | b"x]" | b"X]")) && ends(3),
        b'0'..=b'9' => {
            let digits = bytes
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let is_marker =
                digits <= 9 && matches!(bytes.get(digits), Some(b'.' | b')')) && ends(digits + 1);
            return is_marker.then_some(digits);
        }
        _ => false,
    };
    escaped.then_some(0)
}

/// Escapes a `#` at the end of a heading, which would be no part of it.
pub(super) fn heading_end(text: &mut String) {
    if text.ends_with('#') {
        text.insert(text.len() - 1, '\\');
    }
}
