//! A title cut where its parts meet.

/// What parts are parted by, white space on both sides.
const SEPARATORS: &[&str] = &[
    "|", "-", "–", "—", "·", "•", "»", "«", "/", "::", "~", "›", "‹", "―", "*", ">", "<", ":",
];

/// A part of a title.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part<'t> {
    /// What stands before it; empty for the first.
    pub(super) separator: &'t str,
    pub(super) text: &'t str,
    /// Where it begins in the title, in bytes.
    pub(super) start: usize,
}

impl Part<'_> {
    /// Where it ends in the title, in bytes.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The parts of a title whose white space is collapsed. A colon parts what stands before it from what follows.
pub(super) fn parts(title: &str) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut separator = "";
    let mut start = 0;
    let mut add = |separator, start: usize, end: usize| {
        let text = title[start..end.max(start)].trim_end();
        if !text.is_empty() {
            parts.push(Part {
                separator,
                text,
                start,
            });
        }
    };
    let mut at = 0;
    for word in title.split(' ') {
        let end = at + word.len();
        let next = (end + 1).min(title.len());
        if SEPARATORS.contains(&word) {
            add(separator, start, at);
            (separator, start) = (word, next);
        } else if word.len() > 1 && word.ends_with(':') {
            add(separator, start, end - 1);
            (separator, start) = (&title[end - 1..end], next);
        }
        at = next;
    }
    add(separator, start, title.len());
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_are_parted_by_separators_with_white_space() {
        let cut = |title| {
            let parts = parts(title);
            parts
                .iter()
                .map(|part| (part.separator, part.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            cut("a-b | c: d — e"),
            [("", "a-b"), ("|", "c"), (":", "d"), ("—", "e")]
        );
        assert_eq!(cut("| a |"), [("|", "a")]);
        assert_eq!(cut("a: "), [("", "a")]);
        assert_eq!(cut(""), []);
        assert_eq!(cut("é - ü")[1], ("-", "ü"));
    }
}
