//! Finding bytes: where text, names and values of HTML end, a block of bytes at a time.
//!
//! The search is written once, over [`Lanes`]: 16 bytes in a vector of WebAssembly, 8 in a number elsewhere. What is
//! left at the end of the input goes byte by byte.

mod lanes;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd;

use lanes::Lanes;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use lanes::Word as Block;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use simd::Vector as Block;

/// Where the next of `set` is at or after `from`; the length of `bytes` if there is none.
#[inline]
pub(crate) fn find<const N: usize>(bytes: &[u8], from: usize, set: [u8; N]) -> usize {
    find_with::<Block, N>(bytes, from, set)
}

/// Where the next byte that is no white space of HTML is, at or after `from`; the length of `bytes` if there is none.
#[inline]
pub(crate) fn skip_space(bytes: &[u8], from: usize) -> usize {
    // Mostly there is none, or a single blank.
    let mut at = from;
    while at < bytes.len().min(from + 2) {
        if !is_space(bytes[at]) {
            return at;
        }
        at += 1;
    }
    skip_space_with::<Block>(bytes, at)
}

/// Whether a byte is white space of HTML.
#[inline]
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// Where a name ends, and whether it is more than its bytes: it has a capital letter or a null byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    /// The first byte that is not the name's; the length of the input if nothing ends it.
    pub(crate) end: usize,
    /// Whether it must be changed: letters to lower case, null bytes to U+FFFD.
    pub(crate) change: bool,
}

/// The tag's name that begins at `from`: it ends at white space, `/` or `>`.
#[inline]
pub(crate) fn tag_name(bytes: &[u8], from: usize) -> Name {
    name_with::<Block, 7>(bytes, from, [b' ', b'\t', b'\n', b'\r', 0x0c, b'/', b'>'])
}

/// The attribute's name that begins at `from`: it ends at white space, `/`, `>` or `=`.
#[inline]
pub(crate) fn attribute_name(bytes: &[u8], from: usize) -> Name {
    name_with::<Block, 8>(
        bytes,
        from,
        [b' ', b'\t', b'\n', b'\r', 0x0c, b'/', b'>', b'='],
    )
}

#[inline]
fn find_with<L: Lanes, const N: usize>(bytes: &[u8], from: usize, set: [u8; N]) -> usize {
    let mut at = from;
    while let Some(block) = L::load(bytes, at) {
        if let Some(place) = L::first(block.any_of(set)) {
            return at + place;
        }
        at += L::WIDTH;
    }
    while at < bytes.len() && !set.contains(&bytes[at]) {
        at += 1;
    }
    at
}

#[inline]
fn skip_space_with<L: Lanes>(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = L::load(bytes, at) {
        let space = block.any_of([b' ', b'\n', b'\t', b'\r', 0x0c]);
        if let Some(place) = L::first_unset(space) {
            return at + place;
        }
        at += L::WIDTH;
    }
    while at < bytes.len() && is_space(bytes[at]) {
        at += 1;
    }
    at
}

#[inline]
fn name_with<L: Lanes, const N: usize>(bytes: &[u8], from: usize, ends: [u8; N]) -> Name {
    let mut at = from;
    let mut change = false;
    while let Some(block) = L::load(bytes, at) {
        let odd = block.capitals_or_null();
        if let Some(place) = L::first(block.any_of(ends)) {
            change |= L::first(odd).is_some_and(|odd| odd < place);
            let end = at + place;
            return Name { end, change };
        }
        change |= L::first(odd).is_some();
        at += L::WIDTH;
    }
    while at < bytes.len() && !ends.contains(&bytes[at]) {
        change |= bytes[at] == 0 || bytes[at].is_ascii_uppercase();
        at += 1;
    }
    Name { end: at, change }
}

#[cfg(test)]
mod tests;
