//! Percent-encoding.

/// Characters of ASCII that are encoded, one bit each. All others are encoded, too.
#[derive(Clone, Copy)]
pub(super) struct Set(u128);

impl Set {
    const fn with(self, characters: &[u8]) -> Set {
        let mut set = self.0;
        let mut at = 0;
        while at < characters.len() {
            set |= 1 << characters[at];
            at += 1;
        }
        Set(set)
    }

    fn has(self, byte: u8) -> bool {
        byte >= 128 || self.0 & (1 << byte) != 0
    }
}

/// Control characters.
pub(super) const CONTROLS: Set = Set(0xffff_ffff | (1 << 127));
pub(super) const FRAGMENT: Set = CONTROLS.with(b" \"<>`");
pub(super) const PATH: Set = FRAGMENT.with(b"#?{}");
pub(super) const QUERY: Set = CONTROLS.with(b" \"#<>");
pub(super) const SPECIAL_QUERY: Set = QUERY.with(b"'");
pub(super) const USERINFO: Set = PATH.with(b"/:;=@[\\]^|");

/// Writes text with the characters of a set encoded.
pub(super) fn encode(out: &mut String, text: &str, set: Set) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| set.has(byte)) {
        // Only whole characters are cut, since the bytes before are ASCII.
        out.push_str(&rest[..at]);
        let length = rest[at..].chars().next().map_or(1, char::len_utf8);
        for byte in rest[at..at + length].bytes() {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

/// Text with what is encoded in it decoded; `None` if that is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        rest = after;
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}
