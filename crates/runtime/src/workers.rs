//! The worker threads of an engine core: they run guests, and nothing else does.
//!
//! Each worker drives its tasks on a current-thread async runtime, so that a guest asleep or waiting
//! on a host function holds no thread. New tasks come through one queue; a worker takes one a turn,
//! so that long guests and new calls share it. A task stays with the worker that took it.

use crossbeam_queue::SegQueue;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::task::AtomicWaker;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A unit of work for a worker.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long an idle worker looks for work before it parks. Waking a parked thread costs more than a
/// short call does; one worker at a time spins, so that the event loop keeps its core.
const SPIN: Duration = Duration::from_micros(25);

/// How long a worker runs tasks before it lets its timers have a turn.
const TURN: Duration = Duration::from_millis(1);

/// Most workers of an engine: the set of parked ones is one word.
pub(crate) const MAX_WORKERS: u32 = 64;

/// The threads and their queue. Dropping it lets the threads end once their task is done.
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    queue: SegQueue<Task>,
    /// One bit a worker that waits in its runtime.
    parked: AtomicU64,
    spinning: AtomicBool,
    stopping: AtomicBool,
    signals: Box<[Arc<Signal>]>,
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

impl Workers {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system's, where a thread or its event queue cannot be made.
    pub(crate) fn new(count: u32) -> std::io::Result<Workers> {
        let signal = |_| {
            Arc::new(Signal {
                woken: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                driver: AtomicWaker::new(),
            })
        };
        let workers = Workers {
            shared: Arc::new(Shared {
                queue: SegQueue::new(),
                parked: AtomicU64::new(0),
                spinning: AtomicBool::new(false),
                stopping: AtomicBool::new(false),
                signals: (0..count.clamp(1, MAX_WORKERS)).map(signal).collect(),
            }),
        };
        for index in 0..workers.shared.signals.len() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let worker = Worker {
                shared: workers.shared.clone(),
                index,
                tasks: FuturesUnordered::new(),
            };
            std::thread::Builder::new()
                .name(format!("wasm-worker-{index}"))
                .spawn(move || {
                    wasmtime::Engine::tls_eager_initialize();
                    runtime.block_on(worker);
                })?;
        }
        Ok(workers)
    }

    pub(crate) fn count(&self) -> u32 {
        self.shared.signals.len() as u32
    }

    /// Hands a task to whichever worker is free first. Takes no lock.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // A panic ends the task that caused it, not the worker with everybody else's.
        self.shared
            .queue
            .push(Box::pin(AssertUnwindSafe(task).catch_unwind().map(|_| ())));
        self.shared.wake_one();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for signal in &self.shared.signals {
            signal.wake_by_ref();
        }
    }
}

impl Shared {
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
    shared: Arc<Shared>,
    index: usize,
    tasks: FuturesUnordered<Task>,
}

impl Worker {
    fn signal(&self) -> &Arc<Signal> {
        &self.shared.signals[self.index]
    }

    fn has_work(&self) -> bool {
        self.signal().woken.load(Ordering::SeqCst) || !self.shared.queue.is_empty()
    }

    /// Looks for work a little longer. Whether there is some.
    fn spin(&self) -> bool {
        if self.shared.spinning.swap(true, Ordering::SeqCst) {
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
        self.shared.spinning.store(false, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        found || self.has_work()
    }

    /// Announces that this worker waits. Whether it may: not when work came in the meantime.
    fn park(&self) -> bool {
        let bit = 1u64 << self.index;
        self.signal().asleep.store(true, Ordering::SeqCst);
        self.shared.parked.fetch_or(bit, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.has_work() {
            self.unpark();
            return false;
        }
        true
    }

    fn unpark(&self) {
        self.signal().asleep.store(false, Ordering::SeqCst);
        self.shared
            .parked
            .fetch_and(!(1u64 << self.index), Ordering::SeqCst);
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
            if self.shared.stopping.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            signal.woken.store(false, Ordering::SeqCst);
            if let Some(task) = self.shared.queue.pop() {
                self.tasks.push(task);
                if !self.shared.queue.is_empty() {
                    self.shared.wake_one();
                }
            }
            let finished = matches!(
                self.tasks.poll_next_unpin(&mut task_context),
                Poll::Ready(Some(()))
            );
            let more = finished || self.has_work();
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
