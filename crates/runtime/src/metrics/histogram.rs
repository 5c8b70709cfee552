//! How long something took, counted in buckets by atomics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds; what is longer counts in one more.
pub const BOUNDS: [f64; 17] = [
    0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 5.0, 30.0,
];

/// [`BOUNDS`] in nanoseconds.
const BOUNDS_NANOS: [u64; BOUNDS.len()] = {
    let mut nanos = [0; BOUNDS.len()];
    let mut bound = 0;
    while bound < BOUNDS.len() {
        nanos[bound] = (BOUNDS[bound] * 1e9 + 0.5) as u64;
        bound += 1;
    }
    nanos
};

/// The counters.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramSnapshot {
    /// Observations in each bucket, not cumulative.
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
        self.observe_nanos(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn observe_nanos(&self, nanos: u64) {
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// Like `observe_nanos`, without locked instructions: for a histogram that only this thread writes.
    pub(crate) fn observe_nanos_alone(&self, nanos: u64) {
        for (cell, more) in [(&self.buckets[bucket(nanos)], 1), (&self.nanos, nanos)] {
            cell.store(cell.load(Relaxed).wrapping_add(more), Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            buckets: std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed)),
            sum: self.nanos.load(Relaxed) as f64 / 1e9,
        }
    }
}

fn bucket(nanos: u64) -> usize {
    // Checked first: for short calls, counting must be short as well.
    if nanos <= BOUNDS_NANOS[0] {
        return 0;
    }
    BOUNDS_NANOS.partition_point(|bound| *bound < nanos)
}

impl HistogramSnapshot {
    /// Both together.
    pub(crate) fn and(mut self, other: HistogramSnapshot) -> HistogramSnapshot {
        for (own, more) in self.buckets.iter_mut().zip(other.buckets) {
            *own += more;
        }
        self.sum += other.sum;
        self
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
        for micros in [0, 10, 100, 101, 1_000, 29_000_000, 31_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let HistogramSnapshot { buckets, sum } = histogram.snapshot();
        assert_eq!(
            (
                buckets[0],
                buckets[1],
                buckets[2],
                buckets[4],
                buckets[16],
                buckets[17]
            ),
            (2, 1, 1, 1, 1, 1)
        );
        assert!((sum - 60.001_211).abs() < 1e-6, "{sum}");
        assert_eq!(buckets.iter().sum::<u64>(), 7);
    }
}
