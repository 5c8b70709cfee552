//! Runners: tasks on the workers, each of which takes requests from its pool's queue to the pool's instances.
//!
//! A runner holds at most one instance, and a pool has at most `max` runners. A runner ends when no request waits. An
//! instance that failed is dropped, and the runner refills the pool to `min` before it ends.

use super::call::Answer;
use super::counters::{Counters, Place};
use super::events::Reason;
use super::inner::{DESTROYED, PoolInner, Running};
use super::instances::{PooledInstance, SizeGuard};
use super::request::{Borrower, Job, Request, Waiting};
use super::scheduler::Paused;
use crate::abi::check_params;
use crate::compile::Function;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::task;
use crate::executor::timestamp::Timestamp;
use crate::instance::{CallContext, ended};
use crate::value::Value;
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// Calls that a runner serves before other tasks of its worker have a turn.
const CALLS_A_TURN: u32 = 32;

/// How long a runner serves calls before other tasks of its worker have a turn: for longer calls, which still end
/// before their first epoch.
const TURN: Duration = Duration::from_millis(1);

/// Starts a runner, unless the pool has `max` of them. Returns whether it did.
pub(crate) fn start(pool: &Arc<PoolInner>) -> bool {
    if !pool.scheduler.enter() {
        return false;
    }
    let runner = Runner {
        pool: pool.clone(),
        left: false,
    };
    let background = pool.demotion.is_demoted();
    let run = runner.run(background);
    if background {
        pool.workers().spawn_in_background(&pool.usage, run);
    } else {
        pool.workers().spawn_of(&pool.usage, run);
    }
    true
}

/// One runner. Dropping it takes it out of the count of runners, however it ended.
struct Runner {
    pool: Arc<PoolInner>,
    left: bool,
}

impl Runner {
    async fn run(mut self, background: bool) {
        let pool = self.pool.clone();
        if !background && pool.demotion.is_demoted() {
            requeue(&pool).await;
        }
        let mut calls = 0;
        let mut turn = Timestamp::now();
        let mut spent = Duration::ZERO;
        loop {
            if let Some(request) = pool.scheduler.pop() {
                let (long, ended) = serve(&pool, request).await;
                calls += 1;
                let before = std::mem::replace(&mut spent, ended.since(turn));
                pool.short_calls.note(spent.saturating_sub(before));
                if long || calls == CALLS_A_TURN || spent > TURN {
                    requeue(&pool).await;
                    calls = 0;
                    turn = Timestamp::now();
                    spent = Duration::ZERO;
                }
            } else if let Some(guard) = reserve_warm(&pool) {
                if warm_up(&pool, guard).await {
                    requeue(&pool).await;
                }
            } else if pool.scheduler.leave() {
                self.left = true;
                return;
            }
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if !self.left {
            self.pool.scheduler.abandon();
        }
        self.pool.end_if_drained();
    }
}

/// Serves a request from the queue. Returns whether it was long, and when it ended.
async fn serve(pool: &Arc<PoolInner>, request: Arc<Request>) -> (bool, Timestamp) {
    let ticking = pool.admission.ticker().begun();
    let serving = Serving::new(pool, &request);
    let Some(Waiting { job, place }) = request.start() else {
        return (false, Timestamp::now());
    };
    if pool.is_destroyed() {
        request.abort(DESTROYED);
    }
    let call: Arc<dyn CallContext> = request.clone();
    match job {
        Job::Call(function, params) => {
            let work = async {
                check_params(&function.ty, &params)?;
                let mut held = pool.instances.acquire(&call).await?;
                let called = run(&mut held, &call, &function, &params).await;
                match &called {
                    Ok(_) => return_idle(pool, held),
                    Err(error) => held.end(Reason::of(error.code)),
                }
                called
            };
            let called = supervise(pool, &request, work).await;
            let result = answer(&request, &function, called);
            // From here on the guest is gone or idle again, and its bytes are given back.
            record_outcome(pool, &request, &result);
            drop(serving);
            drop(place);
            let ended = Timestamp::now();
            request.finish_at(ended, result);
            (request.is_long(), ended)
        }
        Job::Checkout(borrower) => {
            let acquired = supervise(pool, &request, pool.instances.acquire(&call)).await;
            drop(ticking);
            match acquired {
                Ok(held) if request.is_over() => return_idle(pool, held),
                Ok(held) => hand_over(pool, &request, held, &borrower, place).await,
                Err(failure) => {
                    request.finish(Err(failure));
                }
            }
            borrower.end();
            drop(serving);
            (true, Timestamp::now()) // however long it was, the runner begins anew
        }
    }
}

/// Answers a checkout with its instance, and serves its calls.
async fn hand_over(
    pool: &Arc<PoolInner>,
    request: &Request,
    held: PooledInstance,
    borrower: &Arc<dyn Borrower>,
    place: Option<Place>,
) {
    borrower.begin(held.instance.account().clone(), place);
    let _kept = pool.keep_checked_out(borrower);
    if pool.is_destroyed() {
        borrower.release(true);
    }
    if !request.finish(Ok(Answer::default())) {
        // The checkout timed out or was aborted just now, so its caller does not have the instance.
        borrower.release(false);
    }
    serve_checkout(pool, held, &**borrower).await;
}

/// Serves the calls of a checkout until it is given back, or its instance has ended.
async fn serve_checkout(pool: &Arc<PoolInner>, mut held: PooledInstance, borrower: &dyn Borrower) {
    let _paused = pause(pool);
    while let Some(request) = std::future::poll_fn(|context| borrower.poll_next(context)).await {
        let _ticking = pool.admission.ticker().begun();
        let _running = pool.keep_running(&request);
        let Some(Waiting {
            job: Job::Call(function, params),
            ..
        }) = request.start()
        else {
            borrower.rest(); // it was ended before it began, and the instance is whole
            continue;
        };
        if pool.is_destroyed() {
            request.abort(DESTROYED);
        }
        if let Err(mistake) = check_params(&function.ty, &params) {
            borrower.rest();
            request.finish(Err(mistake));
            continue;
        }
        let call: Arc<dyn CallContext> = request.clone();
        let work = run(&mut held, &call, &function, &params);
        let called = supervise(pool, &request, work).await;
        let over = called.as_ref().err().map(|error| Reason::of(error.code));
        let result = answer(&request, &function, called);
        record_outcome(pool, &request, &result);
        if let Some(reason) = over {
            held.end(reason);
            borrower.end();
            request.finish(result);
            return;
        }
        borrower.rest();
        request.finish(result);
        if request.is_long() {
            requeue(pool).await;
        }
    }
    if !borrower.is_discarded() {
        return_idle(pool, held);
    }
}

/// Makes an instance before a call needs it. Returns whether that was long.
async fn warm_up(pool: &Arc<PoolInner>, guard: SizeGuard) -> bool {
    // Epochs must tick, or a start function that computes would not give up its turn.
    let _ticking = pool.admission.ticker().tick();
    let request = Arc::new(Request::warm_up(pool.context));
    let _running = pool.keep_running(&request);
    let _warming = Warming::new(&pool.counters);
    if pool.admission.is_closing() {
        request.abort(DESTROYED);
    }
    let make = pool
        .instances
        .warm_up(guard, request.clone(), pool.workers());
    let limit = pool.timeout.unwrap_or(Duration::MAX);
    let made = tokio::time::timeout(limit, supervise(pool, &request, make)).await;
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
    pool.instances.give_up(failure);
    true
}

fn reserve_warm(pool: &PoolInner) -> Option<SizeGuard> {
    if pool.admission.is_closing() {
        return None;
    }
    pool.instances.reserve_warm()
}

fn return_idle(pool: &PoolInner, held: PooledInstance) {
    pool.instances.return_idle(held, pool.workers());
}

/// Runs `guest` until it ends, or until the request is answered from outside. While the guest is suspended, other
/// runners take the queue.
async fn supervise<T>(
    pool: &Arc<PoolInner>,
    request: &Request,
    guest: impl Future<Output = Result<T>>,
) -> Result<T> {
    let guest = AssertUnwindSafe(guest).catch_unwind();
    let mut supervised = pin!(request.supervise(guest));
    let mut paused = None;
    let ended = std::future::poll_fn(|context| {
        let polled = supervised.as_mut().poll(context);
        if polled.is_pending() {
            match &paused {
                None => paused = Some(pause(pool)),
                Some(_) => pass_on(pool),
            }
            if request.is_long() {
                // Demotes at once: queued calls like this one may be ahead of the calls of other pools.
                pool.demotion.demote();
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

/// Marks this runner as not looking at the queue while the guard lives, and starts others for the requests that wait.
fn pause(pool: &Arc<PoolInner>) -> Paused<'_> {
    let paused = pool.scheduler.pause();
    pass_on(pool);
    paused
}

fn pass_on(pool: &Arc<PoolInner>) {
    pool.short_calls.reset();
    for _ in 0..pool.scheduler.queued() {
        if !start(pool) {
            return;
        }
    }
}

/// Records how a call went, which decides whether the next calls begin in the background.
fn record_outcome(pool: &PoolInner, request: &Request, result: &Result<Answer>) {
    let good = match result {
        Ok(_) => true,
        Err(error) => matches!(
            error.code,
            ErrorCode::Guest | ErrorCode::Exit | ErrorCode::BadArgument
        ),
    };
    if request.is_long() || !good {
        pool.demotion.demote();
    } else {
        pool.demotion.note_good();
    }
}

/// The answer of a call that has ended, with what it took.
fn answer(request: &Request, function: &Function, called: Result<Vec<Value>>) -> Result<Answer> {
    Ok(Answer {
        values: ended(function, called)?,
        stats: request.measure(),
    })
}

/// Calls a function of an instance. After any error, even an exit with status 0, the instance cannot be used again.
async fn run(
    held: &mut PooledInstance,
    call: &Arc<dyn CallContext>,
    function: &Arc<Function>,
    params: &[Value],
) -> Result<Vec<Value>> {
    held.uses += 1;
    held.instance.call(call, function, params).await
}

/// Continues as a new task: in the background if the pool is demoted, else in the foreground.
async fn requeue(pool: &PoolInner) {
    let background = pool.demotion.is_demoted();
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        task::requeue(background);
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A request that a runner has taken.
struct Serving<'a> {
    pool: &'a PoolInner,
    _running: Running<'a>,
}

impl Serving<'_> {
    fn new<'a>(pool: &'a PoolInner, request: &'a Arc<Request>) -> Serving<'a> {
        // Counted as active before the call stops waiting, so that it is never seen as neither.
        pool.counters.active.fetch_add(1, Ordering::SeqCst);
        Serving {
            pool,
            _running: pool.keep_running(request),
        }
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.pool.counters.active.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a runner that warms up.
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
