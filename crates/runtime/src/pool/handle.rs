//! The public handle to a pool.

use super::call::{Call, Done};
use super::checkout::{CheckedOut, Checkout};
use super::durations::Durations;
use super::inner::PoolInner;
use super::options::{Finished, PoolOptions};
use super::request::{Request, Ticket};
use super::runner;
use super::stats::PoolStats;
use crate::error::Result;
use crate::instance::DeniedGrowth;
use crate::metrics::TrackerSnapshot;
use crate::module::Code;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A handle to a pool. When the last one is gone the pool drains and ends.
#[derive(Clone)]
pub struct Pool(Arc<Handle>);

struct Handle(Arc<PoolInner>);

impl Pool {
    /// Links the code and begins to fill the pool to `min`, in the background.
    ///
    /// # Errors
    /// `ERR_LINK` for missing imports, `ERR_BAD_OPTION` for a number out of range or beyond what the engine was made
    /// for.
    pub fn new(code: &Code, options: PoolOptions) -> Result<Pool> {
        let min = options.min;
        let inner = PoolInner::new(code, options)?;
        if min == 0 {
            inner.instances.note_warm(Ok(()));
        }
        for _ in 0..min {
            runner::start(&inner);
        }
        Ok(Pool(Arc::new(Handle(inner))))
    }

    /// Calls `done` when `min` instances are ready, or with the reason why one could not be made.
    pub fn ready(&self, done: Finished) {
        self.inner().instances.ready(done);
    }

    /// Submits a call. It never blocks; the answer goes to `call.done`.
    pub fn call(&self, call: Call) -> Ticket {
        let admission = &self.inner().admission;
        let admitted = admission
            .permit()
            .and_then(|permit| Ok((permit, admission.place(call.nested)?)));
        let (permit, place) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                admission.reject(call, refusal);
                return Ticket(None);
            }
        };
        let timeout = admission.timeout(call.timeout);
        let counters = admission.counters.clone();
        self.enqueue(
            Request::call(call, timeout, counters, permit, Some(place)),
            timeout,
        )
    }

    /// Checks out an instance: `done` is called when the checkout has it. `context`: the number that host functions get
    /// if the instance's start calls them. `nested`: whether a call of this pool waits for the checkout.
    pub fn acquire(
        &self,
        timeout: Option<Duration>,
        context: u64,
        nested: bool,
        done: Done,
    ) -> (Checkout, Ticket) {
        let admission = &self.inner().admission;
        let shared = Arc::new(CheckedOut::new(admission.clone()));
        let ticket = match admission.place(nested) {
            Ok(place) => {
                let timeout = admission.timeout(timeout);
                let (borrower, counters) = (shared.clone(), admission.counters.clone());
                let request = Request::checkout(borrower, timeout, context, counters, place, done);
                self.enqueue(request, timeout)
            }
            Err(refusal) => {
                done(Err(refusal));
                Ticket(None)
            }
        };
        (Checkout(shared), ticket)
    }

    fn enqueue(&self, request: Request, timeout: Option<Duration>) -> Ticket {
        let pool = self.inner();
        let request = Arc::new(request);
        pool.admission.start_clock(&request, timeout);
        pool.admission.start_acquire_clock(&request);
        let waiting = || pool.counters.waiting.load(Ordering::Relaxed);
        let ended = || drop(pool.admission.ticker().begun());
        pool.scheduler.sweep(waiting(), ended);
        let expects_short = || pool.short_calls.expects_short();
        if pool.scheduler.push(request.clone(), waiting, expects_short) {
            runner::start(pool);
        }
        Ticket(Some(request))
    }

    /// Emits only events with these bits ([`super::Event::bit`]) from now on.
    pub fn listen(&self, bits: u32) {
        self.inner().events.listen(bits);
    }

    /// Takes the last growth that was denied since the previous call, with their number. `None` if there was none, or
    /// if such events are not listened to.
    pub fn take_denied(&self) -> Option<DeniedGrowth> {
        self.inner().events.take_denied()
    }

    /// Takes no more calls, finishes those it has, and ends the instances. Idempotent.
    pub fn close(&self, done: Finished) {
        self.inner().close(Some(done));
    }

    /// Ends everything now: calls under way get `ERR_ABORTED`. Idempotent.
    pub fn destroy(&self, done: Finished) {
        self.inner().destroy(done);
    }

    /// The pool's numbers.
    pub fn stats(&self) -> PoolStats {
        let counters = &self.inner().counters;
        // Read first: a call counts as active before it stops waiting, so it is never missed.
        let waiting = counters.waiting.load(Ordering::SeqCst);
        let active = counters.active.load(Ordering::SeqCst);
        let size = counters.size.load(Ordering::SeqCst);
        PoolStats {
            size,
            idle: size.saturating_sub(active),
            active,
            waiting,
            created: counters.created.load(Ordering::Relaxed),
            destroyed: counters.destroyed(),
            outcomes: counters.outcomes(),
            durations: counters.durations.as_ref().map(Durations::snapshot),
            breaker: self
                .inner()
                .admission
                .breaker
                .as_ref()
                .map(|breaker| breaker.stats()),
        }
    }

    /// The tracker over all instances of the pool.
    pub fn tracker(&self) -> TrackerSnapshot {
        let account = &self.inner().account;
        self.inner()
            .engine
            .core()
            .snapshot(account, account.limit())
    }

    /// The specification's six numbers over this pool; empty if its engine's metrics are off.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        let inner = self.inner();
        if inner.engine.core().options.metrics {
            inner.instances.starts.metrics(&inner.account)
        } else {
            Vec::new()
        }
    }

    fn inner(&self) -> &Arc<PoolInner> {
        &self.0.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close(None);
    }
}
