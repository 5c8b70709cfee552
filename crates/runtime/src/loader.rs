//! Threads that read and compile, so that neither the event loop nor the workers do.

use crossbeam_queue::SegQueue;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Job = Box<dyn FnOnce() + Send>;

/// Loads at once. Compilation itself uses every core, so more would only hold more memory.
const THREADS: usize = 2;

/// Threads that live while there is something to load.
pub(crate) struct Loader(Arc<Shared>);

struct Shared {
    queue: SegQueue<Job>,
    threads: AtomicUsize,
}

impl Loader {
    pub(crate) fn new() -> Loader {
        Loader(Arc::new(Shared {
            queue: SegQueue::new(),
            threads: AtomicUsize::new(0),
        }))
    }

    /// Runs `job` on a loader thread. Takes no lock.
    pub(crate) fn run(&self, job: Job) {
        self.0.queue.push(job);
        if !self.0.enter() {
            return;
        }
        let shared = self.0.clone();
        let thread = std::thread::Builder::new()
            .name("wasm-loader".into())
            .spawn(move || shared.work());
        if thread.is_err() {
            // No thread to be had: better a slow event loop than a load that never ends.
            self.0.work();
        }
    }
}

impl Shared {
    fn enter(&self) -> bool {
        let more = |threads| (threads < THREADS).then_some(threads + 1);
        self.threads
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    fn work(&self) {
        loop {
            while let Some(job) = self.queue.pop() {
                // A panic ends the load that caused it, not the thread that others wait for.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
            self.threads.fetch_sub(1, Ordering::SeqCst);
            // A job may have come after the last look and before the count went down.
            if self.queue.is_empty() || !self.enter() {
                return;
            }
        }
    }
}
