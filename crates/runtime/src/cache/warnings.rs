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
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.causes.contains(&cause) {
            told.causes.push(cause);
            told.waiting.push(sentence());
        }
    }

    /// Whether this cause has warned.
    pub(super) fn told(&self, cause: Cause) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.causes.contains(&cause)
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
