//! Every way to search gives what a plain loop gives. What WebAssembly's instructions do is done here over an array, so
//! that blocks of 16 are tested natively as well.

use super::lanes::{Lanes, Word};
use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy)]
struct Array([u8; 16]);

fn bits(block: [u8; 16], wanted: impl Fn(u8) -> bool) -> u16 {
    let bit = |place: usize| u16::from(wanted(block[place])) << place;
    (0..16).map(bit).sum()
}

impl Lanes for Array {
    const WIDTH: usize = 16;
    type Mask = u16;
    fn load(bytes: &[u8], at: usize) -> Option<Array> {
        bytes.get(at..at + 16)?.try_into().ok().map(Array)
    }
    fn any_of<const N: usize>(self, set: [u8; N]) -> u16 {
        bits(self.0, |byte| set.contains(&byte))
    }
    fn capitals_or_null(self) -> u16 {
        bits(self.0, |byte| byte.wrapping_sub(b'A') < 26 || byte == 0)
    }
    fn first(mask: u16) -> Option<usize> {
        (mask != 0).then(|| mask.trailing_zeros() as usize)
    }
    fn first_unset(mask: u16) -> Option<usize> {
        Self::first(!mask)
    }
}

const TEXT: [u8; 4] = [b'<', b'&', b'\r', 0];
const ENDS: [u8; 8] = [b' ', b'\t', b'\n', b'\r', 0x0c, b'/', b'>', b'='];

fn plainly(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.iter().skip(from).position(|byte| wanted(*byte));
    rest.map_or(bytes.len().max(from), |place| from + place)
}

fn agree<L: Lanes>(bytes: &[u8], from: usize) {
    let text = plainly(bytes, from, |byte| TEXT.contains(&byte));
    assert_eq!(find_with::<L, 4>(bytes, from, TEXT), text);
    let space = plainly(bytes, from, |byte| !is_space(byte));
    assert_eq!(skip_space_with::<L>(bytes, from), space);
    let end = plainly(bytes, from, |byte| ENDS.contains(&byte));
    let name = bytes.get(from..end).unwrap_or_default();
    let change = name
        .iter()
        .any(|byte| *byte == 0 || byte.is_ascii_uppercase());
    assert_eq!(name_with::<L, 8>(bytes, from, ENDS), Name { end, change });
}

#[test]
fn every_byte_is_classified_in_every_lane() {
    for byte in 0..=u8::MAX {
        for around in [b'a', 0xff, 0x7f, b'@', b'['] {
            for place in 0..19 {
                let mut bytes = [around; 19];
                bytes[place] = byte;
                agree::<Word>(&bytes, 0);
                agree::<Array>(&bytes, 0);
            }
        }
    }
}

proptest! {
    #[test]
    fn blocks_find_what_a_loop_finds(
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), Just(b'a'), Just(b'Z'), Just(b' '), Just(b'\n'), Just(b'<'), Just(0u8), Just(0x80u8),
        ], 0..80),
        from in 0usize..90,
    ) {
        agree::<Word>(&bytes, from);
        agree::<Array>(&bytes, from);
        let space = plainly(&bytes, from, |byte| !is_space(byte));
        prop_assert_eq!(skip_space(&bytes, from), space);
    }
}
