//! The counts of a pool, each an atomic of its own.

use super::durations::Durations;
use super::events::Reason;
use crate::error::ErrorCode;
use crate::named::named;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

named! {
    /// How a call ended.
    pub enum Outcome {
        /// With a value.
        Ok = "ok",
        /// The guest returned the `err` of its result, or its exit was a failure.
        GuestError = "guest_error",
        /// The guest trapped, overflowed its stack or used up its fuel.
        Trap = "trap",
        /// It took too long, or waited too long for an instance.
        Timeout = "timeout",
        /// The guest failed after a refused growth.
        MemoryLimit = "memory_limit",
        /// By its caller, or with the pool.
        Aborted = "aborted",
        /// It was not admitted: a full queue, an open breaker, a closed pool.
        Rejected = "rejected",
        /// In another way: a host function failed, a result was too large.
        Error = "error",
    }
}

impl Outcome {
    /// The outcome of a call with this failure.
    pub(crate) fn of(code: Option<ErrorCode>) -> Outcome {
        match code {
            None => Outcome::Ok,
            Some(ErrorCode::Guest | ErrorCode::Exit) => Outcome::GuestError,
            Some(ErrorCode::Trap | ErrorCode::StackOverflow | ErrorCode::OutOfFuel) => {
                Outcome::Trap
            }
            Some(ErrorCode::Timeout | ErrorCode::AcquireTimeout) => Outcome::Timeout,
            Some(ErrorCode::MemoryLimit) => Outcome::MemoryLimit,
            Some(ErrorCode::Aborted) => Outcome::Aborted,
            Some(_) => Outcome::Error,
        }
    }
}

/// Counts of a pool.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Instances alive or being made.
    pub(crate) size: AtomicU64,
    pub(crate) active: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) created: AtomicU64,
    destroyed: [AtomicU64; Reason::ALL.len()],
    outcomes: [AtomicU64; Outcome::ALL.len()],
    /// Calls and checkouts that wait or run: each holds a [`Place`].
    places: AtomicU64,
    /// Instances that are being made before a call needs them.
    pub(crate) warming: AtomicU64,
    /// `None` if the engine's metrics are off.
    pub(crate) durations: Option<Durations>,
}

/// A place in a pool or its queue; dropping it frees the place.
pub(crate) struct Place(Arc<Counters>);

impl Counters {
    pub(crate) fn new(durations: Option<Durations>) -> Counters {
        Counters {
            durations,
            ..Counters::default()
        }
    }

    /// Takes a place if fewer than `most` are taken.
    pub(crate) fn take_place(self: &Arc<Counters>, most: u64) -> Option<Place> {
        let more = |places| (places < most).then_some(places + 1);
        self.places
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
            .then(|| Place(self.clone()))
    }

    /// Counts a call that ended.
    pub(crate) fn count(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an instance that is gone, or could not be made.
    pub(crate) fn count_destroyed(&self, reason: Reason) {
        self.destroyed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Calls by [`Outcome`], in its order.
    pub(crate) fn outcomes(&self) -> [u64; Outcome::ALL.len()] {
        std::array::from_fn(|outcome| self.outcomes[outcome].load(Ordering::Relaxed))
    }

    /// Instances gone by [`Reason`], in its order.
    pub(crate) fn destroyed(&self) -> [u64; Reason::ALL.len()] {
        std::array::from_fn(|reason| self.destroyed[reason].load(Ordering::Relaxed))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.fetch_sub(1, Ordering::SeqCst);
    }
}
