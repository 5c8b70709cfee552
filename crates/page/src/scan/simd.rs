//! Sixteen bytes in a vector of WebAssembly.

use super::lanes::Lanes;
use core::arch::wasm32::{
    i8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u8x16_sub, u64x2, v128, v128_or,
};

#[derive(Clone, Copy)]
pub(super) struct Vector(v128);

impl Lanes for Vector {
    const WIDTH: usize = 16;
    /// A bit for each byte.
    type Mask = u16;

    #[inline(always)]
    fn load(bytes: &[u8], at: usize) -> Option<Vector> {
        let (chunk, _) = bytes.get(at..)?.split_first_chunk::<16>()?;
        let number = u128::from_le_bytes(*chunk);
        // Compiled to one load of a vector.
        Some(Vector(u64x2(number as u64, (number >> 64) as u64)))
    }

    #[inline(always)]
    fn any_of<const N: usize>(self, set: [u8; N]) -> u16 {
        let none = u8x16_splat(0);
        let found = set.iter().fold(none, |found, byte| {
            v128_or(found, u8x16_eq(self.0, u8x16_splat(*byte)))
        });
        i8x16_bitmask(found)
    }

    #[inline(always)]
    fn capitals_or_null(self) -> u16 {
        let capital = u8x16_lt(u8x16_sub(self.0, u8x16_splat(b'A')), u8x16_splat(26));
        i8x16_bitmask(v128_or(capital, u8x16_eq(self.0, u8x16_splat(0))))
    }

    #[inline(always)]
    fn first(mask: u16) -> Option<usize> {
        (mask != 0).then(|| mask.trailing_zeros() as usize)
    }

    #[inline(always)]
    fn first_unset(mask: u16) -> Option<usize> {
        Self::first(!mask)
    }
}
