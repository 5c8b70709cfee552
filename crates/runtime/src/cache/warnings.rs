//! Sentences for the operator, each cause once.

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

/// What was said, and what is still to be taken.
#[derive(Default)]
pub(super) struct Warnings(Mutex<Told>);

#[derive(Default)]
struct Told {
    causes: Vec<Cause>,
    waiting: Vec<String>,
}

impl Warnings {
    /// Keeps the sentence, unless one of the same cause was kept before.
    pub(super) fn add(&self, cause: Cause, sentence: impl FnOnce() -> String) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.causes.contains(&cause) {
            told.causes.push(cause);
            told.waiting.push(sentence());
        }
    }

    /// Whether a sentence of this cause was kept.
    pub(super) fn told(&self, cause: Cause) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.causes.contains(&cause)
    }

    /// What was kept since the last time.
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
