//! One request from its submission to its answer, which it gets exactly once.
//!
//! The first of these answers it: the runner that served it, the ticker when its deadline has passed, or the caller
//! that aborts it. The runner notices at its next turn and drops the guest.

use super::breaker::Permit;
use super::call::{Answer, Call, CallStats, Done};
use super::counters::{Counters, Outcome, Place};
use super::timing::{Measured, Timing};
use crate::compile::Function;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::deadlines::Expire;
use crate::executor::timestamp::Timestamp;
use crate::instance::{CallContext, Measurement, Observed};
use crate::value::Value;
use futures_util::task::AtomicWaker;
use riptide_wasm_accounting::Account;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

const QUEUED: u8 = 0;
pub(super) const COMPUTING: u8 = 1;
pub(super) const ASLEEP: u8 = 2;
const HOST: u8 = 3;
/// Answered before it ran.
const OVER: u8 = 4;

/// What a runner does for a request.
pub(crate) enum Job {
    /// Calls a function.
    Call(Arc<Function>, Vec<Value>),
    /// Hands an instance to the checkout that waits for it.
    Checkout(Arc<dyn Borrower>),
}

/// A checkout, as the runner that has its instance sees it.
pub(crate) trait Borrower: Send + Sync {
    /// The runner has the instance, whose bytes are in this account.
    fn begin(&self, account: Arc<Account>, place: Option<Place>);

    /// The next call; `None` once the instance is given back.
    fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Arc<Request>>>;

    /// The call has ended, and the instance can serve the next one. Called before the call is answered, since the
    /// caller may send the next call at once.
    fn rest(&self);

    /// The runner no longer has the instance.
    fn end(&self);

    /// Gives the instance back when its current call has ended. With `discard` that call is aborted, and the instance
    /// serves no other caller.
    fn release(&self, discard: bool);

    /// Whether the instance must serve no other caller.
    fn is_discarded(&self) -> bool;
}

/// A request as it waits.
pub(crate) struct Waiting {
    pub(crate) job: Job,
    /// `None` inside a checkout, which has the place.
    pub(crate) place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Checkout,
    WarmUp,
}

/// A call, a checkout or the making of an instance under way.
pub(crate) struct Request {
    waiting: Mutex<Option<Waiting>>,
    done: Mutex<Option<Done>>,
    timeout: Option<Duration>,
    over: AtomicBool,
    pub(super) phase: AtomicU8,
    pub(super) yielded: AtomicBool,
    pub(super) long: AtomicBool,
    pub(super) waker: AtomicWaker,
    kind: Kind,
    context: u64,
    counters: Arc<Counters>,
    permit: Mutex<Option<Permit>>,
    timing: Option<Timing>,
    /// When it was taken from the queue, in ticks; 0 while it waits.
    taken: AtomicU64,
    /// Present if the answer reports what the call took.
    pub(super) measured: Option<Box<Measured>>,
    /// What its store observes of the call, with the call's number there; `None` until it is in a store.
    observed: Mutex<Option<(Arc<Observed>, u64)>>,
}

impl Request {
    /// A call.
    pub(crate) fn call(
        call: Call,
        timeout: Option<Duration>,
        counters: Arc<Counters>,
        permit: Option<Permit>,
        place: Option<Place>,
    ) -> Request {
        let timed = call.measured || counters.durations.is_some();
        let timing = timed.then(|| Timing::begin(place.is_some()));
        let measured = call.measured.then(Box::default);
        let job = Job::Call(call.function, call.params);
        Request {
            context: call.context,
            permit: Mutex::new(permit),
            timing,
            measured,
            ..Request::queued(
                Kind::Call,
                Waiting { job, place },
                call.done,
                timeout,
                counters,
            )
        }
    }

    /// A checkout: answered when `borrower` has its instance.
    pub(crate) fn checkout(
        borrower: Arc<dyn Borrower>,
        timeout: Option<Duration>,
        context: u64,
        counters: Arc<Counters>,
        place: Place,
        done: Done,
    ) -> Request {
        let waiting = Waiting {
            job: Job::Checkout(borrower),
            place: Some(place),
        };
        Request {
            context,
            timing: counters.durations.is_some().then(|| Timing::begin(true)),
            ..Request::queued(Kind::Checkout, waiting, done, timeout, counters)
        }
    }

    /// Stands for a warm-up, so that it can be ended like a call. Its answer is dropped, and it is counted nowhere.
    pub(crate) fn warm_up(context: u64) -> Request {
        let (kind, nobody) = (Kind::WarmUp, Box::new(|_| {}));
        Request {
            context,
            ..Request::in_phase(kind, COMPUTING, None, nobody, None, Arc::default())
        }
    }

    fn queued(
        kind: Kind,
        waiting: Waiting,
        done: Done,
        timeout: Option<Duration>,
        counters: Arc<Counters>,
    ) -> Request {
        counters.waiting.fetch_add(1, Ordering::SeqCst);
        Request::in_phase(kind, QUEUED, Some(waiting), done, timeout, counters)
    }

    fn in_phase(
        kind: Kind,
        phase: u8,
        waiting: Option<Waiting>,
        done: Done,
        timeout: Option<Duration>,
        counters: Arc<Counters>,
    ) -> Request {
        Request {
            waiting: Mutex::new(waiting),
            done: Mutex::new(Some(done)),
            timeout,
            over: AtomicBool::new(false),
            phase: AtomicU8::new(phase),
            yielded: AtomicBool::new(false),
            long: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            kind,
            context: 0,
            counters,
            permit: Mutex::new(None),
            timing: None,
            taken: AtomicU64::new(0),
            measured: None,
            observed: Mutex::default(),
        }
    }

    /// Begins to run the request, and returns its job. `None` if it was answered while it waited.
    pub(crate) fn start(&self) -> Option<Waiting> {
        self.phase
            .compare_exchange(QUEUED, COMPUTING, Ordering::SeqCst, Ordering::SeqCst)
            .ok()?;
        self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
        self.taken.store(Timestamp::now().raw(), Ordering::Relaxed);
        lock(&self.waiting).take()
    }

    pub(super) fn taken(&self) -> Option<Timestamp> {
        let taken = self.taken.load(Ordering::Relaxed);
        (taken != 0).then(|| Timestamp::of(taken))
    }

    /// How long it waited until it was taken, or until `now`; in nanoseconds.
    fn waited(&self, timing: &Timing, now: Timestamp) -> u64 {
        self.taken().unwrap_or(now).nanos_since(timing.submitted)
    }

    /// Answers the request, unless it has its answer already; returns whether it did. Only the first answer calls
    /// `result`, and everything is counted before the caller gets it.
    fn answer(&self, now: Timestamp, result: impl FnOnce() -> Result<Answer>) -> bool {
        self.over.store(true, Ordering::SeqCst);
        let done = lock(&self.done).take();
        let Some(done) = done else { return false };
        let result = result();
        let code = result.as_ref().err().map(|error| error.code);
        if let Some(permit) = lock(&self.permit).take() {
            permit.record(code);
        }
        if self.kind == Kind::Call {
            self.counters.count(Outcome::of(code));
        }
        if let (Some(timing), Some(durations)) = (&self.timing, &self.counters.durations) {
            let took = now.nanos_since(timing.submitted);
            let waited = self.waited(timing, now).min(took);
            let call = (self.kind == Kind::Call).then_some(took);
            durations.observe(call, timing.waits.then_some(waited));
        }
        done(result);
        true
    }

    /// Answers with the guest's result. Returns whether the request had no answer yet.
    pub(crate) fn finish(&self, result: Result<Answer>) -> bool {
        self.finish_at(Timestamp::now(), result)
    }

    /// Like [`Request::finish`], with a time stamp that was already read.
    pub(crate) fn finish_at(&self, now: Timestamp, result: Result<Answer>) -> bool {
        self.answer(now, || result)
    }

    /// Ends the request from outside, with `ERR_ABORTED`.
    pub(crate) fn abort(&self, message: &str) {
        self.end(|phase| Error::new(ErrorCode::Aborted, message).text("phase", phase));
    }

    fn end(&self, error: impl FnOnce(&'static str) -> Error) {
        let phase = self.phase();
        self.leave_queue();
        self.answer(Timestamp::now(), || Err(self.describe(error(phase))));
        self.waker.wake();
    }

    /// Adds what was observed of it to a failure.
    pub(crate) fn describe(&self, error: Error) -> Error {
        let observed = lock(&self.observed).clone();
        match observed {
            Some((observed, number)) => observed.describe_call(number, error),
            None => error,
        }
    }

    /// Leaves the queue. Returns whether it was queued.
    fn leave_queue(&self) -> bool {
        let queued = self
            .phase
            .compare_exchange(QUEUED, OVER, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if queued {
            self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
            let waiting = lock(&self.waiting).take();
            drop(waiting);
        }
        queued
    }

    /// Whether it waits for a runner.
    pub(crate) fn is_queued(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == QUEUED
    }

    /// No instance was free in time: ends it if it still waits.
    pub(crate) fn give_up_waiting(&self, after: Duration) {
        if self.leave_queue() {
            let millis = after.as_secs_f64() * 1e3;
            self.answer(Timestamp::now(), || {
                Err(Error::new(
                    ErrorCode::AcquireTimeout,
                    format!("no instance was free within {millis} ms"),
                )
                .number("acquireTimeoutMillis", millis))
            });
        }
    }

    fn phase(&self) -> &'static str {
        match self.phase.load(Ordering::SeqCst) {
            QUEUED => "queued",
            ASLEEP => "asleep",
            HOST => "host",
            _ => "computing",
        }
    }

    /// Whether it has its answer.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub(crate) fn is_warm_up(&self) -> bool {
        self.kind == Kind::WarmUp
    }

    /// What it took so far.
    pub(crate) fn measure(&self) -> Option<Box<CallStats>> {
        let (timing, measured) = (self.timing.as_ref()?, self.measured.as_ref()?);
        let queued = self.waited(timing, Timestamp::now());
        Some(Box::new(measured.stats(
            timing.submitted.elapsed(),
            Duration::from_nanos(queued),
        )))
    }

    /// Whether its guest computed for a whole epoch.
    pub(crate) fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed)
    }
}

impl CallContext for Request {
    fn number(&self) -> u64 {
        self.context
    }

    fn is_over(&self) -> bool {
        Request::is_over(self)
    }

    fn note_yield(&self) {
        self.yielded.store(true, Ordering::Relaxed);
    }

    fn enter_host(&self) {
        self.phase.store(HOST, Ordering::SeqCst);
    }

    fn leave_host(&self) {
        self.phase.store(COMPUTING, Ordering::SeqCst);
    }

    fn observe(&self, observed: &Arc<Observed>, call: u64) {
        *lock(&self.observed) = Some((observed.clone(), call));
    }

    fn note(&self, measure: &dyn Fn() -> Measurement) {
        if let Some(measured) = &self.measured {
            measured.keep(measure());
        }
    }
}

impl Expire for Request {
    fn is_over(&self) -> bool {
        Request::is_over(self)
    }

    fn expire(&self) {
        let millis = self.timeout.unwrap_or_default().as_secs_f64() * 1e3;
        self.end(|phase| {
            Error::new(
                ErrorCode::Timeout,
                format!("the call took longer than {millis} ms ({phase})"),
            )
            .number("timeoutMillis", millis)
            .text("phase", phase)
        });
    }
}

/// A caller's handle to a call.
#[derive(Clone)]
pub struct Ticket(pub(crate) Option<Arc<Request>>);

impl Ticket {
    /// Ends the call at once with `ERR_ABORTED`. Does nothing if it has its answer.
    pub fn abort(&self) {
        if let Some(request) = &self.0 {
            request.abort("the call was aborted");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
