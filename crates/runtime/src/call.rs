//! One call from its submission to its answer, which it gets exactly once.
//!
//! A call is answered by whoever is first: the lane that ran it, the clock when its time is up, or
//! the caller that aborts it. The lane notices at its next turn and drops the guest.

use crate::clock::Expire;
use crate::error::{Error, ErrorCode, Result};
use crate::module::Function;
use crate::value::Value;
use futures_util::task::AtomicWaker;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Receives the answer: once, on any thread, also the submitting one.
pub type Done = Box<dyn FnOnce(Result<Vec<Value>>) + Send>;

/// A call to submit.
pub struct Call {
    /// The function, of the pool's code.
    pub function: Arc<Function>,
    /// Its arguments.
    pub params: Vec<Value>,
    /// How long it may take, instead of the pool's time.
    pub timeout: Option<Duration>,
    /// Receives the answer.
    pub done: Done,
}

const QUEUED: u8 = 0;
const COMPUTING: u8 = 1;
const ASLEEP: u8 = 2;
const HOST: u8 = 3;
/// Answered before it ran.
const OVER: u8 = 4;

/// Counts of a pool, each an atomic of its own.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Instances alive or being made.
    pub(crate) size: AtomicU64,
    pub(crate) active: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) created: AtomicU64,
    pub(crate) destroyed: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) aborted: AtomicU64,
    /// Whether a running call was ever ended from outside: its instance goes with it.
    pub(crate) cut_off: AtomicBool,
}

/// What a call runs.
type Work = (Arc<Function>, Vec<Value>);

/// A call under way.
pub(crate) struct Request {
    work: Mutex<Option<Work>>,
    done: Mutex<Option<Done>>,
    timeout: Option<Duration>,
    over: AtomicBool,
    phase: AtomicU8,
    yielded: AtomicBool,
    waker: AtomicWaker,
    counters: Arc<Counters>,
}

impl Request {
    pub(crate) fn new(call: Call, timeout: Option<Duration>, counters: Arc<Counters>) -> Request {
        counters.waiting.fetch_add(1, Ordering::SeqCst);
        let work = (call.function, call.params);
        Request::in_phase(QUEUED, Some(work), call.done, timeout, counters)
    }

    /// Stands for the making of an instance that no call waits for, so that it can be ended like a
    /// call. Nobody receives its answer, and it counts nowhere.
    pub(crate) fn warm_up() -> Request {
        Request::in_phase(COMPUTING, None, Box::new(|_| {}), None, Arc::default())
    }

    fn in_phase(
        phase: u8,
        work: Option<Work>,
        done: Done,
        timeout: Option<Duration>,
        counters: Arc<Counters>,
    ) -> Request {
        Request {
            work: Mutex::new(work),
            done: Mutex::new(Some(done)),
            timeout,
            over: AtomicBool::new(false),
            phase: AtomicU8::new(phase),
            yielded: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            counters,
        }
    }

    /// Begins to run it: its function and parameters, or nothing where it was answered while it
    /// waited.
    pub(crate) fn start(&self) -> Option<Work> {
        self.phase
            .compare_exchange(QUEUED, COMPUTING, Ordering::SeqCst, Ordering::SeqCst)
            .ok()?;
        self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
        self.work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Gives the answer, unless it has one. `result` is asked for only by who is first, and before
    /// the caller hears of it: what it counts is counted by then.
    fn answer(&self, result: impl FnOnce() -> Result<Vec<Value>>) {
        self.over.store(true, Ordering::SeqCst);
        let done = self
            .done
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(done) = done {
            done(result());
        }
    }

    /// Answers with what the guest gave.
    pub(crate) fn finish(&self, result: Result<Vec<Value>>) {
        self.answer(|| {
            let counter = if result.is_ok() {
                &self.counters.completed
            } else {
                &self.counters.failed
            };
            counter.fetch_add(1, Ordering::Relaxed);
            result
        });
    }

    /// Ends it from outside: as aborted.
    pub(crate) fn abort(&self, message: &str) {
        self.end(&self.counters.aborted, |phase| {
            Error::new(ErrorCode::Aborted, message).text("phase", phase)
        });
    }

    fn end(&self, counter: &AtomicU64, error: impl FnOnce(&'static str) -> Error) {
        let phase = self.phase();
        let queued = self
            .phase
            .compare_exchange(QUEUED, OVER, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if queued {
            self.counters.waiting.fetch_sub(1, Ordering::SeqCst);
            drop(
                self.work
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
        }
        self.answer(|| {
            counter.fetch_add(1, Ordering::Relaxed);
            if !queued {
                self.counters.cut_off.store(true, Ordering::SeqCst);
            }
            Err(error(phase))
        });
        self.waker.wake();
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

    /// Drives `guest` until it ends or the call is answered from outside: then it is dropped, and
    /// nothing is returned.
    pub(crate) async fn supervise<T>(&self, guest: impl Future<Output = T>) -> Option<T> {
        let mut guest = pin!(guest);
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_over() {
                return Poll::Ready(None);
            }
            let _ =
                self.phase
                    .compare_exchange(ASLEEP, COMPUTING, Ordering::SeqCst, Ordering::SeqCst);
            match guest.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => {
                    if !self.yielded.swap(false, Ordering::Relaxed) {
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

impl Expire for Request {
    fn is_over(&self) -> bool {
        Request::is_over(self)
    }

    fn expire(&self) {
        let millis = self.timeout.unwrap_or_default().as_secs_f64() * 1e3;
        self.end(&self.counters.timed_out, |phase| {
            Error::new(
                ErrorCode::Timeout,
                format!("the call took longer than {millis} ms ({phase})"),
            )
            .number("timeoutMillis", millis)
            .text("phase", phase)
        });
    }
}

/// A caller's hold on a call.
#[derive(Clone)]
pub struct Ticket(pub(crate) Arc<Request>);

impl Ticket {
    /// Ends the call at once with `ERR_ABORTED`; nothing where it has its answer.
    pub fn abort(&self) {
        self.0.abort("the call was aborted");
    }
}

/// When a call that may take `timeout` must have ended. A timeout beyond the clock's range is none.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}
