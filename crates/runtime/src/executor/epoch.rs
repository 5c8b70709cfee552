//! The epoch ticker of the engines that share threads, which also answers calls whose deadline has passed.
//!
//! It ticks only while calls run. A call is answered here, on time, whatever the workers are doing; the worker that
//! runs the guest drops it at its next turn.

use super::deadlines::{Deadlines, Expire, Inbox};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Time between two epochs: how long a guest keeps its worker before it yields, and the precision of timeouts.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks without a call before the ticker sleeps. If it slept at once, waking its thread would be the most expensive
/// part of calls that come one by one.
const IDLE_TICKS: u32 = 200;

/// A running ticker. Dropping it ends its thread.
pub(crate) struct EpochTicker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopping: AtomicBool,
    deadlines: Inbox,
}

impl EpochTicker {
    /// Starts the ticker; `tick` is called every 5 ms while something runs.
    pub(crate) fn new(tick: impl Fn() + Send + 'static) -> std::io::Result<EpochTicker> {
        let shared = Arc::new(Shared {
            running: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            deadlines: Inbox::default(),
        });
        let thread = std::thread::Builder::new()
            .name("wasm-clock".into())
            .spawn({
                let shared = shared.clone();
                move || shared.run(tick)
            })?;
        Ok(EpochTicker {
            shared,
            thread: thread.thread().clone(),
        })
    }

    /// Begins a call: from now on the ticker ticks.
    pub(crate) fn begin(&self) {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst)
            && self.shared.asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
    }

    /// The guard of a call that [`EpochTicker::begin`] began: dropping it, when the guest is gone, ends the call.
    pub(crate) fn begun(&self) -> Ticking<'_> {
        Ticking(self)
    }

    /// Ticks as long as the guard lives.
    pub(crate) fn tick(&self) -> Ticking<'_> {
        self.begin();
        self.begun()
    }

    /// Ends `what` at `deadline`. Takes no lock; the ticker must be ticking.
    pub(crate) fn expire_at(&self, deadline: Instant, what: Arc<dyn Expire>) {
        self.shared.deadlines.push(deadline, what);
    }
}

/// Keeps the ticker ticking.
pub(crate) struct Ticking<'a>(&'a EpochTicker);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Shared {
    fn run(&self, tick: impl Fn()) {
        let mut deadlines = Deadlines::new();
        let mut idle = 0;
        let mut next = Instant::now() + TICK;
        while !self.stopping.load(Ordering::SeqCst) {
            if self.running.load(Ordering::SeqCst) == 0 {
                idle += 1;
            } else {
                idle = 0;
                tick();
            }
            let now = Instant::now();
            deadlines.pass(&self.deadlines, now);
            if idle > IDLE_TICKS {
                deadlines.forget_ended();
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
