//! The worker threads that engines of equal settings share: they run guests, and nothing else does.
//!
//! Each worker drives its tasks on a current-thread async runtime, so that a guest asleep or waiting
//! on a host function holds no thread. There are two crews. New tasks begin with the first one, where
//! nothing runs for much longer than an epoch: a guest that computes on is moved to the second, whose
//! threads have a lower priority and take tasks of the pool that has computed least, and as many of
//! them run as short calls leave cores. So a call that is short finds a worker at once, however many
//! guests loop, and pools that are not short share what is left.

use crate::clock::TICK;
use crate::pace::Pace;
use crate::shares::{Shares, Usage};
use crate::ticks::Ticks;
use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::task::AtomicWaker;
use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long an idle worker looks for work before it parks. Waking a parked thread costs more than a
/// short call does; one worker at a time spins, so that the event loop keeps its core.
const SPIN: Duration = Duration::from_micros(25);

/// How long a worker runs tasks before it lets its timers have a turn.
const TURN: Duration = Duration::from_millis(1);

/// Most workers of an engine: the set of parked ones is one word.
pub(crate) const MAX_WORKERS: u32 = 64;

/// How much the second crew gives way to everything else, in the system's steps of niceness.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Where a task goes when its poll ends.
#[derive(Clone, Copy)]
enum Move {
    Stay,
    /// To the second crew, behind those of less use.
    Back,
    /// To either crew, as a new task.
    Again {
        long: bool,
    },
}

thread_local! {
    /// The workers that this thread is one of, and which.
    static HERE: Cell<(u64, usize)> = const { Cell::new((0, 0)) };
    /// What the task that is polled on this thread asks for.
    static MOVE: Cell<Move> = const { Cell::new(Move::Stay) };
}

/// The task that is polled now computed for a whole epoch: it goes on behind those of less use.
/// Takes effect when its poll ends as pending.
pub(crate) fn move_back() {
    MOVE.set(Move::Back);
}

/// The task that is polled now begins something new, which is expected to compute for `long` or not.
/// Takes effect when its poll ends as pending.
pub(crate) fn begin_again(long: bool) {
    MOVE.set(Move::Again { long });
}

/// Which of the workers with this id this thread is, if it is one.
pub(crate) fn here(id: u64) -> Option<usize> {
    let (own, index) = HERE.get();
    (own == id).then_some(index)
}

/// The threads and their queues. Dropping it lets the threads end once their task is done.
pub(crate) struct Workers {
    crews: Arc<Crews>,
}

struct Crews {
    /// Not 0, and of no others.
    id: u64,
    crews: [Crew; 2],
    pace: Pace,
}

const FRONT: usize = 0;
const BACK: usize = 1;

/// What the threads of one crew share.
struct Crew {
    queue: Queue,
    /// One bit a worker that waits in its runtime.
    parked: AtomicU64,
    spinning: AtomicBool,
    stopping: AtomicBool,
    signals: Box<[Arc<Signal>]>,
}

enum Queue {
    /// First come, first served.
    InOrder(SegQueue<Task>),
    ByUse(Shares<Task>),
}

impl Queue {
    fn push(&self, task: Task) {
        match self {
            Queue::InOrder(queue) => queue.push(task),
            Queue::ByUse(shares) => shares.push(task.usage.clone(), task),
        }
    }

    fn pop(&self) -> Option<Task> {
        match self {
            Queue::InOrder(queue) => queue.pop(),
            Queue::ByUse(shares) => shares.pop(TICK).map(|task| Task {
                charged: TICK,
                ..task
            }),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Queue::InOrder(queue) => queue.is_empty(),
            Queue::ByUse(shares) => shares.is_empty(),
        }
    }
}

/// Wakes one worker. While the worker is up this is one store; only a parked one costs a system call.
struct Signal {
    woken: AtomicBool,
    asleep: AtomicBool,
    driver: AtomicWaker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.driver.wake();
        }
    }
}

/// A unit of work, in whichever crew it is.
struct Task {
    /// None once it ended here or moved.
    work: Option<Work>,
    usage: Arc<Usage>,
    /// What its pool was charged for the poll to come.
    charged: Duration,
    /// Weak: the crews hold tasks.
    crews: Weak<Crews>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = self.work.take() else {
            return Poll::Ready(());
        };
        MOVE.set(Move::Stay);
        let began = Ticks::now();
        let polled = work.as_mut().poll(context);
        let charged = std::mem::take(&mut self.charged);
        self.usage.charge(began.elapsed());
        self.usage.refund(charged);
        if polled.is_ready() {
            return Poll::Ready(());
        }
        let to = match MOVE.get() {
            Move::Stay => None,
            Move::Back => Some(BACK),
            Move::Again { long } => Some(usize::from(long)),
        };
        if let (Some(crew), Some(crews)) = (to, self.crews.upgrade()) {
            // What would wake it here finds an empty task; it is polled, and registers anew, there.
            crews.crews[crew].push(Task {
                work: Some(work),
                usage: self.usage.clone(),
                charged: Duration::ZERO,
                crews: self.crews.clone(),
            });
            return Poll::Ready(());
        }
        self.work = Some(work);
        Poll::Pending
    }
}

impl Workers {
    /// Starts `count` threads, and as many for guests that compute for long.
    ///
    /// # Errors
    /// The system's, where a thread or its event queue cannot be made.
    pub(crate) fn new(count: u32) -> std::io::Result<Workers> {
        let count = count.clamp(1, MAX_WORKERS) as usize;
        let cores = std::thread::available_parallelism().map_or(count, usize::from);
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let workers = Workers {
            crews: Arc::new(Crews {
                id,
                crews: [
                    Crew::new(count, Queue::InOrder(SegQueue::new())),
                    Crew::new(count, Queue::ByUse(Shares::new())),
                ],
                pace: Pace::new(cores),
            }),
        };
        for (crew, name) in [(FRONT, "worker"), (BACK, "long")] {
            for index in 0..count {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let worker = Worker {
                    crews: workers.crews.clone(),
                    crew,
                    index,
                    tasks: FuturesUnordered::new(),
                    again: None,
                };
                std::thread::Builder::new()
                    .name(format!("wasm-{name}-{index}"))
                    .spawn(move || {
                        if crew == BACK {
                            give_way();
                        }
                        HERE.set((id, crew * count + index));
                        wasmtime::Engine::tls_eager_initialize();
                        // The runtime's own fairness would count all tasks of this worker as one.
                        runtime.block_on(tokio::task::unconstrained(worker));
                    })?;
            }
        }
        Ok(workers)
    }

    /// Threads of one crew.
    pub(crate) fn count(&self) -> u32 {
        self.crews.crews[FRONT].signals.len() as u32
    }

    /// Threads of both crews.
    pub(crate) fn threads(&self) -> usize {
        self.crews.crews.iter().map(|crew| crew.signals.len()).sum()
    }

    /// Tells these workers from those of other engines.
    pub(crate) fn id(&self) -> u64 {
        self.crews.id
    }

    /// Hands a task to whichever worker is free first. Takes no lock.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.push(FRONT, Arc::default(), task);
    }

    /// The same for a task of a pool, with the pool's use.
    pub(crate) fn spawn_of(
        &self,
        usage: &Arc<Usage>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.push(FRONT, usage.clone(), task);
    }

    /// The same for a task that is expected to compute for long.
    pub(crate) fn spawn_long(
        &self,
        usage: &Arc<Usage>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.push(BACK, usage.clone(), task);
    }

    fn push(
        &self,
        crew: usize,
        usage: Arc<Usage>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.crews.crews[crew].push(Task {
            // A panic ends the task that caused it, not the worker with everybody else's.
            work: Some(Box::pin(AssertUnwindSafe(task).catch_unwind().map(|_| ()))),
            usage,
            charged: Duration::ZERO,
            crews: Arc::downgrade(&self.crews),
        });
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for crew in &self.crews.crews {
            crew.stopping.store(true, Ordering::SeqCst);
            for signal in &crew.signals {
                signal.wake_by_ref();
            }
        }
    }
}

/// Lowers this thread's priority. Where the system does not, long guests only compete more.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

impl Crew {
    fn new(count: usize, queue: Queue) -> Crew {
        let signal = |_| {
            Arc::new(Signal {
                woken: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                driver: AtomicWaker::new(),
            })
        };
        Crew {
            queue,
            parked: AtomicU64::new(0),
            spinning: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            signals: (0..count).map(signal).collect(),
        }
    }

    fn push(&self, task: Task) {
        self.queue.push(task);
        self.wake_one();
    }

    fn wake_one(&self) {
        // Pairs with the fence before a worker's last look at the queue.
        fence(Ordering::SeqCst);
        if self.spinning.load(Ordering::SeqCst) {
            return;
        }
        let mut parked = self.parked.load(Ordering::SeqCst);
        while parked != 0 {
            let bit = 1u64 << parked.trailing_zeros();
            let before = self.parked.fetch_and(!bit, Ordering::SeqCst);
            if before & bit != 0 {
                self.signals[bit.trailing_zeros() as usize].wake_by_ref();
                return;
            }
            parked = before & !bit;
        }
    }
}

struct Worker {
    crews: Arc<Crews>,
    crew: usize,
    index: usize,
    tasks: FuturesUnordered<Task>,
    /// Wakes it when it is held back.
    again: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Worker {
    fn own(&self) -> &Crew {
        &self.crews.crews[self.crew]
    }

    fn signal(&self) -> &Arc<Signal> {
        &self.own().signals[self.index]
    }

    fn has_work(&self) -> bool {
        self.signal().woken.load(Ordering::SeqCst) || !self.own().queue.is_empty()
    }

    /// Whether short calls need this worker's core.
    fn is_held_back(&self, now: Instant) -> bool {
        self.crew == BACK && self.index >= self.crews.pace.allowed(now)
    }

    /// Looks again in a while; until then only for what it has already.
    fn hold_back(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut again = Box::pin(tokio::time::sleep(TICK));
        let waits = again.as_mut().poll(context).is_pending();
        self.again = Some(again);
        // What woke it may have passed over one that is not held back.
        self.own().wake_one();
        self.signal().asleep.store(true, Ordering::SeqCst);
        if !waits || self.signal().woken.load(Ordering::SeqCst) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Looks for work a little longer. Whether there is some.
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

    /// Announces that this worker waits. Whether it may: not when work came in the meantime.
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
            if self.crew == FRONT {
                self.crews.pace.note_short(now.elapsed());
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
    use std::sync::mpsc;

    #[test]
    fn tasks_that_move_run_on_where_they_asked_to() {
        let workers = Workers::new(1).expect("threads");
        let (sender, receiver) = mpsc::channel();
        workers.spawn(async move {
            let thread = || std::thread::current().name().map(str::to_owned);
            let mut seen = vec![thread()];
            for step in [
                move_back as fn(),
                || begin_again(true),
                || begin_again(false),
                || {},
            ] {
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
                move_back();
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
