//! One load at a time for each guest: the first load asks disk and compiler, the others get its outcome by a callback,
//! so that they block no thread meanwhile.

use crate::compile::Compiled;
use crate::error::Result;
use std::sync::{Mutex, PoisonError};

/// Called with the outcome of a load, on any thread.
type Waiter = Box<dyn FnOnce(Outcome) + Send>;

/// A load in progress.
pub(crate) struct SingleFlight(Mutex<State>);

enum State {
    UnderWay(Vec<Waiter>),
    Landed(Outcome),
}

/// How a load ended, for the loads that wait for it.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// With code or an error. An error is shared too: the same bytes fail the same way.
    Done(Result<Compiled>),
    /// The load was given up, or its thread panicked. The loads that waited start over, one of them as the next leader.
    Abandoned,
}

impl SingleFlight {
    pub(super) fn new() -> SingleFlight {
        SingleFlight(Mutex::new(State::UnderWay(Vec::new())))
    }

    /// Calls `waiter` with the outcome: at once if it is known, else when the load ends.
    pub(crate) fn then(&self, waiter: impl FnOnce(Outcome) + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::UnderWay(waiting) => waiting.push(Box::new(waiter)),
            State::Landed(outcome) => {
                let outcome = outcome.clone();
                drop(state);
                waiter(outcome);
            }
        }
    }

    /// Ends the load, and calls every waiter with the outcome.
    pub(super) fn land(&self, outcome: Outcome) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *state, State::Landed(outcome.clone()));
        drop(state);
        if let State::UnderWay(waiting) = before {
            for waiter in waiting {
                waiter(outcome.clone());
            }
        }
    }
}
