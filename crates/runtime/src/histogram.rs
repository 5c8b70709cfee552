//! How long something took, counted in buckets by atomics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds; what is longer counts in one more.
pub const BOUNDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    5.0, 30.0,
];

/// The counters.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramSnapshot {
    /// Observations by bucket, each of its own and not of those below.
    pub buckets: [u64; BOUNDS.len() + 1],
    /// Seconds in all.
    pub sum: f64,
}

impl Histogram {
    pub(crate) const fn new() -> Histogram {
        Histogram {
            buckets: [const { AtomicU64::new(0) }; BOUNDS.len() + 1],
            nanos: AtomicU64::new(0),
        }
    }

    pub(crate) fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            buckets: std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed)),
            sum: self.nanos.load(Relaxed) as f64 / 1e9,
        }
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_counts_in_the_lowest_bucket_that_holds_it() {
        let histogram = Histogram::new();
        for micros in [0, 100, 101, 1_000, 29_000_000, 31_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let HistogramSnapshot { buckets, sum } = histogram.snapshot();
        assert_eq!(
            (buckets[0], buckets[1], buckets[3], buckets[15], buckets[16]),
            (2, 1, 1, 1, 1)
        );
        assert!((sum - 60.001_201).abs() < 1e-6, "{sum}");
        assert_eq!(buckets.iter().sum::<u64>(), 6);
    }
}
