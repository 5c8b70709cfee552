//! A pool: instances of one module or component, and the calls that wait for them.
//!
//! This file is what a caller sees of it; `lanes` is how the calls are worked off.

use crate::call::{Call, Ticket};
use crate::error::Result;
use crate::host::HostFunction;
use crate::lanes::Lanes;
use crate::limits::TrackerSnapshot;
use crate::module::Code;
use crate::value::Limits;
use crate::wasi::WasiOptions;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a pool is made of.
pub struct PoolOptions {
    /// Instances kept ready.
    pub min: u32,
    /// Instances at most, and calls that run at once.
    pub max: u32,
    /// Whether an instance serves again after a good call.
    pub reuse: bool,
    /// One instance that is never replaced: a second call at once is `ERR_BUSY`, a call after a
    /// failure `ERR_CLOSED`.
    pub exclusive: bool,
    /// How long a call may take, waiting included.
    pub timeout: Option<Duration>,
    /// Memory of one instance at most, in pages of 64 KiB.
    pub max_memory_pages: u32,
    /// What a result may hold.
    pub limits: Limits,
    /// WASI, where the guest gets it.
    pub wasi: Option<WasiOptions>,
    /// Functions for the guest's imports.
    pub imports: Vec<HostFunction>,
}

/// A pool's numbers at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Instances alive or being made.
    pub size: u64,
    /// Instances that wait for a call.
    pub idle: u64,
    /// Calls that run.
    pub active: u64,
    /// Calls that wait.
    pub waiting: u64,
    /// Instances made so far.
    pub created: u64,
    /// Instances gone so far.
    pub destroyed: u64,
    /// Calls answered with a value.
    pub completed: u64,
    /// Calls that failed in another way than the two below.
    pub failed: u64,
    /// Calls that took too long.
    pub timed_out: u64,
    /// Calls ended by their caller, or with the pool.
    pub aborted: u64,
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
        self.inner().ready(done);
    }

    /// Submits a call. It never blocks; the answer goes to `call.done`.
    pub fn call(&self, call: Call) -> Ticket {
        self.inner().submit(call)
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
        let size = counters.size.load(Ordering::SeqCst);
        let active = counters.active.load(Ordering::SeqCst);
        PoolStats {
            size,
            idle: size.saturating_sub(active),
            active,
            waiting: counters.waiting.load(Ordering::Relaxed),
            created: counters.created.load(Ordering::Relaxed),
            destroyed: counters.destroyed.load(Ordering::Relaxed),
            completed: counters.completed.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            timed_out: counters.timed_out.load(Ordering::Relaxed),
            aborted: counters.aborted.load(Ordering::Relaxed),
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
            inner.starts.metrics(&inner.account)
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
