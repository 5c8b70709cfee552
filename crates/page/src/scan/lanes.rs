//! A block of bytes that are compared at once.

/// A block of bytes. A mask has a group of bits for each byte, the first byte's lowest.
pub(super) trait Lanes: Copy {
    /// How many bytes a block has.
    const WIDTH: usize;
    /// Which bytes of a block are meant.
    type Mask: Copy;

    /// The block that begins at `at`; `None` where fewer bytes are left than a block has.
    fn load(bytes: &[u8], at: usize) -> Option<Self>;
    /// The bytes that are in the set.
    fn any_of<const N: usize>(self, set: [u8; N]) -> Self::Mask;
    /// The bytes that are capital letters of ASCII or null.
    fn capitals_or_null(self) -> Self::Mask;
    /// The place of the first byte in a mask.
    fn first(mask: Self::Mask) -> Option<usize>;
    /// The place of the first byte that is not in a mask.
    fn first_unset(mask: Self::Mask) -> Option<usize>;
}

/// Eight bytes in a number.
#[derive(Clone, Copy)]
#[cfg_attr(
    all(target_arch = "wasm32", target_feature = "simd128"),
    allow(dead_code)
)]
pub(super) struct Word(u64);

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

const fn repeat(byte: u8) -> u64 {
    LOW * byte as u64
}

/// The highest bit of each byte that is zero. The sum cannot carry from one byte into the next.
const fn zeros(word: u64) -> u64 {
    !(((word & !HIGH) + !HIGH) | word) & HIGH
}

impl Lanes for Word {
    const WIDTH: usize = 8;
    /// The highest bit of each byte.
    type Mask = u64;

    #[inline(always)]
    fn load(bytes: &[u8], at: usize) -> Option<Word> {
        let (chunk, _) = bytes.get(at..)?.split_first_chunk()?;
        Some(Word(u64::from_le_bytes(*chunk)))
    }

    #[inline(always)]
    fn any_of<const N: usize>(self, set: [u8; N]) -> u64 {
        set.iter()
            .fold(0, |mask, byte| mask | zeros(self.0 ^ repeat(*byte)))
    }

    #[inline(always)]
    fn capitals_or_null(self) -> u64 {
        let seven = self.0 & !HIGH;
        let from_a = seven + repeat(0x80 - b'A');
        let beyond_z = seven + repeat(0x80 - b'Z' - 1);
        (from_a & !beyond_z & !self.0 & HIGH) | zeros(self.0)
    }

    #[inline(always)]
    fn first(mask: u64) -> Option<usize> {
        (mask != 0).then(|| mask.trailing_zeros() as usize / 8)
    }

    #[inline(always)]
    fn first_unset(mask: u64) -> Option<usize> {
        Self::first(!mask & HIGH)
    }
}
