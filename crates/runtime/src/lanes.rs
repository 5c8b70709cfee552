//! The lanes of a pool: they take its calls to its instances.
//!
//! Calls wait in one queue, first come, first served. They are worked off by lanes, tasks on the
//! workers: each holds at most one instance, and there are at most `max` of them. A lane ends when
//! nothing waits. An instance that failed is dropped, and the pool refills to `min` by itself.

use crate::breaker::{Breaker, Permit};
use crate::call::{Answer, Call, Done, Job, Patience, Request, Ticket, Waiting, deadline};
use crate::counters::{Counters, Outcome, Place};
use crate::durations::Durations;
use crate::engine::{Engine, in_range};
use crate::error::{Error, ErrorCode, Result};
use crate::events::{Events, Reason};
use crate::instance::ended;
use crate::limits::{PAGE_BYTES, TrackerSnapshot};
use crate::linking::Hosts;
use crate::loan::Lent;
use crate::module::{Code, Function};
use crate::pool::{Finished, PoolOptions};
use crate::shares::Usage;
use crate::stats::Starts;
use crate::stock::{Counted, Held, Keeping, Stock};
use crate::store::Blueprint;
use crate::ticks::Ticks;
use crate::value::{self, Value};
use crate::workers;
use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use riptide_wasm_accounting::{Account, Scope};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// Calls that a lane answers before other tasks of its worker have a turn.
const CALLS_A_TURN: u32 = 32;

/// The same in time, for calls that are longer and end before their first epoch.
const TURN: Duration = Duration::from_millis(1);

/// A call that takes no longer is brief: for one, waking another worker costs more than waiting.
const BRIEF: Duration = Duration::from_micros(3);

/// After so many brief calls the next is expected to be one too; each that is not takes a tenth away,
/// since a thread may lose its core in the middle of any of them.
const BRIEF_CALLS: u32 = 1_000;

/// How many calls that are expected to be brief wait for the lane that runs.
const BRIEF_QUEUE: u64 = 64;

/// So many calls that ended while they waited may stay in the queue, beside as many as wait.
const HUSKS: u64 = 256;

/// So many good short calls make up for one that was long or failed.
const DISTRUST: u32 = 16;

const DESTROYED: &str = "the pool was destroyed";

/// What the lanes of one pool share.
pub(crate) struct Lanes {
    pub(crate) engine: Engine,
    options: Settings,
    pub(crate) account: Arc<Account>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) events: Arc<Events>,
    pub(crate) breaker: Option<Arc<Breaker>>,
    pub(crate) stock: Arc<Stock>,
    requests: SegQueue<Arc<Request>>,
    lanes: AtomicUsize,
    /// Those of them that do not look at the queue: their guest pauses, or their instance is lent.
    paused: AtomicUsize,
    /// Above zero where calls of late were long, or failed: they begin behind those of other pools.
    distrust: AtomicU32,
    usage: Arc<Usage>,
    /// How surely calls are brief.
    brief: AtomicU32,
    running: Mutex<Vec<Arc<Request>>>,
    lent: Mutex<Vec<Arc<Lent>>>,
    closing: AtomicBool,
    destroyed: AtomicBool,
    closed: Mutex<Vec<Finished>>,
}

struct Settings {
    max: u32,
    /// Calls that run or wait at most.
    most: u64,
    max_queue: u32,
    timeout: Option<Duration>,
    acquire_timeout: Option<Duration>,
    context: u64,
}

impl Lanes {
    /// Links the code and begins to warm up.
    pub(crate) fn open(code: &Code, options: PoolOptions) -> Result<Arc<Lanes>> {
        let engine = code.engine().clone();
        let room = engine.core().room_for(code);
        if room == 0 {
            // Not even one fits, whatever `max` is: the engine says what is missing.
            drop(engine.core().take_slot(engine.core().needs(code))?);
        }
        in_range("max", options.max, 1, room)?;
        in_range("min", options.min, 0, options.max)?;
        let guest = options.guest;
        guest.check(&engine.core().options)?;
        let pool_bytes = guest.max_bytes() * u64::from(options.max);
        let account = Arc::new(Account::new(
            Scope::Pool,
            pool_bytes,
            Some(engine.core().account.clone()),
        ));
        let events = Arc::new(Events::new(options.listener));
        let hosts = Hosts::of_async(options.imports);
        let blueprint = Blueprint::new(code, hosts, guest, account.clone(), Some(events.clone()))?;
        let starts = Starts::default();
        if engine.core().options.cache.is_some() {
            starts.count_lookup(code.tier());
        }
        let core = engine.core();
        let durations = core
            .options
            .metrics
            .then(|| Durations::new(&core.shared.threads.workers));
        let counters = Arc::new(Counters::new(durations));
        let keeping = Keeping {
            min: options.min,
            reuse: options.reuse,
            idle_timeout: options.idle_timeout,
            max_uses: options.max_uses,
            recycle_above_bytes: options
                .recycle_above_pages
                .map(|pages| u64::from(pages) * PAGE_BYTES),
        };
        let breaker = |options| Arc::new(Breaker::new(options, events.clone()));
        let pool = Arc::new(Lanes {
            engine,
            options: Settings {
                max: options.max,
                most: options
                    .max_queue
                    .map_or(u64::MAX, |queue| u64::from(options.max) + u64::from(queue)),
                max_queue: options.max_queue.unwrap_or(u32::MAX),
                timeout: options.timeout,
                acquire_timeout: options.acquire_timeout,
                context: options.context,
            },
            account,
            breaker: options.breaker.map(breaker),
            stock: Arc::new(Stock::new(
                blueprint,
                keeping,
                counters.clone(),
                events.clone(),
                starts,
            )),
            events,
            counters,
            requests: SegQueue::new(),
            lanes: AtomicUsize::new(0),
            paused: AtomicUsize::new(0),
            distrust: AtomicU32::new(0),
            usage: Arc::default(),
            brief: AtomicU32::new(0),
            running: Mutex::default(),
            lent: Mutex::default(),
            closing: AtomicBool::new(false),
            destroyed: AtomicBool::new(false),
            closed: Mutex::default(),
        });
        if options.min == 0 {
            pool.stock.note_warm(Ok(()));
        }
        for _ in 0..options.min {
            pool.add_lane();
        }
        Ok(pool)
    }

    /// Submits a call; never blocks.
    pub(crate) fn submit(self: &Arc<Lanes>, call: Call) -> Ticket {
        let permit = match self.permit() {
            Ok(permit) => permit,
            Err(refusal) => return self.reject(call, refusal),
        };
        let place = match self.place(call.nested) {
            Ok(place) => place,
            Err(refusal) => return self.reject(call, refusal),
        };
        let timeout = call.timeout.or(self.options.timeout);
        let counters = self.counters.clone();
        let request = Arc::new(Request::call(call, timeout, counters, permit, Some(place)));
        self.enqueue(&request, timeout);
        Ticket(Some(request))
    }

    /// Submits a loan; `done` is told when `lent` has an instance.
    pub(crate) fn lend(
        self: &Arc<Lanes>,
        lent: Arc<Lent>,
        timeout: Option<Duration>,
        context: u64,
        nested: bool,
        done: Done,
    ) -> Ticket {
        let place = match self.place(nested) {
            Ok(place) => place,
            Err(refusal) => {
                done(Err(refusal));
                return Ticket(None);
            }
        };
        let timeout = timeout.or(self.options.timeout);
        let counters = self.counters.clone();
        let request = Arc::new(Request::lend(lent, timeout, context, counters, place, done));
        self.enqueue(&request, timeout);
        Ticket(Some(request))
    }

    /// A request for a call inside a loan; the loan's lane takes it.
    pub(crate) fn request_inside(&self, call: Call, permit: Option<Permit>) -> Arc<Request> {
        let timeout = call.timeout.or(self.options.timeout);
        let counters = self.counters.clone();
        let request = Arc::new(Request::call(call, timeout, counters, permit, None));
        self.begin_clock(&request, timeout);
        request
    }

    /// Answers a call that is not taken.
    pub(crate) fn reject(&self, call: Call, refusal: Error) -> Ticket {
        self.counters.count(Outcome::Rejected);
        (call.done)(Err(refusal));
        Ticket(None)
    }

    /// Answers a request that the lane of its loan left behind.
    pub(crate) fn strand(&self, request: &Request) {
        let _ticking = self.engine.core().shared.threads.clock.begun();
        if request.start().is_some() {
            request.finish(Err(Error::new(ErrorCode::Closed, "the instance has ended")));
        }
    }

    /// The breaker's leave for one call.
    pub(crate) fn permit(&self) -> Result<Option<Permit>> {
        self.breaker.as_ref().map(Breaker::admit).transpose()
    }

    /// A place for a call that runs or waits. One that another call of this pool waits for must not
    /// wait itself.
    fn place(&self, nested: bool) -> Result<Place> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorCode::Closed, "the pool is closed"));
        }
        let Settings {
            max,
            most,
            max_queue,
            ..
        } = self.options;
        // What warms up holds a lane too, and may be what waits.
        let warming = || self.counters.warming.load(Ordering::SeqCst);
        let most = if nested {
            u64::from(max).saturating_sub(warming())
        } else {
            most
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

    fn enqueue(self: &Arc<Lanes>, request: &Arc<Request>, timeout: Option<Duration>) {
        self.begin_clock(request, timeout);
        if let Some(patience) = self.options.acquire_timeout
            && let Some(deadline) = deadline(Some(patience))
        {
            let what = Arc::new(Patience(request.clone(), patience));
            self.engine
                .core()
                .shared
                .threads
                .clock
                .expire_at(deadline, what);
        }
        if self.requests.len() as u64 > 2 * self.counters.waiting.load(Ordering::Relaxed) + HUSKS {
            self.sweep();
        }
        self.requests.push(request.clone());
        // A lane that looks sees what was pushed before it ends. Pairs with the fence of one that pauses.
        fence(Ordering::SeqCst);
        let one_will_do = self.brief.load(Ordering::Relaxed) >= BRIEF_CALLS / 2
            && self.looking() > 0
            && self.counters.waiting.load(Ordering::Relaxed) <= BRIEF_QUEUE;
        if !one_will_do {
            self.add_lane();
        }
    }

    /// Forgets what was answered while it waited: a lane would, but all may be held for long. Done before
    /// a push, so that a lane comes for what was taken out and put back.
    fn sweep(&self) {
        for _ in 0..self.requests.len() {
            match self.requests.pop() {
                Some(husk) if husk.is_over() => {
                    drop(self.engine.core().shared.threads.clock.begun())
                }
                Some(request) => self.requests.push(request),
                None => return,
            }
        }
    }

    /// Notes how long a call kept its lane.
    fn note_time(&self, took: Duration) {
        let brief = self.brief.load(Ordering::Relaxed);
        let now = if took > BRIEF {
            brief.saturating_sub(BRIEF_CALLS / 10)
        } else {
            (brief + 1).min(BRIEF_CALLS)
        };
        if now != brief {
            self.brief.store(now, Ordering::Relaxed);
        }
    }

    /// Lanes that look at the queue, now or when their call ends.
    fn looking(&self) -> usize {
        let lanes = self.lanes.load(Ordering::SeqCst);
        lanes.saturating_sub(self.paused.load(Ordering::SeqCst))
    }

    /// A lane pauses: what waits gets others.
    fn pass_on(self: &Arc<Lanes>) {
        self.brief.store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        for _ in 0..self.requests.len() {
            if !self.add_lane() {
                return;
            }
        }
    }

    fn begin_clock(&self, request: &Arc<Request>, timeout: Option<Duration>) {
        let clock = &self.engine.core().shared.threads.clock;
        clock.begin();
        if let Some(deadline) = deadline(timeout) {
            clock.expire_at(deadline, request.clone());
        }
    }

    /// Adds a lane, unless there are `max`: then one of them will see what waits.
    fn add_lane(self: &Arc<Lanes>) -> bool {
        if !self.enter_lane() {
            return false;
        }
        let lane = Lane {
            pool: self.clone(),
            left: false,
        };
        let workers = &self.engine.core().shared.threads.workers;
        let distrusted = self.is_distrusted();
        let run = lane.run(distrusted);
        if distrusted {
            workers.spawn_long(&self.usage, run);
        } else {
            workers.spawn_of(&self.usage, run);
        }
        true
    }

    fn enter_lane(&self) -> bool {
        let max = self.options.max as usize;
        let more = |lanes| (lanes < max).then_some(lanes + 1);
        self.lanes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    fn is_distrusted(&self) -> bool {
        self.distrust.load(Ordering::Relaxed) > 0
    }

    /// Remembers how a call went.
    fn judge(&self, request: &Request, result: &Result<Answer>) {
        let good = match result {
            Ok(_) => true,
            Err(error) => matches!(
                error.code,
                ErrorCode::Guest | ErrorCode::Exit | ErrorCode::BadArgument
            ),
        };
        if request.is_long() || !good {
            self.distrust.store(DISTRUST, Ordering::Relaxed);
        } else if self.is_distrusted() {
            let less = |distrust: u32| Some(distrust.saturating_sub(1));
            let _ = self
                .distrust
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Runs what `guest` does for the request until it ends, or the request is answered from outside.
    async fn supervise<T>(
        self: &Arc<Lanes>,
        request: &Request,
        guest: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let guest = AssertUnwindSafe(guest).catch_unwind();
        let mut supervised = pin!(request.supervise(guest));
        let mut paused = None;
        let ended = std::future::poll_fn(|context| {
            let polled = supervised.as_mut().poll(context);
            if polled.is_pending() {
                paused.get_or_insert_with(|| Paused::new(self));
                self.pass_on();
                if request.is_long() {
                    // At once: others like it may stand before the calls of other pools.
                    self.distrust.store(DISTRUST, Ordering::Relaxed);
                }
            }
            polled
        });
        match ended.await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::panicked()),
            None => Err(Error::new(ErrorCode::Aborted, "the call was ended")), // it has its answer
        }
    }

    /// Serves what was taken from the queue. Whether it was long, and when it ended.
    async fn serve(self: &Arc<Lanes>, request: Arc<Request>) -> (bool, Ticks) {
        let ticking = self.engine.core().shared.threads.clock.begun();
        let serving = Serving::new(self, &request);
        let Some(Waiting { job, place }) = request.start() else {
            return (false, Ticks::now());
        };
        if self.destroyed.load(Ordering::SeqCst) {
            request.abort(DESTROYED);
        }
        match job {
            Job::Call(function, params) => {
                let work = async {
                    value::check_params(&function.ty, &params)?;
                    let mut held = self.stock.take(&request).await?;
                    let called = run(&mut held, &request, &function, &params).await;
                    match &called {
                        Ok(_) => self.give_back(held),
                        Err(error) => held.end(Reason::of(error.code)),
                    }
                    called
                };
                let called = self.supervise(&request, work).await;
                let result = answer(&request, &function, called);
                // From here on the guest is gone or idle again, and its bytes are given back.
                self.judge(&request, &result);
                drop(serving);
                drop(place);
                let ended = Ticks::now();
                request.finish_at(ended, result);
                (request.is_long(), ended)
            }
            Job::Lend(lent) => {
                let taken = self.supervise(&request, self.stock.take(&request)).await;
                drop(ticking);
                match taken {
                    Ok(held) if request.is_over() => self.give_back(held),
                    Ok(held) => {
                        lent.begin(held.instance.account().clone(), place);
                        lock(&self.lent).push(lent.clone());
                        if self.destroyed.load(Ordering::SeqCst) {
                            lent.release(true);
                        }
                        if !request.finish(Ok(Answer::default())) {
                            // Its time was up just now: nobody has the loan.
                            lent.release(false);
                        }
                        self.serve_lent(held, &lent).await;
                        lock(&self.lent).retain(|other| !Arc::ptr_eq(other, &lent));
                    }
                    Err(failure) => {
                        request.finish(Err(failure));
                    }
                }
                lent.end();
                drop(serving);
                (true, Ticks::now()) // whatever it was, the lane begins anew
            }
        }
    }

    /// Serves the calls of a loan until it is over, or its instance is.
    async fn serve_lent(self: &Arc<Lanes>, mut held: Held, lent: &Lent) {
        let _paused = Paused::new(self);
        self.pass_on();
        while let Some(request) = lent.next().await {
            let _ticking = self.engine.core().shared.threads.clock.begun();
            lock(&self.running).push(request.clone());
            let _running = Running(self, &request);
            let Some(Waiting {
                job: Job::Call(function, params),
                ..
            }) = request.start()
            else {
                lent.rest(); // it was ended before it began, and the instance is whole
                continue;
            };
            if self.destroyed.load(Ordering::SeqCst) {
                request.abort(DESTROYED);
            }
            if let Err(mistake) = value::check_params(&function.ty, &params) {
                lent.rest();
                request.finish(Err(mistake));
                continue;
            }
            let work = run(&mut held, &request, &function, &params);
            let called = self.supervise(&request, work).await;
            let over = called.as_ref().err().map(|error| Reason::of(error.code));
            let result = answer(&request, &function, called);
            self.judge(&request, &result);
            if let Some(reason) = over {
                held.end(reason);
                lent.end();
                request.finish(result);
                return;
            }
            lent.rest();
            request.finish(result);
            if request.is_long() {
                self.begin_again().await;
            }
        }
        if !lent.is_discarded() {
            self.give_back(held);
        }
    }

    fn give_back(&self, held: Held) {
        self.stock
            .give_back(held, &self.engine.core().shared.threads.workers);
    }

    /// Makes an instance before a call needs it. Whether that was long.
    async fn warm_up(self: &Arc<Lanes>, counted: Counted) -> bool {
        // The clock must tick, or a start function that computes would not give up its turn.
        let _ticking = self.engine.core().shared.threads.clock.tick();
        let request = Arc::new(Request::warm_up(self.options.context));
        lock(&self.running).push(request.clone());
        let _running = Running(self, &request);
        let _warming = Warming::new(&self.counters);
        if self.closing.load(Ordering::SeqCst) {
            request.abort(DESTROYED);
        }
        let make = self.stock.warm_up(
            counted,
            request.clone(),
            &self.engine.core().shared.threads.workers,
        );
        let limit = self.options.timeout.unwrap_or(Duration::MAX);
        let made = tokio::time::timeout(limit, self.supervise(&request, make)).await;
        let failure = match made {
            Ok(Ok(())) => return request.is_long(),
            Ok(Err(_)) if request.is_over() => {
                Error::new(ErrorCode::Closed, "the pool was closed before it was ready")
            }
            Ok(Err(failure)) => failure,
            Err(_) => request.describe(
                Error::new(
                    ErrorCode::Timeout,
                    "the guest's start function or `_initialize` took longer than a call may",
                )
                .number("timeoutMillis", limit.as_secs_f64() * 1e3)
                .text("phase", "computing"),
            ),
        };
        self.stock.give_up(failure);
        true
    }

    fn reserve_warm(&self) -> Option<Counted> {
        if self.closing.load(Ordering::SeqCst) {
            return None;
        }
        self.stock.reserve_warm()
    }

    /// Goes on as a new task, before or behind those of other pools.
    async fn begin_again(&self) {
        let long = self.is_distrusted();
        yield_now(|| workers::begin_again(long)).await;
    }

    pub(crate) fn empty_snapshot(&self) -> TrackerSnapshot {
        let nothing = Account::new(Scope::Instance, 0, None);
        self.engine.core().snapshot(&nothing, 0)
    }

    pub(crate) fn close(self: &Arc<Lanes>, done: Option<Finished>) {
        lock(&self.closed).extend(done);
        self.closing.store(true, Ordering::SeqCst);
        // No call waits for what is being warmed up.
        self.end_running(Request::is_warm_up);
        self.end_if_drained();
    }

    pub(crate) fn destroy(self: &Arc<Lanes>, done: Finished) {
        self.destroyed.store(true, Ordering::SeqCst);
        self.closing.store(true, Ordering::SeqCst);
        self.stock.stop();
        while let Some(request) = self.requests.pop() {
            let _ticking = self.engine.core().shared.threads.clock.begun();
            request.abort(DESTROYED);
        }
        self.end_running(|_| true);
        let lent = lock(&self.lent).clone();
        for lent in lent {
            lent.release(true);
        }
        self.close(Some(done));
    }

    fn end_running(&self, which: impl Fn(&Request) -> bool) {
        let running = lock(&self.running).clone();
        for request in running.iter().filter(|request| which(request)) {
            request.abort(DESTROYED);
        }
    }

    /// Ends the instances of a closing pool whose lanes are gone, on a worker: dropping a store
    /// gives memory back to the system, which is no work for the event loop.
    fn end_if_drained(self: &Arc<Lanes>) {
        if !self.closing.load(Ordering::SeqCst) || self.lanes.load(Ordering::SeqCst) > 0 {
            return;
        }
        let inner = self.clone();
        self.engine.core().shared.threads.workers.spawn(async move {
            inner.stock.clear();
            if inner.lanes.load(Ordering::SeqCst) == 0 {
                let closed = std::mem::take(&mut *lock(&inner.closed));
                for done in closed {
                    done(Ok(()));
                }
            }
        });
    }
}

/// The answer of a call that has ended: only then is it known what it took.
fn answer(request: &Request, function: &Function, called: Result<Vec<Value>>) -> Result<Answer> {
    Ok(Answer {
        values: ended(function, called)?,
        stats: request.measure(),
    })
}

/// Calls a function of an instance. An error, be it a good exit, says that the instance is of no more use.
async fn run(
    held: &mut Held,
    request: &Arc<Request>,
    function: &Arc<Function>,
    params: &[Value],
) -> Result<Vec<Value>> {
    held.uses += 1;
    held.instance.call(request, function, params).await
}

/// One lane. However it ends, its place is free again.
struct Lane {
    pool: Arc<Lanes>,
    left: bool,
}

impl Lane {
    /// `behind`: whether it begins behind those of other pools.
    async fn run(mut self, behind: bool) {
        let pool = self.pool.clone();
        if !behind && pool.is_distrusted() {
            pool.begin_again().await;
        }
        let mut calls = 0;
        let mut turn = Ticks::now();
        let mut spent = Duration::ZERO;
        loop {
            if let Some(request) = pool.requests.pop() {
                let (long, ended) = pool.serve(request).await;
                calls += 1;
                let before = std::mem::replace(&mut spent, ended.since(turn));
                pool.note_time(spent.saturating_sub(before));
                if long || calls == CALLS_A_TURN || spent > TURN {
                    pool.begin_again().await;
                    calls = 0;
                    turn = Ticks::now();
                    spent = Duration::ZERO;
                }
            } else if let Some(counted) = pool.reserve_warm() {
                if pool.warm_up(counted).await {
                    pool.begin_again().await;
                }
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

/// A request among those that are running.
struct Running<'a>(&'a Lanes, &'a Arc<Request>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.running).retain(|running| !Arc::ptr_eq(running, self.1));
    }
}

/// A lane that does not look at the queue.
struct Paused<'a>(&'a Lanes);

impl Paused<'_> {
    fn new(lanes: &Lanes) -> Paused<'_> {
        lanes.paused.fetch_add(1, Ordering::SeqCst);
        Paused(lanes)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A lane warms up.
struct Warming<'a>(&'a Counters);

impl Warming<'_> {
    fn new(counters: &Counters) -> Warming<'_> {
        counters.warming.fetch_add(1, Ordering::SeqCst);
        Warming(counters)
    }
}

impl Drop for Warming<'_> {
    fn drop(&mut self) {
        self.0.warming.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A request that a lane has taken.
struct Serving<'a> {
    pool: &'a Lanes,
    _running: Running<'a>,
}

impl Serving<'_> {
    fn new<'a>(pool: &'a Lanes, request: &'a Arc<Request>) -> Serving<'a> {
        // Before the call stops waiting, so that it is never seen as neither.
        pool.counters.active.fetch_add(1, Ordering::SeqCst);
        lock(&pool.running).push(request.clone());
        Serving {
            pool,
            _running: Running(pool, request),
        }
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.pool.counters.active.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the other tasks of the worker have a turn.
async fn yield_now(before: impl Fn()) {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        before();
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
