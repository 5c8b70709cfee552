//! The queue of a pool, first come, first served, and how many runners work it off.
//!
//! A push and the end of a runner, or its pause, may meet: each writes what it changes before it reads what the other
//! changes, with a fence between, so that at least one of them sees the other.

use super::request::Request;
use crossbeam_queue::SegQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// Requests that ended while they waited may stay in the queue, this many beside as many as wait.
const MAX_STALE_REQUESTS: u64 = 256;

/// How many calls that are expected to be very short wait for the runners there are.
const SHORT_QUEUE: u64 = 64;

/// The queue and the count of runners.
pub(crate) struct Scheduler {
    max: usize,
    queue: SegQueue<Arc<Request>>,
    runners: AtomicUsize,
    /// Those of them that do not look at the queue: their guest sleeps or waits, or their instance is checked out.
    paused: AtomicUsize,
}

impl Scheduler {
    /// For at most `max` runners.
    pub(crate) fn new(max: u32) -> Scheduler {
        Scheduler {
            max: max as usize,
            queue: SegQueue::new(),
            runners: AtomicUsize::new(0),
            paused: AtomicUsize::new(0),
        }
    }

    /// Queues a request. Whether another runner should look at the queue: where `waiting` calls are expected to be very
    /// short, those that look now are enough.
    pub(crate) fn push(
        &self,
        request: Arc<Request>,
        waiting: impl Fn() -> u64,
        expects_short: impl Fn() -> bool,
    ) -> bool {
        self.queue.push(request);
        // A runner that still looks sees this push before it leaves.
        fence(Ordering::SeqCst);
        !(expects_short() && self.looking() > 0 && waiting() <= SHORT_QUEUE)
    }

    /// The next request.
    pub(crate) fn pop(&self) -> Option<Arc<Request>> {
        self.queue.pop()
    }

    /// Requests in the queue, those that ended there included.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes out what was answered while it waited, where that is more than it may be: a runner would, but all of them
    /// may be held for long. `ended` is called for each. Before a push, so that a runner comes for what was taken out
    /// and put back.
    pub(crate) fn sweep(&self, waiting: u64, ended: impl Fn()) {
        if self.queue.len() as u64 <= 2 * waiting + MAX_STALE_REQUESTS {
            return;
        }
        for _ in 0..self.queue.len() {
            match self.queue.pop() {
                Some(stale) if stale.is_over() => ended(),
                Some(request) => self.queue.push(request),
                None => return,
            }
        }
    }

    /// A runner comes, unless there are `max`: then one of them will see what waits.
    pub(crate) fn enter(&self) -> bool {
        let more = |runners| (runners < self.max).then_some(runners + 1);
        self.runners
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    /// A runner found nothing to do. Whether it leaves: not where a request came after its last look and before it no
    /// longer counted.
    pub(crate) fn leave(&self) -> bool {
        self.runners.fetch_sub(1, Ordering::SeqCst);
        self.queue.is_empty() || !self.enter()
    }

    /// A runner ended without looking again.
    pub(crate) fn abandon(&self) {
        self.runners.fetch_sub(1, Ordering::SeqCst);
    }

    /// Runners that there are.
    pub(crate) fn runners(&self) -> usize {
        self.runners.load(Ordering::SeqCst)
    }

    /// A runner does not look at the queue as long as the guard lives.
    pub(crate) fn pause(&self) -> Paused<'_> {
        self.paused.fetch_add(1, Ordering::SeqCst);
        // Whoever pushes from now on does not count on this runner; what was pushed before is seen by what follows.
        fence(Ordering::SeqCst);
        Paused(self)
    }

    /// Runners that look at the queue, now or when their call ends.
    fn looking(&self) -> usize {
        self.runners()
            .saturating_sub(self.paused.load(Ordering::SeqCst))
    }
}

/// A runner that does not look at the queue.
pub(crate) struct Paused<'a>(&'a Scheduler);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Arc<Request> {
        Arc::new(Request::warm_up(0))
    }

    #[test]
    fn a_runner_does_not_leave_what_was_pushed_while_it_still_counted() {
        let scheduler = Scheduler::new(1);
        assert!(scheduler.enter());
        // It has looked and found nothing. Now a call comes, which gets no runner of its own.
        assert!(scheduler.push(request(), || 1, || false));
        assert!(!scheduler.enter());
        assert!(!scheduler.leave());
        assert!(scheduler.pop().is_some());
        assert!(scheduler.leave());
        assert_eq!(scheduler.runners(), 0);
    }

    #[test]
    fn very_short_calls_wait_for_a_runner_that_looks_and_not_for_one_that_pauses() {
        let scheduler = Scheduler::new(2);
        let wants_runner = |waiting, short| scheduler.push(request(), || waiting, || short);
        assert!(wants_runner(0, true));
        assert!(scheduler.enter());
        assert!(!wants_runner(SHORT_QUEUE, true));
        assert!(wants_runner(SHORT_QUEUE + 1, true));
        assert!(wants_runner(0, false));
        let paused = scheduler.pause();
        assert!(wants_runner(0, true));
        drop(paused);
        assert!(!wants_runner(0, true));
    }

    #[test]
    fn what_ended_while_it_waited_is_taken_out_once_it_is_much() {
        let scheduler = Scheduler::new(1);
        let alive = request();
        scheduler.push(alive.clone(), || 0, || false);
        let ended = std::cell::Cell::new(0);
        let sweep = || scheduler.sweep(1, || ended.set(ended.get() + 1));
        for _ in 0..MAX_STALE_REQUESTS + 1 {
            let request = self::request();
            request.abort("by the test");
            scheduler.push(request, || 0, || false);
        }
        sweep();
        assert_eq!(ended.get(), 0);
        let request = self::request();
        request.abort("by the test");
        scheduler.push(request, || 0, || false);
        sweep();
        assert_eq!(ended.get(), MAX_STALE_REQUESTS + 2);
        let left = scheduler.pop().expect("the one that is alive");
        assert!(Arc::ptr_eq(&left, &alive));
        assert!(scheduler.pop().is_none());
    }
}
