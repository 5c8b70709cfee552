//! The queue of a pool, first come, first served, and the number of runners that serve it.
//!
//! A push may race with the end or the pause of a runner. Each side writes its own change before it reads the other's,
//! with a fence in between, so that at least one of them sees the other.

use super::request::Request;
use crossbeam_queue::SegQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// Requests that ended while they waited may stay in the queue: as many as still wait, plus this many.
const MAX_STALE_REQUESTS: u64 = 256;

/// The most very short calls that wait for the existing runners before another one starts.
const SHORT_QUEUE: u64 = 64;

/// The queue and the count of runners.
pub(crate) struct Scheduler {
    max: usize,
    queue: SegQueue<Arc<Request>>,
    runners: AtomicUsize,
    /// Runners that do not look at the queue: their guest sleeps or waits, or their instance is checked out.
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

    /// Queues a request. Returns whether another runner should start: if the `waiting` calls are few and expected to be
    /// very short, the runners that look at the queue are enough.
    pub(crate) fn push(
        &self,
        request: Arc<Request>,
        waiting: impl Fn() -> u64,
        expects_short: impl Fn() -> bool,
    ) -> bool {
        self.queue.push(request);
        // A runner that is still polling sees this push before it exits.
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

    /// Removes requests that were answered while they waited, if there are too many: a runner would do that, but all
    /// runners may be held for long. Calls `ended` for each. Call it before a push, so that a runner comes for the
    /// requests that were taken out and put back.
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

    /// Counts a new runner, unless there are `max`: then one of those will see the queue. Returns whether it did.
    pub(crate) fn enter(&self) -> bool {
        let more = |runners| (runners < self.max).then_some(runners + 1);
        self.runners
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    /// Counts out a runner that found nothing to do. Returns whether it may exit: not if a request came after its last
    /// look at the queue and before it was counted out.
    pub(crate) fn leave(&self) -> bool {
        self.runners.fetch_sub(1, Ordering::SeqCst);
        self.queue.is_empty() || !self.enter()
    }

    /// Counts out a runner that ended without looking at the queue again.
    pub(crate) fn abandon(&self) {
        self.runners.fetch_sub(1, Ordering::SeqCst);
    }

    /// The number of runners.
    pub(crate) fn runners(&self) -> usize {
        self.runners.load(Ordering::SeqCst)
    }

    /// Marks a runner as not looking at the queue while the guard lives.
    pub(crate) fn pause(&self) -> Paused<'_> {
        self.paused.fetch_add(1, Ordering::SeqCst);
        // A push from now on does not count on this runner. The caller looks at the queue next, and sees every earlier
        // push.
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
        // The runner has found no request. Now a call comes, which gets no runner of its own.
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
