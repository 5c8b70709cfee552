//! The slots that the instances of one engine take from an allocator, which several engines may share.
//!
//! Wasmtime gives out memories and tables first come, first served. So each engine counts its own and takes no more
//! than its `maxInstances` allows, which always leaves the other engines theirs.

use super::allocation::{MEMORIES_PER_INSTANCE, TABLES_PER_INSTANCE};
use crate::compile::Compiled;
use crate::error::{Error, ErrorCode, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// The memories and tables that one instance of some code takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    memories: u32,
    tables: u32,
}

impl Needs {
    /// The needs of an instance in an allocator with slots. Zero if they depend on the code's imports.
    pub(crate) fn of(compiled: &Compiled) -> Needs {
        compiled
            .resources_required()
            .map_or_else(Needs::default, |required| Needs {
                memories: required.num_memories,
                tables: required.num_tables,
            })
    }

    fn packed(self) -> u64 {
        pack(1, self.memories, self.tables)
    }
}

/// Bits of each number: enough for 4,096 instances with 64 tables each.
const BITS: u32 = 20;
const MASK: u64 = (1 << BITS) - 1;

/// Instances, memories and tables as one number, so that one atomic operation takes all that an instance needs, or none
/// of it.
fn pack(instances: u32, memories: u32, tables: u32) -> u64 {
    u64::from(instances) | u64::from(memories) << BITS | u64::from(tables) << (2 * BITS)
}

fn unpack(packed: u64) -> [u64; 3] {
    [packed, packed >> BITS, packed >> (2 * BITS)].map(|number| number & MASK)
}

/// The instances of one engine.
#[derive(Debug)]
pub(crate) struct Slots {
    instances: u32,
    used: AtomicU64,
}

impl Slots {
    /// Slots for this many instances at once.
    pub(crate) fn new(instances: u32) -> Slots {
        Slots {
            instances,
            used: AtomicU64::new(0),
        }
    }

    /// Instances alive now.
    pub(crate) fn used(&self) -> u64 {
        unpack(self.used.load(Ordering::Relaxed))[0]
    }

    /// How many instances with these needs fit at once. One with many memories or tables takes those of several.
    pub(crate) fn room_for(&self, needs: Needs) -> u32 {
        let share = |each: u32, of_one: u32| self.instances.saturating_mul(each) / of_one.max(1);
        self.instances
            .min(share(MEMORIES_PER_INSTANCE, needs.memories))
            .min(share(TABLES_PER_INSTANCE, needs.tables))
    }

    /// Takes what one instance needs.
    ///
    /// # Errors
    /// `ERR_NO_SLOT`.
    pub(crate) fn take(&self, needs: Needs) -> Result<()> {
        let most = [1, MEMORIES_PER_INSTANCE, TABLES_PER_INSTANCE];
        let most = most.map(|each| u64::from(self.instances) * u64::from(each));
        let mut short = 0;
        let taken = self
            .used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
                let sum = used + needs.packed();
                let above = unpack(sum)
                    .iter()
                    .zip(most)
                    .position(|(sum, most)| *sum > most);
                short = above.unwrap_or_default();
                above.is_none().then_some(sum)
            });
        if taken.is_ok() {
            return Ok(());
        }
        let what = ["instance slots", "memories", "tables"][short];
        let all = most[short];
        Err(Error::new(
            ErrorCode::NoSlot,
            format!("all {all} {what} of the engine are taken, or too many for another instance; its `maxInstances` gives it more"),
        )
        .number("slots", f64::from(self.instances)))
    }

    /// Gives back what an instance took.
    pub(crate) fn give_back(&self, needs: Needs) {
        self.used.fetch_sub(needs.packed(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_takes_no_more_than_its_own_of_anything() {
        let slots = Slots::new(2);
        let plain = Needs::default();
        let needs = |memories, tables| Needs { memories, tables };
        for (needs, fits, what) in [
            (plain, 2, "2 instance slots"),
            (needs(2, 0), 2, "2 instance slots"),
            (needs(3, 0), 1, "4 memories"),
            (needs(5, 0), 0, "4 memories"),
            (needs(0, 9), 1, "16 tables"),
            (needs(16, 64), 0, "4 memories"),
        ] {
            for _ in 0..fits {
                slots.take(needs).expect("room");
            }
            let refused = slots.take(needs).expect_err("no room");
            assert_eq!(refused.code, ErrorCode::NoSlot);
            assert!(refused.message.contains(what), "{refused}");
            assert_eq!(slots.room_for(needs), fits);
            assert_eq!(slots.used(), u64::from(fits));
            for _ in 0..fits {
                slots.give_back(needs);
            }
            assert_eq!(slots.used.load(Ordering::SeqCst), 0);
        }
    }

    #[test]
    fn the_largest_numbers_fit_beside_each_other() {
        let slots = Slots::new(crate::engine::MAX_SLOTS);
        let largest = Needs {
            memories: crate::engine::allocation::MEMORIES,
            tables: crate::engine::allocation::TABLES,
        };
        let fits = slots.room_for(largest);
        for _ in 0..fits {
            slots.take(largest).expect("room");
        }
        assert!(slots.take(largest).is_err());
        assert_eq!(slots.used(), u64::from(fits));
        let full = crate::engine::MAX_SLOTS * crate::engine::allocation::TABLES;
        assert!(u64::from(full + crate::engine::allocation::TABLES) <= MASK);
    }
}
