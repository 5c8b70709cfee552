//! The cache's counters.

use super::rejection::Rejection;
use crate::metrics::{Histogram, HistogramSnapshot};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the cache did so far, as counts. With the cache off all stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CacheStats {
    /// Lookups answered without compiling, from any tier.
    pub hits: u64,
    /// Lookups that compiled, failed compilations included.
    pub misses: u64,
    /// Hits of the memory tier, those that waited for another thread's load included.
    pub memory_hits: u64,
    /// Hits of the disk tier.
    pub disk_hits: u64,
    /// Hits of the shared tier.
    pub shared_hits: u64,
    /// Artefacts that were not used, by [`Rejection`] in its order.
    pub rejected: [u64; Rejection::ALL.len()],
    /// Artefacts that could not be written.
    pub write_failures: u64,
    /// Artefacts removed to stay within the limits.
    pub evicted: u64,
    /// Artefacts whose time lies in the future: a clock ran backwards.
    pub clock_skews: u64,
    /// Artefacts on the disk, of all engines, when they were last counted.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took to load code from the disk or the shared tier.
    pub load: HistogramSnapshot,
}

/// The counters behind [`CacheStats`].
#[derive(Default)]
pub(super) struct Counters {
    pub(super) misses: AtomicU64,
    pub(super) memory_hits: AtomicU64,
    pub(super) disk_hits: AtomicU64,
    pub(super) shared_hits: AtomicU64,
    rejected: [AtomicU64; Rejection::ALL.len()],
    pub(super) write_failures: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) clock_skews: AtomicU64,
    pub(super) load: Histogram,
}

impl Counters {
    pub(super) fn reject(&self, why: Rejection) {
        self.rejected[why as usize].fetch_add(1, Relaxed);
    }

    /// A copy. `hits` is the sum of the hits of the three tiers; `entries` and `bytes` are counted elsewhere.
    pub(super) fn snapshot(&self) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let (memory_hits, disk_hits) = (read(&self.memory_hits), read(&self.disk_hits));
        let shared_hits = read(&self.shared_hits);
        CacheStats {
            hits: memory_hits + disk_hits + shared_hits,
            misses: read(&self.misses),
            memory_hits,
            disk_hits,
            shared_hits,
            rejected: std::array::from_fn(|reason| read(&self.rejected[reason])),
            write_failures: read(&self.write_failures),
            evicted: read(&self.evicted),
            clock_skews: read(&self.clock_skews),
            load: self.load.snapshot(),
            ..CacheStats::default()
        }
    }
}
