//! Whether a call is admitted: the breaker's permit, a place in the pool or its queue, and the start of its deadlines.

use super::acquire_timeout::AcquireTimeout;
use super::breaker::{Breaker, Permit};
use super::call::Call;
use super::counters::{Counters, Outcome, Place};
use super::request::Request;
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::deadlines::deadline;
use crate::executor::epoch::EpochTicker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many calls may run and wait, and for how long.
pub(crate) struct AdmissionOptions {
    pub(crate) max: u32,
    pub(crate) max_queue: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) acquire_timeout: Option<Duration>,
}

/// Admits the calls of one pool.
pub(crate) struct Admission {
    pub(crate) engine: Engine,
    pub(crate) breaker: Option<Arc<Breaker>>,
    pub(crate) counters: Arc<Counters>,
    options: AdmissionOptions,
    closing: AtomicBool,
}

impl Admission {
    pub(crate) fn new(
        engine: Engine,
        breaker: Option<Arc<Breaker>>,
        counters: Arc<Counters>,
        options: AdmissionOptions,
    ) -> Admission {
        Admission {
            engine,
            breaker,
            counters,
            options,
            closing: AtomicBool::new(false),
        }
    }

    /// The breaker's permit for one call; `None` without a breaker.
    pub(crate) fn permit(&self) -> Result<Option<Permit>> {
        self.breaker.as_ref().map(Breaker::admit).transpose()
    }

    /// A place for a call that runs or waits. A `nested` call, for which another call of this pool waits, must not wait
    /// itself.
    pub(crate) fn place(&self, nested: bool) -> Result<Place> {
        if self.is_closing() {
            return Err(Error::new(ErrorCode::Closed, "the pool is closed"));
        }
        let max = self.options.max;
        let max_queue = self.options.max_queue.unwrap_or(u32::MAX);
        let most = match self.options.max_queue {
            // A warm-up occupies a runner too, and the nested call might have to wait for it.
            _ if nested => {
                u64::from(max).saturating_sub(self.counters.warming.load(Ordering::SeqCst))
            }
            Some(queue) => u64::from(max) + u64::from(queue),
            None => u64::MAX,
        };
        self.counters.take_place(most).ok_or_else(|| {
            if nested {
                let message = format!("all {max} instances of the pool are taken, and the call that waits for this one has one of them");
                return Error::new(ErrorCode::Reentrant, message).number("max", f64::from(max));
            }
            let message = format!("{max} calls run and {max_queue} wait, which is as many as may");
            Error::new(ErrorCode::QueueFull, message)
                .number("max", f64::from(max))
                .number("maxQueue", f64::from(max_queue))
        })
    }

    /// Answers a call that is not admitted.
    pub(crate) fn reject(&self, call: Call, refusal: Error) {
        self.counters.count(Outcome::Rejected);
        (call.done)(Err(refusal));
    }

    /// How long a call may take: its own timeout, or else the pool's.
    pub(crate) fn timeout(&self, own: Option<Duration>) -> Option<Duration> {
        own.or(self.options.timeout)
    }

    /// A request for a call inside a checkout, which has the instance and the place. Starts its deadline.
    pub(crate) fn request_inside(&self, call: Call, permit: Option<Permit>) -> Arc<Request> {
        let timeout = self.timeout(call.timeout);
        let counters = self.counters.clone();
        let request = Arc::new(Request::call(call, timeout, counters, permit, None));
        self.start_clock(&request, timeout);
        request
    }

    /// Starts the epochs and the deadline of a request.
    pub(crate) fn start_clock(&self, request: &Arc<Request>, timeout: Option<Duration>) {
        let ticker = self.ticker();
        ticker.begin();
        if let Some(deadline) = deadline(timeout) {
            ticker.expire_at(deadline, request.clone());
        }
    }

    /// Starts the time that a request may wait for an instance.
    pub(crate) fn start_acquire_clock(&self, request: &Arc<Request>) {
        let timeout = self.options.acquire_timeout;
        if let Some((timeout, deadline)) = timeout.zip(deadline(timeout)) {
            let what = Arc::new(AcquireTimeout(request.clone(), timeout));
            self.ticker().expire_at(deadline, what);
        }
    }

    /// Fails a request inside a checkout whose runner has left.
    pub(crate) fn fail_orphan(&self, request: &Request) {
        let _ticking = self.ticker().begun();
        if request.start().is_some() {
            request.finish(Err(Error::new(ErrorCode::Closed, "the instance has ended")));
        }
    }

    /// Admits no calls from now on.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(crate) fn ticker(&self) -> &EpochTicker {
        &self.engine.core().shared.threads.ticker
    }
}
