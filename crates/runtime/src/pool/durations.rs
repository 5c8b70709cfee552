//! How long the calls of a pool took.
//!
//! Each worker counts in cells that no other thread writes. So counting shares no cache line, and needs no locked
//! instruction, which would cost more than reading the clock.

use crate::executor::worker::Workers;
use crate::metrics::{Histogram, HistogramSnapshot};

/// Histograms of one pool.
#[derive(Debug)]
pub(crate) struct Durations {
    /// The id of the workers whose threads have cells of their own.
    workers: u64,
    /// First the cells of all other threads, then those of each worker.
    cells: Box<[Cells]>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Cells {
    call: Histogram,
    queue_wait: Histogram,
}

/// How long the calls of a pool took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DurationsSnapshot {
    /// Calls, from their submission to their answer; not those that were rejected.
    pub call: HistogramSnapshot,
    /// Calls and checkouts, from their submission until a runner took them; counted when they are answered.
    pub queue_wait: HistogramSnapshot,
}

impl Durations {
    /// For a pool on these workers.
    pub(crate) fn new(workers: &Workers) -> Durations {
        Durations {
            workers: workers.id(),
            cells: (0..=workers.threads()).map(|_| Cells::default()).collect(),
        }
    }

    /// Counts how long a call took, and how long it or a checkout waited, in nanoseconds.
    pub(crate) fn observe(&self, call: Option<u64>, queue_wait: Option<u64>) {
        let own = crate::executor::worker::here(self.workers);
        let (cells, alone) = match own.and_then(|index| self.cells.get(index + 1)) {
            Some(cells) => (cells, true),
            None => (&self.cells[0], false),
        };
        for (histogram, nanos) in [(&cells.call, call), (&cells.queue_wait, queue_wait)] {
            match nanos {
                Some(nanos) if alone => histogram.observe_nanos_alone(nanos),
                Some(nanos) => histogram.observe_nanos(nanos),
                None => {}
            }
        }
    }

    pub(crate) fn snapshot(&self) -> DurationsSnapshot {
        let sum = |of: fn(&Cells) -> &Histogram| {
            self.cells
                .iter()
                .map(|cells| of(cells).snapshot())
                .fold(HistogramSnapshot::default(), HistogramSnapshot::and)
        };
        DurationsSnapshot {
            call: sum(|cells| &cells.call),
            queue_wait: sum(|cells| &cells.queue_wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;

    #[test]
    fn nothing_is_lost_however_many_threads_count() {
        const EACH: u64 = 10_000;
        let workers = Workers::new(4).expect("threads");
        let durations = Arc::new(Durations::new(&workers));
        let count = |durations: &Durations| {
            for _ in 0..EACH {
                durations.observe(Some(3_000), Some(200_000));
            }
        };
        let (done, ended) = mpsc::channel();
        for _ in 0..4 {
            let (durations, done) = (durations.clone(), done.clone());
            workers.spawn(async move {
                count(&durations);
                done.send(()).expect("a receiver");
            });
        }
        // Threads that are no workers, one of them of another engine.
        let others = Workers::new(1).expect("threads");
        let theirs = durations.clone();
        others.spawn(async move {
            count(&theirs);
            done.send(()).expect("a receiver");
        });
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| count(&durations));
            }
        });
        ended.iter().for_each(drop);
        let DurationsSnapshot { call, queue_wait } = durations.snapshot();
        assert_eq!(
            (call.buckets[0], queue_wait.buckets[2]),
            (7 * EACH, 7 * EACH)
        );
        assert!(
            (call.sum - 7.0 * EACH as f64 * 3e-6).abs() < 1e-9,
            "{call:?}"
        );
        durations.observe(None, Some(0));
        assert_eq!(durations.snapshot().call, call);
    }
}
