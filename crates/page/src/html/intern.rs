//! Names to numbers.

/// The number of names that have numbers of their own; later ones share [`Interner::OTHER`].
const MOST: usize = u16::MAX as usize - 1;

/// Places looked at for a name. Names that were made to collide share [`Interner::OTHER`] beyond it.
const MOST_PROBES: usize = 64;

/// Numbers names in the order in which they are first seen, after the known ones.
pub(super) struct Interner {
    known: &'static [&'static str],
    others: Vec<String>,
    /// A name's hash and its number plus one; zero where nothing is. Its length is a power of two.
    slots: Vec<(u32, u32)>,
}

impl Interner {
    /// What names share that are too many to be told apart.
    pub(super) const OTHER: u16 = u16::MAX - 1;

    pub(super) fn new(known: &'static [&'static str]) -> Interner {
        let mut interner = Interner {
            known,
            others: Vec::new(),
            slots: vec![(0, 0); (known.len() * 2).next_power_of_two()],
        };
        for (number, name) in known.iter().enumerate() {
            interner.insert(hash(name.as_bytes()), number);
        }
        interner
    }

    /// How many names have a number.
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.others.len()
    }

    /// The names without a constant.
    pub(super) fn into_others(self) -> Vec<String> {
        self.others
    }

    /// The name of a number.
    pub(super) fn name(&self, number: u16) -> &str {
        let number = usize::from(number);
        match self.known.get(number) {
            Some(name) => name,
            None => self
                .others
                .get(number - self.known.len())
                .map_or("", String::as_str),
        }
    }

    /// The number of a name.
    #[inline]
    pub(super) fn number(&mut self, name: &str) -> u16 {
        let hash = hash(name.as_bytes());
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        for _ in 0..MOST_PROBES {
            let (its, number) = self.slots[slot];
            if number == 0 {
                return self.add(hash, name);
            }
            let number = (number - 1) as u16;
            if its == hash && self.name(number) == name {
                return number;
            }
            slot = (slot + 1) & mask;
        }
        Self::OTHER
    }

    #[cold]
    fn add(&mut self, hash: u32, name: &str) -> u16 {
        let number = self.len();
        if number >= MOST {
            return Self::OTHER;
        }
        self.others.push(name.to_owned());
        if (number + 1) * 2 > self.slots.len() {
            let bigger = vec![(0, 0); self.slots.len() * 2];
            let old = std::mem::replace(&mut self.slots, bigger);
            for (hash, number) in old {
                if number > 0 {
                    self.insert(hash, number as usize - 1);
                }
            }
        }
        self.insert(hash, number);
        number as u16
    }

    fn insert(&mut self, hash: u32, number: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot].1 != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = (hash, number as u32 + 1);
    }
}

/// Eight bytes at a time, folded by a multiplication.
#[inline]
pub(super) fn hash(name: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut state = name.len() as u64 ^ 0x2545_f491_4f6c_dd1d;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        state = fold(state, u64::from_le_bytes(*word));
    }
    let last = rest
        .iter()
        .fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
    state = fold(state, last | 1 << 63);
    (state >> 32) as u32 ^ state as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut interner = Interner::new(&["a", "b"]);
        assert_eq!((interner.number("b"), interner.number("c")), (1, 2));
        for number in 0..10_000u32 {
            let name = format!("name-{number}");
            assert_eq!(u32::from(interner.number(&name)), number + 3);
        }
        assert_eq!(interner.number("name-77"), 80);
        assert_eq!(interner.name(80), "name-77");
        assert_eq!((interner.number("a"), interner.name(2)), (0, "c"));
    }

    #[test]
    fn more_names_than_numbers_share_one() {
        let mut interner = Interner::new(&["a"]);
        for number in 0..70_000 {
            interner.number(&format!("x{number}"));
        }
        assert_eq!(interner.number("x69999"), Interner::OTHER);
        assert_eq!(interner.number("x65000"), 65_001);
    }
}
