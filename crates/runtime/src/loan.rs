//! An instance that is lent to one caller, who calls it several times and gives it back.

use crate::call::{Call, Request, Ticket};
use crate::counters::Place;
use crate::error::{Error, ErrorCode};
use crate::lanes::Lanes;
use crate::limits::TrackerSnapshot;
use futures_util::task::AtomicWaker;
use riptide_wasm_accounting::Account;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// A caller's hold on a lent instance. It is given back when this is dropped.
pub struct Loan(pub(crate) Arc<Lent>);

/// A lent instance, as its caller and the lane that serves it see it.
pub(crate) struct Lent {
    lanes: Arc<Lanes>,
    state: Mutex<State>,
    /// Wakes the lane.
    waker: AtomicWaker,
}

#[derive(Default)]
struct State {
    /// What the lane is to do next, and what it does.
    next: Option<Arc<Request>>,
    current: Option<Arc<Request>>,
    account: Option<Arc<Account>>,
    /// Free again as soon as no call is left, though the instance is still on its way back.
    place: Option<Place>,
    /// The last numbers of an instance that is no more.
    last: Option<TrackerSnapshot>,
    released: bool,
    discard: bool,
    ended: bool,
}

impl Loan {
    /// Submits a call; one at a time.
    pub fn call(&self, call: Call) -> Ticket {
        let lent = &self.0;
        // Under the lock: two callers at once must not both find it free.
        let mut state = lent.lock();
        // One that was ended before it began stands in nobody's way.
        let ended = state.next.take_if(|request| request.is_over());
        if let Some(ended) = ended {
            lent.lanes.strand(&ended);
        }
        let permit = match state.refusal() {
            Some(refusal) => Err(refusal),
            None => lent.lanes.permit(),
        };
        match permit {
            Ok(permit) => {
                let request = lent.lanes.request_inside(call, permit);
                state.next = Some(request.clone());
                drop(state);
                lent.waker.wake();
                Ticket(Some(request))
            }
            Err(refusal) => {
                drop(state);
                lent.lanes.reject(call, refusal)
            }
        }
    }

    /// Gives the instance back when the call it is in has ended; with `discard` it serves nobody else.
    /// The first of several counts.
    pub fn release(&self, discard: bool) {
        self.0.release(discard);
    }

    /// The tracker of the instance; what it last was, with nothing held, once the instance is back.
    pub fn tracker(&self) -> TrackerSnapshot {
        let state = self.0.lock();
        match (&state.account, state.last) {
            (Some(account), _) => self.0.snapshot(account),
            (None, Some(last)) => last,
            (None, None) => self.0.lanes.empty_snapshot(),
        }
    }
}

impl Drop for Loan {
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
            // It was ended from outside, and takes the instance with it.
            Some(request) if request.is_over() => closed("the instance ended in an earlier call"),
            Some(_) => Some(Error::new(
                ErrorCode::Busy,
                "the instance is in the middle of another call",
            )),
            None => None,
        }
    }
}

impl Lent {
    pub(crate) fn new(lanes: Arc<Lanes>) -> Lent {
        Lent {
            lanes,
            state: Mutex::default(),
            waker: AtomicWaker::new(),
        }
    }

    /// The lane has the instance.
    pub(crate) fn begin(&self, account: Arc<Account>, place: Option<Place>) {
        let mut state = self.lock();
        state.account = Some(account);
        state.place = place;
    }

    /// The next call; nothing once it is given back.
    pub(crate) async fn next(&self) -> Option<Arc<Request>> {
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            let mut state = self.lock();
            state.current = state.next.take();
            match &state.current {
                Some(request) => Poll::Ready(Some(request.clone())),
                None if state.released => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// The call has ended and the instance is whole. Before the call's answer: the next may come with it.
    pub(crate) fn rest(&self) {
        self.lock().current = None;
    }

    /// The lane has the instance no more.
    pub(crate) fn end(&self) {
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
            self.lanes.strand(&request);
        }
    }

    pub(crate) fn release(&self, discard: bool) {
        let ended = {
            let mut state = self.lock();
            state.discard |= discard && !state.released;
            state.released = true;
            if state.current.is_none() && state.next.is_none() {
                drop(state.place.take());
            }
            // An instance that serves nobody else need not finish what it does.
            let calls = [state.current.clone(), state.next.clone()];
            calls.map(|call| call.filter(|_| state.discard))
        };
        for request in ended.into_iter().flatten() {
            request.abort("the instance was discarded");
        }
        self.waker.wake();
    }

    /// Whether the instance is to serve nobody else.
    pub(crate) fn is_discarded(&self) -> bool {
        self.lock().discard
    }

    fn snapshot(&self, account: &Arc<Account>) -> TrackerSnapshot {
        self.lanes.engine.core().snapshot(account, account.limit())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
