//! What the runners of one pool share.

use super::admission::{Admission, AdmissionOptions};
use super::breaker::Breaker;
use super::counters::Counters;
use super::durations::Durations;
use super::events::Events;
use super::instances::Instances;
use super::options::{Finished, PoolOptions};
use super::request::{Borrower, Request};
use super::retention::Retention;
use super::scheduler::Scheduler;
use super::short_calls::{Demotion, ShortCallScore};
use crate::engine::{Engine, Starts, in_range};
use crate::error::Result;
use crate::executor::fair_queue::VirtualTime;
use crate::executor::worker::Workers;
use crate::instance::{DeniedGrowth, Hosts, InstanceTemplate, OnDenied};
use crate::module::Code;
use crate::units::PAGE_BYTES;
use riptide_wasm_accounting::{Account, Scope};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The message for calls that are under way when their pool is destroyed.
pub(crate) const DESTROYED: &str = "the pool was destroyed";

/// One pool.
pub(crate) struct PoolInner {
    pub(crate) engine: Engine,
    pub(crate) account: Arc<Account>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: Arc<Events>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) scheduler: Scheduler,
    pub(crate) instances: Arc<Instances>,
    pub(crate) short_calls: ShortCallScore,
    pub(crate) demotion: Demotion,
    pub(crate) usage: Arc<VirtualTime>,
    /// How long a warm-up may take.
    pub(crate) timeout: Option<Duration>,
    /// The number that host functions get if a warm-up calls them.
    pub(crate) context: u64,
    destroyed: AtomicBool,
    running: Mutex<Vec<Arc<Request>>>,
    checked_out: Mutex<Vec<Arc<dyn Borrower>>>,
    closed: Mutex<Vec<Finished>>,
}

impl PoolInner {
    /// Links the code.
    ///
    /// # Errors
    /// `ERR_LINK`, `ERR_BAD_OPTION`, `ERR_NO_SLOT`.
    pub(crate) fn new(code: &Code, options: PoolOptions) -> Result<Arc<PoolInner>> {
        let engine = code.engine().clone();
        let core = engine.core();
        let room = core.room_for(code.compiled());
        if room == 0 {
            // Not even one instance fits, whatever `max` is: the engine's error says what is missing.
            drop(core.take_slot(core.needs(code.compiled()))?);
        }
        in_range("max", options.max, 1, room)?;
        in_range("min", options.min, 0, options.max)?;
        let guest = options.guest;
        guest.check(&core.options)?;
        let pool_bytes = guest.max_bytes() * u64::from(options.max);
        let account = Arc::new(Account::new(
            Scope::Pool,
            pool_bytes,
            Some(core.account.clone()),
        ));
        let events = Arc::new(Events::new(options.listener));
        let on_denied: OnDenied = {
            let events = events.clone();
            Arc::new(move |denied: DeniedGrowth| events.deny(denied))
        };
        let hosts = Hosts::of_async(options.imports);
        let template = InstanceTemplate::new(code, hosts, guest, account.clone(), Some(on_denied))?;
        let starts = Starts::default();
        if core.options.cache.is_some() {
            starts.count_lookup(code.tier());
        }
        let metrics = core.options.metrics;
        let durations = metrics.then(|| Durations::new(&core.shared.threads.workers));
        let counters = Arc::new(Counters::new(durations));
        let retention = Retention {
            min: options.min,
            reuse: options.reuse,
            idle_timeout: options.idle_timeout,
            max_uses: options.max_uses,
            recycle_above_bytes: options
                .recycle_above_pages
                .map(|pages| u64::from(pages) * PAGE_BYTES),
        };
        let breaker = options
            .breaker
            .map(|options| Arc::new(Breaker::new(options, events.clone())));
        let admission = AdmissionOptions {
            max: options.max,
            max_queue: options.max_queue,
            timeout: options.timeout,
            acquire_timeout: options.acquire_timeout,
        };
        Ok(Arc::new(PoolInner {
            account,
            admission: Arc::new(Admission::new(
                engine.clone(),
                breaker,
                counters.clone(),
                admission,
            )),
            engine,
            scheduler: Scheduler::new(options.max),
            instances: Arc::new(Instances::new(
                template,
                retention,
                counters.clone(),
                events.clone(),
                starts,
            )),
            events,
            counters,
            short_calls: ShortCallScore::default(),
            demotion: Demotion::default(),
            usage: Arc::default(),
            timeout: options.timeout,
            context: options.context,
            destroyed: AtomicBool::new(false),
            running: Mutex::default(),
            checked_out: Mutex::default(),
            closed: Mutex::default(),
        }))
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.engine.core().shared.threads.workers
    }

    pub(crate) fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::SeqCst)
    }

    /// Lists a request as running while the guard lives, so that the end of the pool aborts it.
    pub(crate) fn keep_running<'a>(&'a self, request: &'a Arc<Request>) -> Running<'a> {
        lock(&self.running).push(request.clone());
        Running {
            pool: self,
            request,
        }
    }

    /// Lists a checkout while the guard lives, so that the end of the pool releases it.
    pub(crate) fn keep_checked_out<'a>(
        &'a self,
        borrower: &'a Arc<dyn Borrower>,
    ) -> CheckedOutNow<'a> {
        lock(&self.checked_out).push(borrower.clone());
        CheckedOutNow {
            pool: self,
            borrower,
        }
    }

    /// Admits no more calls, and calls `done` when the last one has ended.
    pub(crate) fn close(self: &Arc<PoolInner>, done: Option<Finished>) {
        lock(&self.closed).extend(done);
        self.admission.close();
        // No call waits for a warm-up.
        self.abort_running(Request::is_warm_up);
        self.end_if_drained();
    }

    /// Ends everything now.
    pub(crate) fn destroy(self: &Arc<PoolInner>, done: Finished) {
        self.destroyed.store(true, Ordering::SeqCst);
        self.admission.close();
        self.instances.stop();
        while let Some(request) = self.scheduler.pop() {
            let _ticking = self.admission.ticker().begun();
            request.abort(DESTROYED);
        }
        self.abort_running(|_| true);
        let checked_out = lock(&self.checked_out).clone();
        for borrower in checked_out {
            borrower.release(true);
        }
        self.close(Some(done));
    }

    fn abort_running(&self, which: impl Fn(&Request) -> bool) {
        let running = lock(&self.running).clone();
        for request in running.iter().filter(|request| which(request)) {
            request.abort(DESTROYED);
        }
    }

    /// Ends the instances of a closing pool whose runners are gone, on a worker: dropping a store gives memory back to
    /// the system, which would hold up the event loop.
    pub(crate) fn end_if_drained(self: &Arc<PoolInner>) {
        if !self.admission.is_closing() || self.scheduler.runners() > 0 {
            return;
        }
        let inner = self.clone();
        self.workers().spawn(async move {
            inner.instances.clear();
            if inner.scheduler.runners() == 0 {
                let closed = std::mem::take(&mut *lock(&inner.closed));
                for done in closed {
                    done(Ok(()));
                }
            }
        });
    }
}

/// The guard of a request that runs.
pub(crate) struct Running<'a> {
    pool: &'a PoolInner,
    request: &'a Arc<Request>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.pool.running).retain(|other| !Arc::ptr_eq(other, self.request));
    }
}

/// The guard of a checkout that has its instance.
pub(crate) struct CheckedOutNow<'a> {
    pool: &'a PoolInner,
    borrower: &'a Arc<dyn Borrower>,
}

impl Drop for CheckedOutNow<'_> {
    fn drop(&mut self) {
        // Compares addresses only: one object may have several vtables.
        let own = Arc::as_ptr(self.borrower);
        lock(&self.pool.checked_out).retain(|other| !std::ptr::addr_eq(Arc::as_ptr(other), own));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
