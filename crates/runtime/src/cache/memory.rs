//! The memory tier: compiled code of this process, the least recently used leaving first.

use super::key::ModuleKey;
use crate::compile::Compiled;
use std::collections::HashMap;

/// Pieces of code kept, and bytes of native code in them. A service runs a handful of guests; the extractor has 3.5 MB.
/// Code that leaves stays with those who use it, and costs a disk hit when asked for again.
const CAPACITY: usize = 32;
const BYTES: usize = 512 << 20;

/// The code last used, by guest.
#[derive(Default)]
pub(super) struct MemoryTier {
    entries: HashMap<ModuleKey, (Compiled, u64)>,
    clock: u64,
}

impl MemoryTier {
    /// The code, now the most recently used.
    pub(super) fn get(&mut self, key: &ModuleKey) -> Option<Compiled> {
        self.clock += 1;
        let (compiled, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(compiled.clone())
    }

    /// Keeps the code, and gives back what had to leave, to be dropped outside the lock: unmapping
    /// takes time.
    #[must_use]
    pub(super) fn put(&mut self, key: ModuleKey, compiled: Compiled) -> Vec<Compiled> {
        self.clock += 1;
        self.entries.insert(key, (compiled, self.clock));
        let mut bytes: usize = self.entries.values().map(|(code, _)| code.bytes()).sum();
        let mut left = Vec::new();
        // A scan of 33 beats a list to keep in order.
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
