//! When a request was submitted, and what is measured of a call whose caller asked for it.

use super::call::CallStats;
use crate::executor::timestamp::Timestamp;
use crate::instance::Measurement;
use crate::units::pages;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// When a request was submitted.
pub(super) struct Timing {
    pub(super) submitted: Timestamp,
    /// Whether it waits for an instance: inside a checkout it has one.
    pub(super) waits: bool,
}

impl Timing {
    pub(super) fn begin(waits: bool) -> Timing {
        Timing {
            submitted: Timestamp::now(),
            waits,
        }
    }
}

/// What is measured of one call.
#[derive(Default)]
pub(super) struct Measured {
    /// Processor time in nanoseconds.
    cpu: AtomicU64,
    in_instance: Mutex<Measurement>,
}

impl Measured {
    /// The guest computed for this long.
    pub(super) fn charge(&self, took: Duration) {
        self.cpu
            .fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Keeps what the instance measured.
    pub(super) fn keep(&self, measurement: Measurement) {
        *self.lock() = measurement;
    }

    /// All of it, once.
    pub(super) fn stats(&self, wall: Duration, queued: Duration) -> CallStats {
        let measurement = std::mem::take(&mut *self.lock());
        CallStats {
            wall,
            cpu: cfg!(unix).then(|| Duration::from_nanos(self.cpu.load(Ordering::Relaxed))),
            queued,
            fuel: measurement.fuel,
            pages_before: pages(measurement.bytes_before),
            pages_after: pages(measurement.bytes_after),
            pages_peak: pages(measurement.bytes_peak),
            written: measurement.written,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Measurement> {
        self.in_instance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
