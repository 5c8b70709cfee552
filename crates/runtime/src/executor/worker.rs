//! The worker threads that engines of equal settings share: the guests of all pools run on them.
//!
//! Each worker drives its tasks on a current-thread async runtime, so that a guest that sleeps, or waits for a host
//! function, holds no thread. Tasks begin in the foreground. A guest that computes for longer than an epoch moves to
//! the background, whose threads have a lower priority, take tasks of the pool that computed least, and run only on the
//! cores that short calls leave. So a short call finds a worker at once, however many guests loop, and pools with long
//! calls share what is left.

use super::background_quota::BackgroundQuota;
use super::epoch::TICK;
use super::fair_queue::{FairQueue, VirtualTime};
use super::task::{BACKGROUND, FOREGROUND, Group, Groups, Queue, Signal, Task};
use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// How long an idle worker looks for work before it parks. Waking a parked thread costs more than a
/// short call does; one worker at a time spins, so that the event loop keeps its core.
const SPIN: Duration = Duration::from_micros(25);

/// How long a worker runs tasks before it lets its timers have a turn.
const TURN: Duration = Duration::from_millis(1);

/// Most workers of an engine: the set of parked ones is one word.
pub(crate) const MAX_WORKERS: u32 = 64;

/// Niceness added to background threads, so that they give way to all other threads.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

thread_local! {
    /// The id of the workers that this thread belongs to (0: none), and its index among them.
    static HERE: Cell<(u64, usize)> = const { Cell::new((0, 0)) };
}

/// The index of this thread among the workers with this id; `None` if it is not one of them.
pub(crate) fn here(id: u64) -> Option<usize> {
    let (own, index) = HERE.get();
    (own == id).then_some(index)
}

/// The threads and their queues. Dropping it lets the threads end once their task is done.
pub(crate) struct Workers {
    groups: Arc<Groups>,
    quota: Arc<BackgroundQuota>,
}

impl Workers {
    /// Starts `count` foreground threads and as many background threads.
    ///
    /// # Errors
    /// The system's error, if a thread or its event queue cannot be made.
    pub(crate) fn new(count: u32) -> std::io::Result<Workers> {
        let count = count.clamp(1, MAX_WORKERS) as usize;
        let cores = std::thread::available_parallelism().map_or(count, usize::from);
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let workers = Workers {
            groups: Arc::new(Groups {
                id,
                groups: [
                    Group::new(count, Queue::InOrder(SegQueue::new())),
                    Group::new(count, Queue::Fair(FairQueue::new())),
                ],
            }),
            quota: Arc::new(BackgroundQuota::new(cores)),
        };
        for (group, name) in [(FOREGROUND, "worker"), (BACKGROUND, "long")] {
            for index in 0..count {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let worker = Worker {
                    groups: workers.groups.clone(),
                    quota: workers.quota.clone(),
                    group,
                    index,
                    tasks: FuturesUnordered::new(),
                    again: None,
                };
                std::thread::Builder::new()
                    .name(format!("wasm-{name}-{index}"))
                    .spawn(move || {
                        if group == BACKGROUND {
                            give_way();
                        }
                        HERE.set((id, group * count + index));
                        wasmtime::Engine::tls_eager_initialize();
                        // Tokio's own budget would count all tasks of this worker as one.
                        runtime.block_on(tokio::task::unconstrained(worker));
                    })?;
            }
        }
        Ok(workers)
    }

    /// Threads of one group.
    pub(crate) fn count(&self) -> u32 {
        self.groups.groups[FOREGROUND].signals.len() as u32
    }

    /// Threads of both groups.
    pub(crate) fn threads(&self) -> usize {
        let groups = self.groups.groups.iter();
        groups.map(|group| group.signals.len()).sum()
    }

    /// Identifies these workers among those of other engines.
    pub(crate) fn id(&self) -> u64 {
        self.groups.id
    }

    /// Gives a task to the first foreground worker that is free. Takes no lock.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.push(FOREGROUND, Arc::default(), task);
    }

    /// Like [`Workers::spawn`], for a task of a pool, whose virtual time is charged.
    pub(crate) fn spawn_of(
        &self,
        usage: &Arc<VirtualTime>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.push(FOREGROUND, usage.clone(), task);
    }

    /// Like [`Workers::spawn_of`], in the background, for a task that is expected to compute for long.
    pub(crate) fn spawn_in_background(
        &self,
        usage: &Arc<VirtualTime>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.push(BACKGROUND, usage.clone(), task);
    }

    fn push(
        &self,
        group: usize,
        usage: Arc<VirtualTime>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        // A panic ends the task that caused it, not the worker with all its other tasks.
        let work = Box::pin(AssertUnwindSafe(task).catch_unwind().map(|_| ()));
        let task = Task::new(work, usage, Arc::downgrade(&self.groups));
        self.groups.groups[group].push(task);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for group in &self.groups.groups {
            group.stopping.store(true, Ordering::SeqCst);
            for signal in &group.signals {
                signal.wake_by_ref();
            }
        }
    }
}

/// Lowers this thread's priority. If that fails, background guests only compete more with other threads.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

struct Worker {
    groups: Arc<Groups>,
    quota: Arc<BackgroundQuota>,
    group: usize,
    index: usize,
    tasks: FuturesUnordered<Task>,
    /// Wakes the worker after it was held back.
    again: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Worker {
    fn own(&self) -> &Group {
        &self.groups.groups[self.group]
    }

    fn signal(&self) -> &Arc<Signal> {
        &self.own().signals[self.index]
    }

    fn has_work(&self) -> bool {
        self.signal().woken.load(Ordering::SeqCst) || !self.own().queue.is_empty()
    }

    /// Whether short calls need this worker's core.
    fn is_held_back(&self, now: Instant) -> bool {
        self.group == BACKGROUND && self.index >= self.quota.allowed(now)
    }

    /// Takes no new task for the length of an epoch. Meanwhile it polls only the tasks that it has, when they wake.
    fn hold_back(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut again = Box::pin(tokio::time::sleep(TICK));
        let waits = again.as_mut().poll(context).is_pending();
        self.again = Some(again);
        // The wake-up that reached this worker may have passed over one that is not held back.
        self.own().wake_one();
        self.signal().asleep.store(true, Ordering::SeqCst);
        if !waits || self.signal().woken.load(Ordering::SeqCst) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Looks for work a little longer. Returns whether there is some.
    fn spin(&self) -> bool {
        if self.own().spinning.swap(true, Ordering::SeqCst) {
            return false;
        }
        let start = Instant::now();
        let mut found = self.has_work();
        while !found && start.elapsed() < SPIN {
            for _ in 0..32 {
                std::hint::spin_loop();
            }
            found = self.has_work();
        }
        self.own().spinning.store(false, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        found || self.has_work()
    }

    /// Announces that this worker waits. Returns whether it may wait: not if work came meanwhile.
    fn park(&self) -> bool {
        let bit = 1u64 << self.index;
        self.signal().asleep.store(true, Ordering::SeqCst);
        self.own().parked.fetch_or(bit, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.unpark();
            return false;
        }
        true
    }

    fn unpark(&self) {
        self.signal().asleep.store(false, Ordering::SeqCst);
        let bit = 1u64 << self.index;
        self.own().parked.fetch_and(!bit, Ordering::SeqCst);
    }
}

impl Future for Worker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let signal = self.signal().clone();
        signal.driver.register(context.waker());
        self.unpark();
        let waker = Waker::from(signal.clone());
        let mut task_context = Context::from_waker(&waker);
        let start = Instant::now();
        loop {
            if self.own().stopping.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            signal.woken.store(false, Ordering::SeqCst);
            let now = Instant::now();
            let held_back = self.is_held_back(now);
            if !held_back && let Some(task) = self.own().queue.pop() {
                self.tasks.push(task);
                if !self.own().queue.is_empty() {
                    self.own().wake_one();
                }
            }
            let finished = matches!(
                self.tasks.poll_next_unpin(&mut task_context),
                Poll::Ready(Some(()))
            );
            if self.group == FOREGROUND {
                self.quota.note_short(now.elapsed());
            }
            let more = finished || self.has_work();
            if held_back && !finished && !signal.woken.load(Ordering::SeqCst) && more {
                return self.hold_back(context);
            }
            if more && start.elapsed() > TURN {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !more && !self.spin() && self.park() {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::task::{demote, requeue};
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;

    #[test]
    fn tasks_that_move_run_on_where_they_asked_to() {
        let workers = Workers::new(1).expect("threads");
        let (sender, receiver) = mpsc::channel();
        workers.spawn(async move {
            let thread = || std::thread::current().name().map(str::to_owned);
            let mut seen = vec![thread()];
            for step in [demote as fn(), || requeue(true), || requeue(false), || {}] {
                let mut asked = false;
                std::future::poll_fn(|context| {
                    if std::mem::replace(&mut asked, true) {
                        return Poll::Ready(());
                    }
                    step();
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
                seen.push(thread());
            }
            sender.send(seen).expect("the test listens");
        });
        let seen = receiver
            .recv_timeout(Duration::from_secs(20))
            .expect("it runs");
        let names = [
            "wasm-worker-0",
            "wasm-long-0",
            "wasm-long-0",
            "wasm-worker-0",
            "wasm-worker-0",
        ];
        assert_eq!(seen, names.map(|name| Some(name.to_owned())));
    }

    #[test]
    fn a_short_task_runs_beside_more_long_ones_than_there_are_threads() {
        let workers = Workers::new(1).expect("threads");
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let stop = stop.clone();
            workers.spawn(std::future::poll_fn(move |context| {
                std::thread::sleep(Duration::from_millis(1));
                demote();
                context.waker().wake_by_ref();
                if stop.load(Ordering::SeqCst) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }));
        }
        let (sender, receiver) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            workers.spawn(async move { sender.send(number).expect("the test listens") });
            assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(number));
        }
        stop.store(true, Ordering::SeqCst);
    }

    #[test]
    fn every_task_runs_once_also_after_a_panic_and_a_pause() {
        let workers = Workers::new(2).expect("threads");
        let (sender, receiver) = mpsc::channel();
        for round in 0..50 {
            for number in 0..100 {
                let sender = sender.clone();
                workers.spawn(async move {
                    if number % 10 == 3 {
                        tokio::time::sleep(Duration::from_micros(200)).await;
                    }
                    sender.send(number).expect("the test listens");
                    assert!(number != 50, "a task that panics");
                });
            }
            let mut seen: Vec<i32> = (0..100)
                .map(|_| {
                    receiver
                        .recv_timeout(Duration::from_secs(20))
                        .expect("every task runs")
                })
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..100).collect::<Vec<_>>());
            if round % 10 == 0 {
                std::thread::sleep(Duration::from_millis(2)); // long enough that the workers park
            }
        }
    }
}
