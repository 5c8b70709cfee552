//! The instances of a pool: those that are idle, the making of new ones, and the end of each.

use super::counters::Counters;
use super::events::{Event, Events, Reason};
use super::options::Finished;
use super::retention::Retention;
use crate::engine::Starts;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::worker::Workers;
use crate::instance::{CallContext, Instance, InstanceTemplate};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long warm-ups pause after one has failed.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct Instances {
    template: InstanceTemplate,
    retention: Retention,
    counters: Arc<Counters>,
    events: Arc<Events>,
    pub(crate) starts: Starts,
    /// The instance that came back last is at the end, and is used first, so that the others can reach their idle
    /// timeout.
    idle: Mutex<VecDeque<PooledInstance>>,
    /// Whether a task runs that ends idle instances.
    reaping: AtomicBool,
    /// Whether instances are no longer kept.
    ended: AtomicBool,
    /// When a warm-up last failed, in nanoseconds since `began`; 0: none has failed since a call could make an
    /// instance.
    broken: AtomicU64,
    began: Instant,
    /// Instances made so far, without those that failed.
    made: AtomicU32,
    warm: Mutex<Warm>,
}

#[derive(Default)]
struct Warm {
    outcome: Option<Result<()>>,
    waiting: Vec<Finished>,
}

/// An instance of this pool. Its guard counts its end.
pub(crate) struct PooledInstance {
    pub(crate) instance: Instance,
    pub(crate) uses: u32,
    since: Instant,
    guard: SizeGuard,
}

/// Counts one instance in `size`; dropped after the instance.
pub(crate) struct SizeGuard {
    counters: Arc<Counters>,
    events: Arc<Events>,
    reason: Cell<Reason>,
    /// Whether making the instance has begun, and whether it succeeded.
    begun: bool,
    made: bool,
}

impl Drop for SizeGuard {
    fn drop(&mut self) {
        self.counters.size.fetch_sub(1, Ordering::SeqCst);
        if self.begun {
            self.counters.count_destroyed(self.reason.get());
        }
        if self.made {
            self.events
                .emit(Event::InstanceDestroyed(self.reason.get()));
        }
    }
}

impl PooledInstance {
    /// Ends the instance.
    pub(crate) fn end(self, reason: Reason) {
        self.guard.reason.set(reason);
    }
}

impl Instances {
    pub(crate) fn new(
        template: InstanceTemplate,
        retention: Retention,
        counters: Arc<Counters>,
        events: Arc<Events>,
        starts: Starts,
    ) -> Instances {
        Instances {
            template,
            retention,
            counters,
            events,
            starts,
            idle: Mutex::default(),
            reaping: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            broken: AtomicU64::new(0),
            began: Instant::now(),
            made: AtomicU32::new(0),
            warm: Mutex::default(),
        }
    }

    /// Takes an idle instance, or makes one.
    pub(crate) async fn acquire(&self, call: &Arc<dyn CallContext>) -> Result<PooledInstance> {
        let guard = {
            let mut idle = lock(&self.idle);
            if let Some(instance) = idle.pop_back() {
                return Ok(instance);
            }
            // Counted under the lock, so that a runner whose instance comes back next finds this one in `size`.
            self.counters.size.fetch_add(1, Ordering::SeqCst);
            self.size_guard()
        };
        let made = self.make(guard, call.clone()).await?;
        self.broken.store(0, Ordering::SeqCst);
        self.note_made();
        Ok(made)
    }

    /// Takes an instance back after a good call, and keeps it if it may serve again.
    pub(crate) fn return_idle(self: &Arc<Instances>, instance: PooledInstance, workers: &Workers) {
        let held = instance.instance.account().held();
        let closed = self.retention.reuse && self.ended.load(Ordering::SeqCst);
        let over = closed.then_some(Reason::Closed);
        match over.or_else(|| self.retention.over(instance.uses, held)) {
            Some(reason) => instance.end(reason),
            None => self.keep(instance, workers),
        }
    }

    fn keep(self: &Arc<Instances>, mut instance: PooledInstance, workers: &Workers) {
        if self.retention.idle_timeout.is_some() {
            instance.since = Instant::now();
        }
        lock(&self.idle).push_back(instance);
        // Most calls end at one of these checks: there is no idle timeout, no instance above `min`, or a task that
        // runs.
        let Some(after) = self.retention.idle_timeout else {
            return;
        };
        if self.counters.size.load(Ordering::SeqCst) > u64::from(self.retention.min)
            && !self.reaping.load(Ordering::SeqCst)
            && !self.reaping.swap(true, Ordering::SeqCst)
        {
            let instances = Arc::downgrade(self);
            workers.spawn(async move {
                let mut rest = after;
                loop {
                    tokio::time::sleep(rest).await;
                    let Some(instances) = instances.upgrade() else {
                        return;
                    };
                    match instances.reap(after) {
                        Some(next) => rest = next,
                        None => return,
                    }
                }
            });
        }
    }

    /// Ends instances above `min` that were idle for `after`. Returns how long until the next one is due; `None` if
    /// none will be.
    fn reap(&self, after: Duration) -> Option<Duration> {
        let min = u64::from(self.retention.min);
        loop {
            let mut idle = lock(&self.idle);
            let above = self.counters.size.load(Ordering::SeqCst) > min;
            let Some(oldest) = idle.front().filter(|_| above) else {
                self.reaping.store(false, Ordering::SeqCst);
                return None;
            };
            let age = oldest.since.elapsed();
            if age < after {
                return Some(after - age);
            }
            // Ended under the lock, so that an `acquire` that finds nothing idle no longer finds it in `size`.
            if let Some(instance) = idle.pop_front() {
                instance.end(Reason::Idle);
            }
        }
    }

    /// The guard for the instance that was just added to `size`.
    fn size_guard(&self) -> SizeGuard {
        SizeGuard {
            counters: self.counters.clone(),
            events: self.events.clone(),
            reason: Cell::new(Reason::Failed),
            begun: false,
            made: false,
        }
    }

    async fn make(
        &self,
        mut guard: SizeGuard,
        call: Arc<dyn CallContext>,
    ) -> Result<PooledInstance> {
        guard.begun = true;
        self.counters.created.fetch_add(1, Ordering::Relaxed);
        let made = self.template.instantiate(call).await;
        let (instance, start) = made.inspect_err(|error| {
            guard.reason.set(Reason::of(error.code));
        })?;
        if let Some(took) = start {
            let from_cache = self.template.code.cache_hit();
            self.starts.note_start(took, from_cache, false);
        }
        guard.made = true;
        self.events.emit(Event::InstanceCreated);
        Ok(PooledInstance {
            instance,
            uses: 0,
            since: Instant::now(),
            guard,
        })
    }

    /// Adds an instance to `size` for a warm-up, if there are fewer than `min`. `None` too for [`RETRY`] after a failed
    /// warm-up.
    pub(crate) fn reserve_warm(&self) -> Option<SizeGuard> {
        let broken = self.broken.load(Ordering::SeqCst);
        if self.ended.load(Ordering::SeqCst)
            || (broken > 0 && self.passed().saturating_sub(broken) < RETRY.as_nanos() as u64)
        {
            return None;
        }
        let min = u64::from(self.retention.min);
        let more = |size| (size < min).then_some(size + 1);
        self.counters
            .size
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .ok()
            .map(|_| self.size_guard())
    }

    /// Makes an idle instance, before a call needs it.
    pub(crate) async fn warm_up(
        self: &Arc<Instances>,
        guard: SizeGuard,
        call: Arc<dyn CallContext>,
        workers: &Workers,
    ) -> Result<()> {
        let instance = self.make(guard, call).await?;
        self.keep(instance, workers);
        self.note_made();
        Ok(())
    }

    fn passed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    /// Notes that a warm-up failed. Warm-ups pause for [`RETRY`]: until then a call tries, and its error says what is
    /// wrong.
    pub(crate) fn give_up(&self, failure: Error) {
        self.broken.store(self.passed(), Ordering::SeqCst);
        self.note_warm(Err(failure));
    }

    /// Calls `done` when the pool is warm.
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

    /// Counts an instance that was made. With `min` of them the pool is warm, even if calls hold some already.
    fn note_made(&self) {
        if self.made.fetch_add(1, Ordering::SeqCst) + 1 == self.retention.min {
            self.note_warm(Ok(()));
        }
    }

    pub(crate) fn note_warm(&self, outcome: Result<()>) {
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

    /// Keeps no instance from now on.
    pub(crate) fn stop(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Ends the idle instances. Call it on a worker: dropping a store gives memory back to the system.
    pub(crate) fn clear(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for instance in idle {
            instance.end(Reason::Closed);
        }
        self.note_warm(Err(Error::new(
            ErrorCode::Closed,
            "the pool was closed before it was ready",
        )));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
