//! An instance that is checked out to one caller, for several calls.

use super::admission::Admission;
use super::call::Call;
use super::counters::Place;
use super::request::{Borrower, Request, Ticket};
use crate::error::{Error, ErrorCode};
use crate::metrics::TrackerSnapshot;
use futures_util::task::AtomicWaker;
use riptide_wasm_accounting::{Account, Scope};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// A caller's handle to an instance that serves this caller only. Dropping the handle gives the instance back.
pub struct Checkout(pub(crate) Arc<CheckedOut>);

/// Shared by the caller of a checkout and the runner that holds its instance.
pub(crate) struct CheckedOut {
    admission: Arc<Admission>,
    state: Mutex<State>,
    /// Wakes the runner.
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    /// The call that the runner takes next, and the one that it serves.
    next: Option<Arc<Request>>,
    current: Option<Arc<Request>>,
    account: Option<Arc<Account>>,
    /// Freed as soon as the checkout is released and no call is left, even if the runner still holds the instance.
    place: Option<Place>,
    /// The last numbers of the instance, once the runner no longer holds it.
    last: Option<TrackerSnapshot>,
    released: bool,
    discard: bool,
    ended: bool,
}

impl Checkout {
    /// Submits a call; one at a time.
    pub fn call(&self, call: Call) -> Ticket {
        let shared = &self.0;
        // Under the lock: two concurrent calls must not both find the instance free.
        let mut state = shared.lock();
        // A call that was ended before the runner took it does not make the instance busy.
        let ended = state.next.take_if(|request| request.is_over());
        if let Some(ended) = ended {
            shared.admission.fail_orphan(&ended);
        }
        let permit = match state.refusal() {
            Some(refusal) => Err(refusal),
            None => shared.admission.permit(),
        };
        match permit {
            Ok(permit) => {
                let request = shared.admission.request_inside(call, permit);
                state.next = Some(request.clone());
                drop(state);
                shared.waker.wake();
                Ticket(Some(request))
            }
            Err(refusal) => {
                drop(state);
                shared.admission.reject(call, refusal);
                Ticket(None)
            }
        }
    }

    /// Gives the instance back when its current call has ended. With `discard` that call is aborted, and the instance
    /// serves no other caller. Of several releases, only the first counts.
    pub fn release(&self, discard: bool) {
        self.0.release(discard);
    }

    /// The tracker of the instance. Once the instance is back, its last numbers, with nothing held.
    pub fn tracker(&self) -> TrackerSnapshot {
        let state = self.0.lock();
        match (&state.account, state.last) {
            (Some(account), _) => self.0.snapshot(account),
            (None, Some(last)) => last,
            (None, None) => {
                let nothing = Account::new(Scope::Instance, 0, None);
                self.0.admission.engine.core().snapshot(&nothing, 0)
            }
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.release(false);
    }
}

impl State {
    fn refusal(&self) -> Option<Error> {
        let closed = |message: &str| Some(Error::new(ErrorCode::Closed, message));
        if self.ended {
            return closed("the instance ended in an earlier call");
        }
        if self.released {
            return closed("the instance was given back");
        }
        match self.next.as_ref().or(self.current.as_ref()) {
            // The call was ended from outside, which ends the instance as well.
            Some(request) if request.is_over() => closed("the instance ended in an earlier call"),
            Some(_) => Some(Error::new(
                ErrorCode::Busy,
                "the instance is in the middle of another call",
            )),
            None => None,
        }
    }
}

impl CheckedOut {
    pub(crate) fn new(admission: Arc<Admission>) -> CheckedOut {
        CheckedOut {
            admission,
            state: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    fn snapshot(&self, account: &Arc<Account>) -> TrackerSnapshot {
        self.admission
            .engine
            .core()
            .snapshot(account, account.limit())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrower for CheckedOut {
    fn begin(&self, account: Arc<Account>, place: Option<Place>) {
        let mut state = self.lock();
        state.account = Some(account);
        state.place = place;
    }

    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Arc<Request>>> {
        self.waker.register(context.waker());
        let mut state = self.lock();
        state.current = state.next.take();
        match &state.current {
            Some(request) => Poll::Ready(Some(request.clone())),
            None if state.released => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn rest(&self) {
        self.lock().current = None;
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = !state.released;
        if let Some(account) = state.account.take() {
            state.last = Some(TrackerSnapshot {
                current_bytes: 0,
                current_pages: 0,
                ..self.snapshot(&account)
            });
        }
        let place = state.place.take();
        let next = state.next.take();
        state.current = None;
        drop(state);
        drop(place);
        // A call that came while the instance ended.
        if let Some(request) = next {
            self.admission.fail_orphan(&request);
        }
    }

    fn release(&self, discard: bool) {
        let ended = {
            let mut state = self.lock();
            state.discard |= discard && !state.released;
            state.released = true;
            if state.current.is_none() && state.next.is_none() {
                drop(state.place.take());
            }
            // A discarded instance need not finish its calls.
            let calls = [state.current.clone(), state.next.clone()];
            calls.map(|call| call.filter(|_| state.discard))
        };
        for request in ended.into_iter().flatten() {
            request.abort("the instance was discarded");
        }
        self.waker.wake();
    }

    fn is_discarded(&self) -> bool {
        self.lock().discard
    }
}
