//! A set of nodes.

use std::ops::Range;

/// Numbers below a bound, one bit each.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// An empty set of numbers below `bound`.
    pub(crate) fn new(bound: usize) -> Bits {
        Bits(vec![0; bound.div_ceil(64)])
    }

    /// Whether it holds a number.
    #[inline]
    pub(crate) fn has(&self, number: u32) -> bool {
        self.0
            .get(number as usize / 64)
            .is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// Adds a number; whether it is new.
    #[inline]
    pub(crate) fn add(&mut self, number: u32) -> bool {
        let Some(word) = self.0.get_mut(number as usize / 64) else {
            return false;
        };
        let bit = 1 << (number % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes a number out.
    #[inline]
    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The least number in a range.
    pub(crate) fn first_in(&self, range: Range<u32>) -> Option<u32> {
        let mut at = range.start;
        while at < range.end {
            let word = self.0.get(at as usize / 64)? >> (at % 64);
            if word != 0 {
                let found = at + word.trailing_zeros();
                return (found < range.end).then_some(found);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// Its numbers, the least first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(place as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_ranges() {
        let mut bits = Bits::new(200);
        assert!(bits.is_empty() && bits.add(3) && bits.add(130) && !bits.add(3));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [3, 130]);
        assert_eq!(bits.first_in(0..200), Some(3));
        assert_eq!(bits.first_in(4..200), Some(130));
        assert_eq!(bits.first_in(4..130), None);
        bits.remove(3);
        assert!(!bits.has(3) && bits.has(130) && !bits.has(100_000));
        assert!(!bits.add(100_000), "beyond the bound");
    }
}
