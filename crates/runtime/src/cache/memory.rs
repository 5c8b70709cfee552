//! The memory tier: compiled code of this process, of which the least recently used is evicted first.

use super::key::ModuleKey;
use crate::compile::Compiled;
use std::collections::HashMap;

/// The most guests whose code is kept, and the most bytes of native code in all. A service runs a handful of guests;
/// the extractor has 3.5 MB. Pools that use evicted code keep it; its next load is a hit of the disk tier.
const CAPACITY: usize = 32;
const BYTES: usize = 512 << 20;

/// The code last used, by guest.
#[derive(Default)]
pub(super) struct MemoryTier {
    entries: HashMap<ModuleKey, (Compiled, u64)>,
    clock: u64,
}

impl MemoryTier {
    /// Returns the code, and marks it as the most recently used.
    pub(super) fn get(&mut self, key: &ModuleKey) -> Option<Compiled> {
        self.clock += 1;
        let (compiled, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(compiled.clone())
    }

    /// Adds the code, and returns the code that it evicts. Drop that outside the lock: unmapping takes time.
    #[must_use]
    pub(super) fn put(&mut self, key: ModuleKey, compiled: Compiled) -> Vec<Compiled> {
        self.clock += 1;
        self.entries.insert(key, (compiled, self.clock));
        let mut bytes: usize = self.entries.values().map(|(code, _)| code.bytes()).sum();
        let mut left = Vec::new();
        // Scanning 33 entries is cheaper than keeping a list in order.
        while (self.entries.len() > CAPACITY || bytes > BYTES)
            && let Some(oldest) = self.entries.iter().min_by_key(|(_, (_, used))| *used)
        {
            let oldest = *oldest.0;
            if let Some((code, _)) = self.entries.remove(&oldest) {
                bytes -= code.bytes();
                left.push(code);
            }
        }
        left
    }
}
