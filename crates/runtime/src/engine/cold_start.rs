//! The specification's six numbers, over an engine, a pool, or the whole process.

use crate::cache::Tier;
use crate::metrics::{Histogram, HistogramSnapshot, process_account};
use crate::units::pages;
use riptide_wasm_accounting::Account;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Starts and cache lookups of one scope.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    cold_start_millis: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    slow: AtomicU64,
    hit: Histogram,
    miss: Histogram,
}

static PROCESS: Starts = Starts {
    cold_start_millis: AtomicU64::new(0),
    hits: AtomicU64::new(0),
    misses: AtomicU64::new(0),
    slow: AtomicU64::new(0),
    hit: Histogram::new(),
    miss: Histogram::new(),
};

impl Starts {
    /// The numbers of the process.
    pub(crate) fn process() -> &'static Starts {
        &PROCESS
    }

    pub(crate) fn count_lookup(&self, tier: Tier) {
        let counter = match tier {
            Tier::Memory | Tier::Disk | Tier::Shared => &self.hits,
            Tier::Compiled => &self.misses,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Records a start; `slow` if it came from the cache and took longer than its target.
    pub(crate) fn note_start(&self, took: Duration, from_cache: bool, slow: bool) {
        let millis = took.as_secs_f64() * 1e3;
        self.cold_start_millis
            .store(millis.to_bits(), Ordering::Relaxed);
        if from_cache {
            self.hit.observe(took);
        } else {
            self.miss.observe(took);
        }
        if slow {
            self.slow.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn cold_start_millis(&self) -> f64 {
        f64::from_bits(self.cold_start_millis.load(Ordering::Relaxed))
    }

    pub(crate) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// Starts from the cache.
    pub(crate) fn hit(&self) -> HistogramSnapshot {
        self.hit.snapshot()
    }

    /// Starts that compiled.
    pub(crate) fn miss(&self) -> HistogramSnapshot {
        self.miss.snapshot()
    }

    /// The six names with their values.
    pub(crate) fn metrics(&self, account: &Account) -> Vec<(&'static str, f64)> {
        let pages = |bytes: u64| pages(bytes) as f64;
        vec![
            ("riptide_wasm_memory_pages", pages(account.held())),
            ("riptide_wasm_grow_failed_total", account.failures() as f64),
            ("riptide_wasm_peak_memory_pages", pages(account.peak())),
            ("riptide_wasm_cold_start_time_ms", self.cold_start_millis()),
            (
                "riptide_wasm_aot_cache_hits",
                self.hits.load(Ordering::Relaxed) as f64,
            ),
            (
                "riptide_wasm_aot_cache_misses",
                self.misses.load(Ordering::Relaxed) as f64,
            ),
        ]
    }
}

/// The six numbers over the whole process: every engine whose metrics are on.
pub fn process_metrics() -> Vec<(&'static str, f64)> {
    PROCESS.metrics(process_account())
}
