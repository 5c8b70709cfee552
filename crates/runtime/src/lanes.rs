//! The lanes of a pool: they take its calls to its instances.
//!
//! Calls wait in one queue, first come, first served. They are worked off by lanes, tasks on the
//! workers: each holds at most one instance, and there are at most `max` of them. A lane ends when
//! nothing waits. An instance that failed is dropped, and the pool refills to `min` by itself.

use crate::call::{Call, Counters, Request, Ticket, deadline};
use crate::engine::{Engine, in_range};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::PAGE_BYTES;
use crate::linking::Hosts;
use crate::module::{Code, Function};
use crate::pool::{Finished, PoolOptions};
use crate::stats::Starts;
use crate::store::{Blueprint, Instance};
use crate::value::{self, Value};
use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use riptide_wasm_accounting::{Account, Scope};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Calls that a lane answers before other tasks of its worker have a turn.
const CALLS_A_TURN: u32 = 32;

/// The same in time, for calls that are longer and end before their first epoch.
const TURN: Duration = Duration::from_millis(1);

const DESTROYED: &str = "the pool was destroyed";

/// What the lanes of one pool share.
pub(crate) struct Lanes {
    blueprint: Blueprint,
    pub(crate) engine: Engine,
    options: Settings,
    pub(crate) account: Arc<Account>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) starts: Starts,
    requests: SegQueue<Arc<Request>>,
    lanes: AtomicUsize,
    idle: Mutex<Vec<Held>>,
    running: Mutex<Vec<Arc<Request>>>,
    warming: Mutex<Vec<Arc<Request>>>,
    closing: AtomicBool,
    destroyed: AtomicBool,
    /// Why there is no warm instance, until one can be made again.
    broken: AtomicBool,
    /// Instances made so far, without those that failed.
    made: AtomicU32,
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

impl Lanes {
    /// Links the code and begins to warm up.
    pub(crate) fn open(code: &Code, options: PoolOptions) -> Result<Arc<Lanes>> {
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
        let pool = Arc::new(Lanes {
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
            warming: Mutex::default(),
            closing: AtomicBool::new(false),
            destroyed: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            made: AtomicU32::new(0),
            warm: Mutex::default(),
            closed: Mutex::default(),
        });
        if pool.options.min == 0 {
            pool.note_warm(Ok(()));
        }
        for _ in 0..pool.options.min {
            pool.add_lane();
        }
        Ok(pool)
    }

    /// Tells when the pool is warm.
    pub(crate) fn ready(&self, done: Finished) {
        let mut warm = lock(&self.warm);
        match warm.outcome.clone() {
            Some(outcome) => {
                drop(warm);
                done(outcome);
            }
            None => warm.waiting.push(done),
        }
    }

    /// Submits a call; never blocks.
    pub(crate) fn submit(self: &Arc<Lanes>, call: Call) -> Ticket {
        let timeout = call.timeout.or(self.options.timeout);
        let request = Arc::new(Request::new(call, timeout, self.counters.clone()));
        if let Some(refusal) = self.refusal() {
            if request.start().is_some() {
                request.finish(Err(refusal));
            }
            return Ticket(request);
        }
        let clock = &self.engine.core().clock;
        clock.begin();
        if let Some(deadline) = deadline(timeout) {
            clock.expire_at(deadline, request.clone());
        }
        self.requests.push(request.clone());
        self.add_lane();
        Ticket(request)
    }

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
    fn add_lane(self: &Arc<Lanes>) {
        if self.enter_lane() {
            let lane = Lane {
                pool: self.clone(),
                left: false,
            };
            self.engine.core().workers.spawn(lane.run());
        }
    }

    fn enter_lane(&self) -> bool {
        let max = self.options.max as usize;
        let more = |lanes| (lanes < max).then_some(lanes + 1);
        self.lanes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    async fn serve(self: &Arc<Lanes>, request: Arc<Request>) {
        let _ticking = self.engine.core().clock.begun();
        let serving = Serving::new(self, &request);
        let Some((function, params)) = request.start() else {
            return;
        };
        if self.destroyed.load(Ordering::SeqCst) {
            request.abort(DESTROYED);
        }
        let guest = AssertUnwindSafe(self.run(&request, &function, params)).catch_unwind();
        // From here on the guest is gone or idle again, and its bytes are given back.
        let result = match request.supervise(guest).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::panicked()),
            None => Err(Error::new(ErrorCode::Aborted, "the call was ended")), // it has its answer
        };
        if self.options.exclusive {
            let mut idle = lock(&self.idle);
            if self.counters.cut_off.load(Ordering::SeqCst) {
                idle.clear();
            }
            if idle.is_empty() {
                self.broken.store(true, Ordering::SeqCst);
            }
        }
        drop(serving);
        request.finish(result);
    }

    /// Runs a call on an idle instance, or a new one, and keeps the instance where it may serve again.
    async fn run(
        self: &Arc<Lanes>,
        request: &Arc<Request>,
        function: &Function,
        params: Vec<Value>,
    ) -> Result<Vec<Value>> {
        value::check_params(&function.ty, &params)?;
        let idle = {
            let mut idle = lock(&self.idle);
            let found = idle.pop();
            if found.is_none() && !self.options.exclusive {
                // Under the lock: an instance that comes back now must not be counted away.
                self.counters.size.fetch_add(1, Ordering::SeqCst);
            }
            found
        };
        let mut held = match idle {
            Some(held) => held,
            None if self.options.exclusive => {
                return Err(Error::new(
                    ErrorCode::Closed,
                    "the instance ended with an earlier failure",
                ));
            }
            None => {
                let made = self.make(request.clone()).await?;
                self.broken.store(false, Ordering::SeqCst);
                self.note_made();
                made
            }
        };
        let mut result = held.instance.call(request, function, &params).await?;
        if self.options.reuse && !self.destroyed.load(Ordering::SeqCst) {
            lock(&self.idle).push(held);
        } else {
            drop(held);
        }
        crate::instance::guest_error(function, &mut result)?;
        Ok(result)
    }

    /// Makes an instance that is counted in `size` already.
    async fn make(self: &Arc<Lanes>, request: Arc<Request>) -> Result<Held> {
        let counted = Counted(self.counters.clone());
        self.counters.created.fetch_add(1, Ordering::Relaxed);
        let (instance, start) = self.blueprint.instantiate(request).await?;
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

    async fn warm_up(self: &Arc<Lanes>) {
        // The clock must tick, or a start function that computes would not give up its turn.
        let _ticking = self.engine.core().clock.tick();
        let request = Arc::new(Request::warm_up());
        lock(&self.warming).push(request.clone());
        if self.closing.load(Ordering::SeqCst) {
            request.abort(DESTROYED);
        }
        let make = AssertUnwindSafe(self.make(request.clone())).catch_unwind();
        let limit = self.options.timeout.unwrap_or(Duration::MAX);
        let made = tokio::time::timeout(limit, request.supervise(make)).await;
        lock(&self.warming).retain(|warming| !Arc::ptr_eq(warming, &request));
        let failure = match made {
            Ok(Some(Ok(Ok(held)))) => {
                lock(&self.idle).push(held);
                self.note_made();
                return;
            }
            Ok(Some(Ok(Err(failure)))) => failure,
            Ok(Some(Err(_))) => Error::panicked(),
            Ok(None) => Error::new(ErrorCode::Closed, "the pool was closed before it was ready"),
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

    /// An instance was made; with `min` of them the pool is warm, also where calls hold some already.
    fn note_made(&self) {
        if self.made.fetch_add(1, Ordering::SeqCst) + 1 == self.options.min {
            self.note_warm(Ok(()));
        }
    }

    fn note_warm(&self, outcome: Result<()>) {
        let mut warm = lock(&self.warm);
        // A pool that could not be filled at first may be later; one that was ready stays so.
        if !matches!(warm.outcome, Some(Ok(()))) {
            warm.outcome = Some(outcome.clone());
        }
        let waiting = std::mem::take(&mut warm.waiting);
        drop(warm);
        for done in waiting {
            done(outcome.clone());
        }
    }

    pub(crate) fn close(self: &Arc<Lanes>, done: Option<Finished>) {
        lock(&self.closed).extend(done);
        self.closing.store(true, Ordering::SeqCst);
        // No call waits for what is being warmed up.
        let warming = lock(&self.warming).clone();
        for request in warming {
            request.abort(DESTROYED);
        }
        self.end_if_drained();
    }

    pub(crate) fn destroy(self: &Arc<Lanes>, done: Finished) {
        self.destroyed.store(true, Ordering::SeqCst);
        self.closing.store(true, Ordering::SeqCst);
        while let Some(request) = self.requests.pop() {
            let _ticking = self.engine.core().clock.begun();
            request.abort(DESTROYED);
        }
        let running = lock(&self.running).clone();
        for request in running {
            request.abort(DESTROYED);
        }
        self.close(Some(done));
    }

    /// Ends the instances of a closing pool whose lanes are gone, on a worker: dropping a store
    /// gives memory back to the system, which is no work for the event loop.
    fn end_if_drained(self: &Arc<Lanes>) {
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

/// One lane. However it ends, its place is free again.
struct Lane {
    pool: Arc<Lanes>,
    left: bool,
}

impl Lane {
    async fn run(mut self) {
        let pool = self.pool.clone();
        let mut calls = 0;
        let mut turn = Instant::now();
        loop {
            // An instance of its own is made before the first call, never for one.
            if pool.options.exclusive && pool.reserve_warm() {
                pool.warm_up().await;
            } else if let Some(request) = pool.requests.pop() {
                pool.serve(request).await;
                calls += 1;
                if calls == CALLS_A_TURN || turn.elapsed() > TURN {
                    yield_now().await;
                    calls = 0;
                    turn = Instant::now();
                }
            } else if pool.reserve_warm() {
                pool.warm_up().await;
            } else {
                pool.lanes.fetch_sub(1, Ordering::SeqCst);
                // Something may have come after the last look and before the count went down.
                if pool.requests.is_empty() || !pool.enter_lane() {
                    self.left = true;
                    return;
                }
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if !self.left {
            self.pool.lanes.fetch_sub(1, Ordering::SeqCst);
        }
        self.pool.end_if_drained();
    }
}

/// A call that a lane has taken.
struct Serving<'a> {
    pool: &'a Lanes,
    request: &'a Arc<Request>,
}

impl Serving<'_> {
    fn new<'a>(pool: &'a Lanes, request: &'a Arc<Request>) -> Serving<'a> {
        // Before the call stops waiting, so that it is never seen as neither.
        pool.counters.active.fetch_add(1, Ordering::SeqCst);
        lock(&pool.running).push(request.clone());
        Serving { pool, request }
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        lock(&self.pool.running).retain(|running| !Arc::ptr_eq(running, self.request));
        self.pool.counters.active.fetch_sub(1, Ordering::SeqCst);
    }
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
