//! Warnings for the operator, one for each cause.

use std::sync::{Mutex, PoisonError};

/// Why the cache does less than it was asked to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// No key could be read or made.
    Secret,
    /// The directory could not be opened or trusted.
    Directory,
    /// An artefact could not be written.
    Write,
    /// Old artefacts could not be counted or removed.
    Upkeep,
    /// Artefacts are newer than now.
    Clock,
}

/// The causes that have warned, and the warnings that were not taken yet.
#[derive(Default)]
pub(super) struct Warnings(Mutex<Told>);

#[derive(Default)]
struct Told {
    causes: Vec<Cause>,
    waiting: Vec<String>,
}

impl Warnings {
    /// Keeps the warning, unless one of the same cause was kept before.
    pub(super) fn add(&self, cause: Cause, sentence: impl FnOnce() -> String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.causes.contains(&cause) {
            state.causes.push(cause);
            state.waiting.push(sentence());
        }
    }

    /// Whether this cause has warned.
    pub(super) fn contains(&self, cause: Cause) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.causes.contains(&cause)
    }

    /// Takes the warnings since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(
            &mut self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .waiting,
        )
    }
}
