//! The cache's counters.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the cache did so far. Counts; with the cache off all stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Lookups answered without compiling, from either tier.
    pub hits: u64,
    /// Lookups that compiled, those that failed in it included.
    pub misses: u64,
    /// Hits of the memory tier, those that waited for another thread's load included.
    pub memory_hits: u64,
    /// Hits of the disk tier.
    pub disk_hits: u64,
    /// Files of the disk tier that were broken, foreign, stale, or not to be trusted.
    pub rejected: u64,
    /// Artefacts that could not be written.
    pub write_failures: u64,
}

/// The counters behind [`CacheStats`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) misses: AtomicU64,
    pub(super) memory_hits: AtomicU64,
    pub(super) disk_hits: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) write_failures: AtomicU64,
}

impl Counters {
    /// A copy. `hits` is the sum of the two beside it.
    pub(super) fn snapshot(&self) -> CacheStats {
        let memory_hits = self.memory_hits.load(Relaxed);
        let disk_hits = self.disk_hits.load(Relaxed);
        CacheStats {
            hits: memory_hits + disk_hits,
            misses: self.misses.load(Relaxed),
            memory_hits,
            disk_hits,
            rejected: self.rejected.load(Relaxed),
            write_failures: self.write_failures.load(Relaxed),
        }
    }
}
