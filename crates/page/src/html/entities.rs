//! Named character references.

/// All names of the HTML standard but `NewLine`, whose value is a line end, in the order of their bytes: a line holds
/// the name, a tab if it also stands without a semicolon or else a blank, and the value.
static TABLE: &str = include_str!("entities.txt");

/// The longest name has so many letters and digits.
pub(super) const LONGEST: usize = 31;

/// The longest name that stands without a semicolon.
pub(super) const LONGEST_BARE: usize = 6;

/// What a name stands for, and whether it does so without a semicolon too.
pub(super) fn find(name: &[u8]) -> Option<(&'static str, bool)> {
    match name {
        b"amp" => return Some(("&", true)),
        b"nbsp" => return Some(("\u{a0}", true)),
        b"lt" => return Some(("<", true)),
        b"gt" => return Some((">", true)),
        b"quot" => return Some(("\"", true)),
        b"NewLine" => return Some(("\n", false)),
        _ => {}
    }
    let table = TABLE.as_bytes();
    // A binary search over lines of any length: the middle is moved back to where its line begins.
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = memchr::memrchr(b'\n', &table[low..middle]).map_or(low, |at| low + at + 1);
        let rest = &table[start..high];
        let end = memchr::memchr(b'\n', rest)?;
        let line = &rest[..end];
        let letters = memchr::memchr2(b' ', b'\t', line)?;
        match line[..letters].cmp(name) {
            std::cmp::Ordering::Less => low = start + end + 1,
            std::cmp::Ordering::Greater => high = start,
            std::cmp::Ordering::Equal => {
                let value = TABLE.get(start + letters + 1..start + end)?;
                return Some((value, line[letters] == b'\t'));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_table_is_found() {
        let mut bare = 0;
        for line in TABLE.lines() {
            let letters = line.find([' ', '\t']).expect("a separator");
            let (name, value) = (&line[..letters], &line[letters + 1..]);
            let stands_bare = line.as_bytes()[letters] == b'\t';
            assert_eq!(find(name.as_bytes()), Some((value, stands_bare)), "{name}");
            assert!(name.len() <= LONGEST);
            if stands_bare {
                bare += 1;
                assert!(name.len() <= LONGEST_BARE, "{name}");
            }
        }
        assert_eq!((TABLE.lines().count() + 1, bare), (2125, 106));
        for unknown in ["", "A", "am", "ampx", "zzzz", "\u{0}", " "] {
            assert_eq!(find(unknown.as_bytes()), None);
        }
    }
}
