//! A pool: instances of one module or component, and the calls that wait for them.
//!
//! This file is what a caller sees of it; `lanes` is how the calls are worked off.

use crate::breaker::{BreakerOptions, BreakerStats};
use crate::call::{Call, Done, Ticket};
use crate::counters::Outcome;
use crate::durations::{Durations, DurationsSnapshot};
use crate::error::Result;
use crate::events::{DeniedGrowth, Listener, Reason};
use crate::host::HostFunction;
use crate::lanes::Lanes;
use crate::limits::TrackerSnapshot;
use crate::loan::{Lent, Loan};
use crate::module::Code;
use crate::store::GuestOptions;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a pool is made of.
pub struct PoolOptions {
    /// Instances kept ready.
    pub min: u32,
    /// Instances at most, and calls that run at once.
    pub max: u32,
    /// Calls that may wait for an instance; nothing: any number.
    pub max_queue: Option<u32>,
    /// How long a call may wait for an instance.
    pub acquire_timeout: Option<Duration>,
    /// How long an instance above `min` stays without a call.
    pub idle_timeout: Option<Duration>,
    /// Calls that an instance serves at most.
    pub max_uses: Option<u32>,
    /// An instance that holds more pages after a call serves no further one.
    pub recycle_above_pages: Option<u32>,
    /// Whether an instance serves again after a good call.
    pub reuse: bool,
    /// How long a call may take, waiting included.
    pub timeout: Option<Duration>,
    /// When calls are refused because too many failed.
    pub breaker: Option<BreakerOptions>,
    /// What its instances are given.
    pub guest: GuestOptions,
    /// Functions for the guest's imports.
    pub imports: Vec<HostFunction>,
    /// Hears of what happens; once [`Pool::listen`] was called, of what it asks for.
    pub listener: Option<Listener>,
    /// What the host functions of a start function are told, where no call waits for it.
    pub context: u64,
}

/// A pool's numbers at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolStats {
    /// Instances alive or being made.
    pub size: u64,
    /// Instances that wait for a call.
    pub idle: u64,
    /// Instances in a call, or lent.
    pub active: u64,
    /// Calls that wait.
    pub waiting: u64,
    /// Instances made so far.
    pub created: u64,
    /// Instances gone so far, by [`Reason`] in its order.
    pub destroyed: [u64; Reason::ALL.len()],
    /// Calls by [`Outcome`] in its order.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// How long calls took; none where the engine's metrics are off.
    pub durations: Option<DurationsSnapshot>,
    /// The breaker, where there is one.
    pub breaker: Option<BreakerStats>,
}

impl PoolStats {
    /// Calls that ended so.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Calls that ended in a failure of their own: not by time, caller or refusal.
    pub fn failed(&self) -> u64 {
        let own = [
            Outcome::GuestError,
            Outcome::Trap,
            Outcome::MemoryLimit,
            Outcome::Error,
        ];
        own.map(|outcome| self.ended(outcome)).iter().sum()
    }
}

/// Told when something is done; once, on any thread.
pub type Finished = Box<dyn FnOnce(Result<()>) + Send>;

/// A handle to a pool. When the last one is gone the pool drains and ends.
#[derive(Clone)]
pub struct Pool(Arc<Handle>);

struct Handle(Arc<Lanes>);

impl Pool {
    /// Links the code and begins to fill the pool to `min`, in the background.
    ///
    /// # Errors
    /// `ERR_LINK` for imports that nobody provides, `ERR_BAD_OPTION` for a number out of range or
    /// beyond what the engine was made for.
    pub fn new(code: &Code, options: PoolOptions) -> Result<Pool> {
        Ok(Pool(Arc::new(Handle(Lanes::open(code, options)?))))
    }

    /// Tells when `min` instances are ready, or why the first could not be made.
    pub fn ready(&self, done: Finished) {
        self.inner().stock.ready(done);
    }

    /// Submits a call. It never blocks; the answer goes to `call.done`.
    pub fn call(&self, call: Call) -> Ticket {
        self.inner().submit(call)
    }

    /// Borrows an instance: `done` is told when the loan has it. `context`: what the host functions of
    /// its start are told of it; `nested`: whether a call of this pool waits for it.
    pub fn lend(
        &self,
        timeout: Option<Duration>,
        context: u64,
        nested: bool,
        done: Done,
    ) -> (Loan, Ticket) {
        let lent = Arc::new(Lent::new(self.inner().clone()));
        let lanes = self.inner();
        let ticket = lanes.lend(lent.clone(), timeout, context, nested, done);
        (Loan(lent), ticket)
    }

    /// Tells events with these bits ([`crate::events::Event::bit`]) from now on, and no others.
    pub fn listen(&self, bits: u32) {
        self.inner().events.listen(bits);
    }

    /// The growths denied since the last look, while somebody listens.
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
        // First: a call counts as active before it stops waiting.
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
            breaker: self.inner().breaker.as_ref().map(|breaker| breaker.stats()),
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

    /// The six numbers over this pool; none where its engine's metrics are off.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        let inner = self.inner();
        if inner.engine.core().options.metrics {
            inner.stock.starts.metrics(&inner.account)
        } else {
            Vec::new()
        }
    }

    fn inner(&self) -> &Arc<Lanes> {
        &self.0.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close(None);
    }
}
