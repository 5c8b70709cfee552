//! The epoch ticker of the engines that share threads, which also ends calls whose time is up.
//!
//! It ticks only while calls run. A call is answered here, on time, whatever the workers are doing;
//! the worker that holds the guest lets go of it at its next turn.

use crossbeam_queue::SegQueue;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Time between two epochs: the share of a worker that one guest gets, and the precision of timeouts.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks without a call before the ticker sleeps. Starting it again wakes a thread, which would
/// otherwise be the dearest part of calls that come one by one.
const LINGER: u32 = 200;

/// Something with a deadline.
pub(crate) trait Expire: Send + Sync {
    /// Whether the deadline no longer matters.
    fn is_over(&self) -> bool;
    /// The deadline has passed.
    fn expire(&self);
}

/// A running ticker. Dropping it ends its thread.
pub(crate) struct Clock {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopping: AtomicBool,
    deadlines: SegQueue<(Instant, Arc<dyn Expire>)>,
}

struct Entry(Instant, Arc<dyn Expire>);

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.0 == other.0
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl Clock {
    /// Starts the ticker; `tick` is called every 5 ms while something runs.
    pub(crate) fn new(tick: impl Fn() + Send + 'static) -> std::io::Result<Clock> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            deadlines: SegQueue::new(),
        });
        let thread = std::thread::Builder::new()
            .name("wasm-clock".into())
            .spawn({
                let shared = shared.clone();
                move || shared.run(tick)
            })?;
        Ok(Clock {
            shared,
            thread: thread.thread().clone(),
        })
    }

    /// A call begins: from now on the clock ticks.
    pub(crate) fn begin(&self) {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && self.shared.asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
    }

    /// Takes over a call that began: it ends, with its guest, when the guard is dropped.
    pub(crate) fn begun(&self) -> Ticking<'_> {
        Ticking(self)
    }

    /// Ticks as long as the guard lives.
    pub(crate) fn tick(&self) -> Ticking<'_> {
        self.begin();
        self.begun()
    }

    /// Ends `what` at `deadline`. Takes no lock; the clock must be running.
    pub(crate) fn expire_at(&self, deadline: Instant, what: Arc<dyn Expire>) {
        self.shared.deadlines.push((deadline, what));
    }
}

/// Something runs.
pub(crate) struct Ticking<'a>(&'a Clock);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Shared {
    fn run(&self, tick: impl Fn()) {
        let mut heap: BinaryHeap<Reverse<Entry>> = BinaryHeap::new();
        let mut compact_at = 1024;
        let mut idle = 0;
        let mut next = Instant::now() + TICK;
        while !self.stopping.load(Ordering::SeqCst) {
            if self.running.load(Ordering::SeqCst) == 0 {
                idle += 1;
            } else {
                idle = 0;
                tick();
            }
            while let Some((deadline, what)) = self.deadlines.pop() {
                if !what.is_over() {
                    heap.push(Reverse(Entry(deadline, what)));
                }
            }
            let now = Instant::now();
            while heap.peek().is_some_and(|Reverse(entry)| entry.0 <= now) {
                if let Some(Reverse(Entry(_, what))) = heap.pop() {
                    // A panic in one receiver must not end everybody's time.
                    let _ = catch_unwind(AssertUnwindSafe(|| what.expire()));
                }
            }
            if heap.len() > compact_at {
                heap.retain(|Reverse(entry)| !entry.1.is_over());
                compact_at = (heap.len() * 2).max(1024);
            }
            if idle > LINGER {
                heap.retain(|Reverse(entry)| !entry.1.is_over());
                self.asleep.store(true, Ordering::SeqCst);
                while self.asleep.load(Ordering::SeqCst)
                    && self.running.load(Ordering::SeqCst) == 0
                    && !self.stopping.load(Ordering::SeqCst)
                {
                    std::thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
                idle = 0;
                next = Instant::now();
            }
            next = (next + TICK).max(now);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}
