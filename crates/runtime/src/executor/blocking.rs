//! Threads for jobs that block, so that neither the event loop nor the workers wait for them.

use crossbeam_queue::SegQueue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Thread, current, park_timeout};
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// How long an idle thread waits for the next job before it ends: waking a thread costs less than starting one.
const KEEP_ALIVE: Duration = Duration::from_millis(250);

/// Threads that live while there are jobs, and [`KEEP_ALIVE`] longer.
pub(crate) struct BlockingThreads(Arc<Shared>);

struct Shared {
    queue: SegQueue<Job>,
    threads: AtomicUsize,
    most: usize,
    /// The threads that wait for a job, each of them once.
    idle: SegQueue<Thread>,
}

impl BlockingThreads {
    /// At most `most` threads.
    pub(crate) fn new(most: usize) -> BlockingThreads {
        BlockingThreads(Arc::new(Shared {
            queue: SegQueue::new(),
            threads: AtomicUsize::new(0),
            most,
            idle: SegQueue::new(),
        }))
    }

    /// Runs `job` on a loader thread. Takes no lock.
    pub(crate) fn run(&self, job: Job) {
        self.0.queue.push(job);
        if let Some(thread) = self.0.idle.pop() {
            return thread.unpark();
        }
        if !self.0.enter() {
            return;
        }
        let shared = self.0.clone();
        let thread = std::thread::Builder::new()
            .name("wasm-loader".into())
            .spawn(move || shared.work());
        if thread.is_err() {
            // No thread can be started: run the jobs here, since a slow event loop is better than a job that never
            // ends.
            self.0.work();
        }
    }
}

impl Shared {
    fn enter(&self) -> bool {
        let more = |threads| (threads < self.most).then_some(threads + 1);
        self.threads
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    fn work(&self) {
        loop {
            while let Some(job) = self.queue.pop() {
                // A panic ends the job that caused it, not the thread, for which other jobs wait.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
            if self.wait() {
                continue;
            }
            self.threads.fetch_sub(1, Ordering::SeqCst);
            // A job may have come after the last look at the queue and before the count went down.
            if self.queue.is_empty() || !self.enter() {
                return;
            }
        }
    }

    /// Waits for a job. Returns whether one may have come.
    fn wait(&self) -> bool {
        let own = current();
        self.idle.push(own.clone());
        let until = Instant::now() + KEEP_ALIVE;
        while self.queue.is_empty()
            && let Some(rest) = until.checked_duration_since(Instant::now())
        {
            park_timeout(rest);
        }
        // Removes this thread from `idle`. If it is no longer there, a `run` has taken and unparked it.
        for _ in 0..self.most {
            match self.idle.pop() {
                Some(thread) if thread.id() == own.id() => return !self.queue.is_empty(),
                Some(other) => self.idle.push(other),
                None => return true,
            }
        }
        true
    }
}
