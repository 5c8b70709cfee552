//! One call from its submission to its answer, which it gets exactly once.
//!
//! A call is answered by whoever is first: the lane that ran it, the clock when its time is up, or
//! the caller that aborts it. The lane notices at its next turn and drops the guest.

use crate::breaker::Permit;
use crate::clock::{Expire, TICK};
use crate::counters::{Counters, Outcome, Place};
use crate::cpu;
use crate::error::{Error, ErrorCode, Result};
use crate::limits::PAGE_BYTES;
use crate::loan::Lent;
use crate::module::Function;
use crate::observed::Observed;
use crate::output::Written;
use crate::ticks::Ticks;
use crate::value::Value;
use crate::workers;
use futures_util::task::AtomicWaker;
use riptide_wasm_accounting::Account;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Receives the answer: once, on any thread, also the submitting one.
pub type Done = Box<dyn FnOnce(Result<Answer>) + Send>;

/// A call to submit.
pub struct Call {
    /// The function, of the pool's code.
    pub function: Arc<Function>,
    /// Its arguments.
    pub params: Vec<Value>,
    /// How long it may take, instead of the pool's time.
    pub timeout: Option<Duration>,
    /// What its host functions are told of it.
    pub context: u64,
    /// Whether a call of the same pool waits for it: then it does not wait for an instance.
    pub nested: bool,
    /// Whether the answer says what it took.
    pub measured: bool,
    /// Receives the answer.
    pub done: Done,
}

/// What a good call gives.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its results.
    pub values: Vec<Value>,
    /// What it took, where that was asked for.
    pub stats: Option<Box<CallStats>>,
}

/// What a call took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// From its submission to its end.
    pub wall: Duration,
    /// What its worker computed for it, host functions in JavaScript not included.
    pub cpu: Option<Duration>,
    /// From its submission to its taking by a lane.
    pub queued: Duration,
    /// Fuel it used and what was left, on an engine with fuel.
    pub fuel: Option<Fuel>,
    /// Memory of its instance before it, in pages.
    pub pages_before: u64,
    /// After it.
    pub pages_after: u64,
    /// At most, since the instance was made.
    pub pages_peak: u64,
    /// What the guest wrote.
    pub written: Written,
}

/// Fuel of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuel {
    /// What the guest executed.
    pub consumed: u64,
    /// What was left; nothing where there was no limit.
    pub remaining: Option<u64>,
}

const QUEUED: u8 = 0;
const COMPUTING: u8 = 1;
const ASLEEP: u8 = 2;
const HOST: u8 = 3;
/// Answered before it ran.
const OVER: u8 = 4;

/// What a lane does for a request.
pub(crate) enum Job {
    /// Calls a function.
    Call(Arc<Function>, Vec<Value>),
    /// Lends an instance.
    Lend(Arc<Lent>),
}

/// A request as it waits.
pub(crate) struct Waiting {
    pub(crate) job: Job,
    /// None inside a loan, which has the place.
    pub(crate) place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Loan,
    WarmUp,
}

/// A call, a loan or the making of an instance under way.
pub(crate) struct Request {
    waiting: Mutex<Option<Waiting>>,
    done: Mutex<Option<Done>>,
    timeout: Option<Duration>,
    over: AtomicBool,
    phase: AtomicU8,
    yielded: AtomicBool,
    long: AtomicBool,
    waker: AtomicWaker,
    kind: Kind,
    context: u64,
    counters: Arc<Counters>,
    permit: Mutex<Option<Permit>>,
    timing: Option<Timing>,
    /// When it was taken from the queue, in ticks; 0 while it waits.
    taken: AtomicU64,
    /// Where the answer is to say what it took.
    measured: Option<Box<Measured>>,
    /// What its store shows of it, once it is in one, with the number that it has there.
    observed: Mutex<Option<(Arc<Observed>, u64)>>,
}

/// What is measured of a call.
#[derive(Default)]
struct Measured {
    /// Processor time in nanoseconds.
    cpu: AtomicU64,
    taken: Mutex<Taken>,
}

/// When what happened.
struct Timing {
    submitted: Ticks,
    /// Whether it waits for an instance: inside a loan it has one.
    waits: bool,
}

impl Timing {
    fn begin(waits: bool) -> Timing {
        Timing {
            submitted: Ticks::now(),
            waits,
        }
    }
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

    /// A loan: answered when `lent` has its instance.
    pub(crate) fn lend(
        lent: Arc<Lent>,
        timeout: Option<Duration>,
        context: u64,
        counters: Arc<Counters>,
        place: Place,
        done: Done,
    ) -> Request {
        let waiting = Waiting {
            job: Job::Lend(lent),
            place: Some(place),
        };
        Request {
            context,
            timing: counters.durations.is_some().then(|| Timing::begin(true)),
            ..Request::queued(Kind::Loan, waiting, done, timeout, counters)
        }
    }

    /// Stands for the making of an instance that nobody waits for, so that it can be ended like a
    /// call. Nobody receives its answer, and it counts nowhere.
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

    /// Begins to run it: what it asks for, or nothing where it was answered while it waited.
    pub(crate) fn start(&self) -> Option<Waiting> {
        self.phase
            .compare_exchange(QUEUED, COMPUTING, Ordering::SeqCst, Ordering::SeqCst)
            .ok()?;
        self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
        self.taken.store(Ticks::now().raw(), Ordering::Relaxed);
        lock(&self.waiting).take()
    }

    fn taken(&self) -> Option<Ticks> {
        let taken = self.taken.load(Ordering::Relaxed);
        (taken != 0).then(|| Ticks::of(taken))
    }

    /// How long it waited until it was taken, or until `now`; in nanoseconds.
    fn waited(&self, timing: &Timing, now: Ticks) -> u64 {
        self.taken().unwrap_or(now).nanos_since(timing.submitted)
    }

    /// Gives the answer, unless it has one; says which. `result` is asked for only by who is first, and before
    /// the caller hears of it: what it counts is counted by then.
    fn answer(&self, now: Ticks, result: impl FnOnce() -> Result<Answer>) -> bool {
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

    /// Answers with what the guest gave. Whether it had no answer yet.
    pub(crate) fn finish(&self, result: Result<Answer>) -> bool {
        self.finish_at(Ticks::now(), result)
    }

    /// The same at a moment that is known.
    pub(crate) fn finish_at(&self, now: Ticks, result: Result<Answer>) -> bool {
        self.answer(now, || result)
    }

    /// Ends it from outside: as aborted.
    pub(crate) fn abort(&self, message: &str) {
        self.end(|phase| Error::new(ErrorCode::Aborted, message).text("phase", phase));
    }

    fn end(&self, error: impl FnOnce(&'static str) -> Error) {
        let phase = self.phase();
        self.leave_queue();
        self.answer(Ticks::now(), || Err(self.describe(error(phase))));
        self.waker.wake();
    }

    /// It runs in the store that shows this, as the call of this number; 0: the store is made for it.
    pub(crate) fn observe(&self, observed: &Arc<Observed>, number: u64) {
        *lock(&self.observed) = Some((observed.clone(), number));
    }

    /// Adds what was observed of it to a failure.
    pub(crate) fn describe(&self, error: Error) -> Error {
        let observed = lock(&self.observed).clone();
        match observed {
            Some((observed, number)) => observed.describe_call(number, error),
            None => error,
        }
    }

    /// Gives up its place in the queue. Whether it had one.
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

    /// No instance was free in time: ends it if it still waits.
    pub(crate) fn give_up_waiting(&self, after: Duration) {
        if self.leave_queue() {
            let millis = after.as_secs_f64() * 1e3;
            self.answer(Ticks::now(), || {
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

    /// The guest gave up its turn, and is not asleep.
    pub(crate) fn note_yield(&self) {
        self.yielded.store(true, Ordering::Relaxed);
    }

    pub(crate) fn enter_host(&self) {
        self.phase.store(HOST, Ordering::SeqCst);
    }

    pub(crate) fn leave_host(&self) {
        self.phase.store(COMPUTING, Ordering::SeqCst);
    }

    /// Whether it has its answer.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// What host functions are told of it.
    pub(crate) fn context(&self) -> u64 {
        self.context
    }

    pub(crate) fn is_warm_up(&self) -> bool {
        self.kind == Kind::WarmUp
    }

    /// Notes what its instance says of it, where its answer is to say that.
    pub(crate) fn note(&self, taken: impl FnOnce() -> Taken) {
        if let Some(measured) = &self.measured {
            *lock(&measured.taken) = taken();
        }
    }

    /// What it took so far.
    pub(crate) fn measure(&self) -> Option<Box<CallStats>> {
        let (timing, measured) = (self.timing.as_ref()?, self.measured.as_ref()?);
        let taken = std::mem::take(&mut *lock(&measured.taken));
        let pages = |bytes: u64| bytes.div_ceil(PAGE_BYTES);
        Some(Box::new(CallStats {
            wall: timing.submitted.elapsed(),
            cpu: cfg!(unix).then(|| Duration::from_nanos(measured.cpu.load(Ordering::Relaxed))),
            queued: Duration::from_nanos(self.waited(timing, Ticks::now())),
            fuel: taken.fuel,
            pages_before: pages(taken.bytes_before),
            pages_after: pages(taken.bytes_after),
            pages_peak: pages(taken.bytes_peak),
            written: taken.written,
        }))
    }

    /// Whether its guest computed for a whole epoch.
    pub(crate) fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed)
    }

    /// Drives `guest` until it ends or the call is answered from outside: then it is dropped, and
    /// nothing is returned.
    pub(crate) async fn supervise<T>(&self, guest: impl Future<Output = T>) -> Option<T> {
        let mut guest = pin!(guest);
        let mut computed = Duration::ZERO;
        // The first turn begins when it was taken: one look at the clock for both.
        let mut taken = self.taken();
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_over() {
                return Poll::Ready(None);
            }
            let _ =
                self.phase
                    .compare_exchange(ASLEEP, COMPUTING, Ordering::SeqCst, Ordering::SeqCst);
            let turn = taken.take().unwrap_or_else(Ticks::now);
            let measured = self.measured.as_ref();
            let began = measured.and_then(|_| cpu::thread_time());
            let polled = guest.as_mut().poll(context);
            if let (Some(measured), Some(began), Some(now)) =
                (measured, began, began.and_then(|_| cpu::thread_time()))
            {
                let took = now.saturating_sub(began).as_nanos() as u64;
                measured.cpu.fetch_add(took, Ordering::Relaxed);
            }
            match polled {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => {
                    computed += turn.elapsed();
                    if self.yielded.swap(false, Ordering::Relaxed) {
                        // Epochs pass while a guest waits, too: then it gives up its turn, and has not computed.
                        if computed >= TICK {
                            self.long.store(true, Ordering::Relaxed);
                            workers::move_back();
                        }
                    } else {
                        let _ = self.phase.compare_exchange(
                            COMPUTING,
                            ASLEEP,
                            Ordering::SeqCst,
                            Ordering::SeqCst,
                        );
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// What an instance says of a call.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) fuel: Option<Fuel>,
    pub(crate) bytes_before: u64,
    pub(crate) bytes_after: u64,
    pub(crate) bytes_peak: u64,
    pub(crate) written: Written,
}

impl Taken {
    /// Of a call that has just ended, in a store with this account.
    pub(crate) fn of(
        observed: &Observed,
        account: &Account,
        bytes_before: u64,
        fuel: Option<Fuel>,
    ) -> Taken {
        Taken {
            fuel,
            bytes_before,
            bytes_after: account.held(),
            bytes_peak: account.peak(),
            written: observed.written(),
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

/// Ends a request's waiting for an instance.
pub(crate) struct Patience(pub(crate) Arc<Request>, pub(crate) Duration);

impl Expire for Patience {
    fn is_over(&self) -> bool {
        self.0.phase.load(Ordering::SeqCst) != QUEUED
    }

    fn expire(&self) {
        self.0.give_up_waiting(self.1);
    }
}

/// A caller's hold on a call.
#[derive(Clone)]
pub struct Ticket(pub(crate) Option<Arc<Request>>);

impl Ticket {
    /// Ends the call at once with `ERR_ABORTED`; nothing where it has its answer.
    pub fn abort(&self) {
        if let Some(request) = &self.0 {
            request.abort("the call was aborted");
        }
    }
}

/// When a call that may take `timeout` must have ended. A timeout beyond the clock's range is none.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
