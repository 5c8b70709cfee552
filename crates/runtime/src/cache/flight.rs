//! One load at a time for each guest: the first asks disk and compiler, the others wait for its
//! outcome.

use crate::compile::Compiled;
use crate::error::Result;
use std::sync::{Condvar, Mutex, PoisonError};

/// A load in progress.
#[derive(Default)]
pub(super) struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
}

/// How a load ended for those who waited.
#[derive(Clone)]
pub(super) enum Outcome {
    /// With code or an error. An error is shared too: the same bytes fail the same way.
    Done(Result<Compiled>),
    /// Its thread panicked. Whoever waited starts over, one of them as the next leader.
    Abandoned,
}

impl Flight {
    /// Blocks until the leader is done.
    pub(super) fn wait(&self) -> Outcome {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self
                .landed
                .wait(outcome)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes everyone who waits. The first outcome holds.
    pub(super) fn land(&self, with: Outcome) {
        self.outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(with);
        self.landed.notify_all();
    }
}
