//! A pool: instances of one module or component, and the calls that wait for them.
//!
//! Calls wait in one queue, first come, first served. They are worked off by lanes, tasks on the
//! workers: each holds at most one instance, and there are at most `max` of them. A lane ends when
//! nothing waits. An instance that failed is dropped, and the pool refills to `min` by itself.

use crate::call::{Call, Counters, Request, Ticket, deadline};
use crate::engine::{Engine, in_range};
use crate::error::{Error, ErrorCode, Result};
use crate::host::HostFunction;
use crate::limits::{PAGE_BYTES, TrackerSnapshot};
use crate::linking::Hosts;
use crate::module::Code;
use crate::stats::Starts;
use crate::store::{Blueprint, Instance};
use crate::value::{self, Limits, Value};
use crate::wasi::WasiOptions;
use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use riptide_wasm_accounting::{Account, Scope};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// Calls that a lane answers before other tasks of its worker have a turn.
const CALLS_A_TURN: u32 = 32;

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

struct Handle(Arc<Inner>);

struct Inner {
    blueprint: Blueprint,
    engine: Engine,
    options: Settings,
    account: Arc<Account>,
    counters: Arc<Counters>,
    starts: Starts,
    requests: SegQueue<Arc<Request>>,
    lanes: AtomicUsize,
    idle: Mutex<Vec<Held>>,
    running: Mutex<Vec<Arc<Request>>>,
    closing: AtomicBool,
    destroyed: AtomicBool,
    /// Why there is no warm instance, until one can be made again.
    broken: AtomicBool,
    warm: Mutex<Warm>,
    closed: Mutex<Vec<Finished>>,
}

struct Settings {
    min: u32,
    max: u32,
    reuse: bool,
    exclusive: bool,
    timeout: Option<Duration>,
}

#[derive(Default)]
struct Warm {
    outcome: Option<Result<()>>,
    waiting: Vec<Finished>,
}

/// An instance of this pool; its end is counted.
struct Held {
    instance: Instance,
    _counted: Counted,
}

struct Counted(Arc<Counters>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.size.fetch_sub(1, Ordering::SeqCst);
        self.0.destroyed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Pool {
    /// Links the code and begins to fill the pool to `min`, in the background.
    ///
    /// # Errors
    /// `ERR_LINK` for imports that nobody provides, `ERR_BAD_OPTION` for a number out of range or
    /// beyond what the engine was made for.
    pub fn new(code: &Code, options: PoolOptions) -> Result<Pool> {
        let engine = code.engine().clone();
        let slots = engine.core().options.max_instances;
        in_range("max", options.max, 1, slots)?;
        in_range("min", options.min, 0, options.max)?;
        in_range(
            "maxMemoryPages",
            options.max_memory_pages,
            1,
            engine.core().options.max_memory_pages,
        )?;
        let max_bytes = u64::from(options.max_memory_pages) * PAGE_BYTES;
        let pool_bytes = max_bytes * u64::from(options.max);
        let account = Arc::new(Account::new(
            Scope::Pool,
            pool_bytes,
            Some(engine.core().account.clone()),
        ));
        let blueprint = Blueprint::new(
            code,
            Hosts::Async(options.imports),
            options.wasi,
            account.clone(),
            max_bytes,
            options.limits,
        )?;
        let starts = Starts::default();
        if engine.core().options.cache.is_some() {
            starts.count_lookup(code.tier());
        }
        let inner = Arc::new(Inner {
            blueprint,
            engine,
            options: Settings {
                min: options.min,
                max: options.max,
                reuse: options.reuse,
                exclusive: options.exclusive,
                timeout: options.timeout,
            },
            account,
            counters: Arc::default(),
            starts,
            requests: SegQueue::new(),
            lanes: AtomicUsize::new(0),
            idle: Mutex::default(),
            running: Mutex::default(),
            closing: AtomicBool::new(false),
            destroyed: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            warm: Mutex::default(),
            closed: Mutex::default(),
        });
        if inner.options.min == 0 {
            inner.note_warm(Ok(()));
        }
        for _ in 0..inner.options.min {
            inner.add_lane();
        }
        Ok(Pool(Arc::new(Handle(inner))))
    }

    /// Tells when `min` instances are ready, or why the first could not be made.
    pub fn ready(&self, done: Finished) {
        let mut warm = lock(&self.inner().warm);
        match warm.outcome.clone() {
            Some(outcome) => {
                drop(warm);
                done(outcome);
            }
            None => warm.waiting.push(done),
        }
    }

    /// Submits a call. It never blocks; the answer goes to `call.done`.
    pub fn call(&self, call: Call) -> Ticket {
        let inner = self.inner();
        let timeout = call.timeout.or(inner.options.timeout);
        let request = Arc::new(Request::new(
            call.function,
            call.params,
            timeout,
            call.done,
            inner.counters.clone(),
        ));
        if let Some(refusal) = inner.refusal() {
            if request.start().is_some() {
                request.finish(Err(refusal));
            }
            return Ticket(request);
        }
        let clock = &inner.engine.core().clock;
        clock.begin();
        if let Some(deadline) = deadline(timeout) {
            clock.expire_at(deadline, request.clone());
        }
        inner.requests.push(request.clone());
        inner.add_lane();
        Ticket(request)
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

    fn inner(&self) -> &Arc<Inner> {
        &self.0.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

impl Inner {
    /// Why no call is taken now.
    fn refusal(&self) -> Option<Error> {
        if self.closing.load(Ordering::SeqCst) {
            let what = if self.options.exclusive {
                "instance"
            } else {
                "pool"
            };
            return Some(Error::new(
                ErrorCode::Closed,
                format!("the {what} is closed"),
            ));
        }
        if !self.options.exclusive {
            return None;
        }
        if self.broken.load(Ordering::SeqCst) || self.counters.cut_off.load(Ordering::SeqCst) {
            return Some(Error::new(
                ErrorCode::Closed,
                "the instance ended with an earlier failure",
            ));
        }
        let busy = self.counters.active.load(Ordering::SeqCst)
            + self.counters.waiting.load(Ordering::SeqCst)
            > 1;
        busy.then(|| {
            Error::new(
                ErrorCode::Busy,
                "the instance is in the middle of another call",
            )
        })
    }

    /// Adds a lane, unless there are `max`: then one of them will see what waits.
    fn add_lane(self: &Arc<Inner>) {
        if self.enter_lane() {
            let inner = self.clone();
            self.engine
                .core()
                .workers
                .spawn(async move { inner.run_lane().await });
        }
    }

    fn enter_lane(&self) -> bool {
        let max = self.options.max as usize;
        let more = |lanes| (lanes < max).then_some(lanes + 1);
        self.lanes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    async fn run_lane(self: Arc<Inner>) {
        let mut turn = 0;
        loop {
            if let Some(request) = self.requests.pop() {
                self.serve(request).await;
                self.engine.core().clock.end();
                turn += 1;
                if turn % CALLS_A_TURN == 0 {
                    yield_now().await;
                }
            } else if self.reserve_warm() {
                self.warm_up().await;
            } else {
                self.lanes.fetch_sub(1, Ordering::SeqCst);
                // Something may have come after the last look and before the count went down.
                if self.requests.is_empty() || !self.enter_lane() {
                    break;
                }
            }
        }
        self.end_if_drained();
    }

    async fn serve(self: &Arc<Inner>, request: Arc<Request>) {
        let Some(params) = request.start() else {
            return;
        };
        self.counters.active.fetch_add(1, Ordering::SeqCst);
        lock(&self.running).push(request.clone());
        if self.destroyed.load(Ordering::SeqCst) {
            request.abort("the pool was destroyed");
        }
        let guest = AssertUnwindSafe(self.run(&request, params)).catch_unwind();
        // From here on the guest is gone or idle again, and its bytes are given back.
        let outcome = request.supervise(guest).await;
        lock(&self.running).retain(|running| !Arc::ptr_eq(running, &request));
        self.counters.active.fetch_sub(1, Ordering::SeqCst);
        let result = match outcome {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::new(
                ErrorCode::Internal,
                "the runtime panicked; this is a defect of riptide-wasm",
            )),
            None => Err(Error::new(ErrorCode::Aborted, "the call was ended")), // it has its answer
        };
        if self.options.exclusive && lock(&self.idle).is_empty() {
            self.broken.store(true, Ordering::SeqCst);
        }
        request.finish(result);
    }

    /// Runs a call on an idle instance, or a new one, and keeps the instance where it may serve again.
    async fn run(
        self: &Arc<Inner>,
        request: &Arc<Request>,
        params: Vec<Value>,
    ) -> Result<Vec<Value>> {
        value::check_params(&request.function.ty, &params)?;
        let idle = lock(&self.idle).pop();
        let mut held = match idle {
            Some(held) => held,
            None if self.options.exclusive => {
                return Err(Error::new(
                    ErrorCode::Closed,
                    "the instance ended with an earlier failure",
                ));
            }
            None => {
                self.counters.size.fetch_add(1, Ordering::SeqCst);
                let made = self.make().await?;
                self.broken.store(false, Ordering::SeqCst);
                made
            }
        };
        let result = held
            .instance
            .call(request, &request.function, &params)
            .await?;
        if self.options.reuse && !self.destroyed.load(Ordering::SeqCst) {
            lock(&self.idle).push(held);
        } else {
            drop(held);
        }
        guest_error(request, result)
    }

    /// Makes an instance that is counted in `size` already.
    async fn make(self: &Arc<Inner>) -> Result<Held> {
        let counted = Counted(self.counters.clone());
        self.counters.created.fetch_add(1, Ordering::Relaxed);
        let (instance, start) = self.blueprint.instantiate().await?;
        if let Some(millis) = start {
            self.starts.note_start(millis, false);
        }
        Ok(Held {
            instance,
            _counted: counted,
        })
    }

    /// Whether an instance is missing to `min`; it is counted then.
    fn reserve_warm(&self) -> bool {
        if self.closing.load(Ordering::SeqCst) || self.broken.load(Ordering::SeqCst) {
            return false;
        }
        let min = u64::from(self.options.min);
        let more = |size| (size < min).then_some(size + 1);
        self.counters
            .size
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    async fn warm_up(self: &Arc<Inner>) {
        let make = AssertUnwindSafe(self.make()).catch_unwind();
        let limit = self.options.timeout.unwrap_or(Duration::MAX);
        // The clock must tick, or a start function that computes would not give up its turn.
        self.engine.core().clock.begin();
        let made = tokio::time::timeout(limit, make).await;
        self.engine.core().clock.end();
        let failure = match made {
            Ok(Ok(Ok(held))) => {
                let mut idle = lock(&self.idle);
                idle.push(held);
                let full = idle.len() >= self.options.min as usize;
                drop(idle);
                if full {
                    self.note_warm(Ok(()));
                }
                return;
            }
            Ok(Ok(Err(failure))) => failure,
            Ok(Err(_)) => Error::new(
                ErrorCode::Internal,
                "the runtime panicked; this is a defect of riptide-wasm",
            ),
            Err(_) => Error::new(
                ErrorCode::Timeout,
                "the guest's start function took longer than a call may",
            )
            .number("timeoutMillis", limit.as_secs_f64() * 1e3)
            .text("phase", "computing"),
        };
        // No use in trying again and again; the next call tries, and says what is wrong.
        self.broken.store(true, Ordering::SeqCst);
        self.note_warm(Err(failure));
    }

    fn note_warm(&self, outcome: Result<()>) {
        let mut warm = lock(&self.warm);
        warm.outcome.get_or_insert_with(|| outcome.clone());
        let waiting = std::mem::take(&mut warm.waiting);
        drop(warm);
        for done in waiting {
            done(outcome.clone());
        }
    }

    fn close(self: &Arc<Inner>, done: Option<Finished>) {
        lock(&self.closed).extend(done);
        self.closing.store(true, Ordering::SeqCst);
        self.end_if_drained();
    }

    fn destroy(self: &Arc<Inner>, done: Finished) {
        self.destroyed.store(true, Ordering::SeqCst);
        self.closing.store(true, Ordering::SeqCst);
        while let Some(request) = self.requests.pop() {
            request.abort("the pool was destroyed");
            self.engine.core().clock.end();
        }
        let running = lock(&self.running).clone();
        for request in running {
            request.abort("the pool was destroyed");
        }
        self.close(Some(done));
    }

    /// Ends the instances of a closing pool whose lanes are gone, on a worker: dropping a store
    /// gives memory back to the system, which is no work for the event loop.
    fn end_if_drained(self: &Arc<Inner>) {
        if !self.closing.load(Ordering::SeqCst) || self.lanes.load(Ordering::SeqCst) > 0 {
            return;
        }
        let inner = self.clone();
        self.engine.core().workers.spawn(async move {
            let idle = std::mem::take(&mut *lock(&inner.idle));
            drop(idle);
            inner.note_warm(Err(Error::new(
                ErrorCode::Closed,
                "the pool was closed before it was ready",
            )));
            if inner.lanes.load(Ordering::SeqCst) == 0 {
                let closed = std::mem::take(&mut *lock(&inner.closed));
                for done in closed {
                    done(Ok(()));
                }
            }
        });
    }
}

/// A WIT `err` at the top of a result is the guest's error.
fn guest_error(request: &Request, mut result: Vec<Value>) -> Result<Vec<Value>> {
    crate::instance::guest_error(&request.function, &mut result)?;
    Ok(result)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the other tasks of the worker have a turn.
async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
