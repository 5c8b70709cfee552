//! Text about types and values that stays short, whatever names and types it is about.
//!
//! Types share their parts: written out, a type of a few kilobytes can take gigabytes. So types are written only into a
//! [`Text`], which takes a few kilobytes and then fails, which ends the writer.

use std::fmt;

/// The most bytes of one text.
pub const MAX_TEXT_BYTES: usize = 4096;

/// The end of a text that was cut.
const CUT: &str = "…";

/// A text of at most `max` bytes. Writing more fails, which ends the writer; the text until then is kept, with "…"
/// behind it.
#[derive(Debug)]
pub struct Text {
    max: usize,
    written: String,
    cut: bool,
}

impl Text {
    /// What `write` writes, up to [`MAX_TEXT_BYTES`].
    pub fn of(write: impl FnOnce(&mut Text) -> fmt::Result) -> String {
        Text::within(MAX_TEXT_BYTES, write)
    }

    /// What `write` writes, up to `max` bytes.
    pub fn within(max: usize, write: impl FnOnce(&mut Text) -> fmt::Result) -> String {
        let mut text = Text {
            max,
            written: String::new(),
            cut: false,
        };
        // An error means that the text is full; what it holds is good.
        let _ = write(&mut text);
        text.written
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.cut {
            return Err(fmt::Error);
        }
        let room = self.max - CUT.len() - self.written.len();
        if more.len() <= room {
            self.written.push_str(more);
            return Ok(());
        }
        let end = more.floor_char_boundary(room);
        self.written.push_str(&more[..end]);
        self.written.push_str(CUT);
        self.cut = true;
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        for more in ["a", "ab", "é", "…", "𝄞x"] {
            let mut steps = 0;
            let text = Text::of(|text| {
                loop {
                    text.write_str(more)?;
                    steps += 1;
                }
            });
            assert!(text.len() <= MAX_TEXT_BYTES, "{}", text.len());
            assert!(text.len() > MAX_TEXT_BYTES - 10, "{}", text.len());
            assert!(text.ends_with(CUT));
            assert!(text.trim_end_matches(CUT).len() >= steps * more.trim_end_matches(CUT).len());
        }
        assert_eq!(Text::of(|text| write!(text, "{}-{}", 1, 2)), "1-2");
    }
}
