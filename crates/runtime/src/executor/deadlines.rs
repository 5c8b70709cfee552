//! Deadlines of calls: pushed from any thread, expired on the ticker's thread.

use crossbeam_queue::SegQueue;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many deadlines are held before those that no longer matter are dropped.
const COMPACT_AT: usize = 1024;

/// The deadline of a call that may take `timeout` from now. `None` without a timeout, or if it is beyond the clock's
/// range.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Something with a deadline.
pub(crate) trait Expire: Send + Sync {
    /// Whether the deadline no longer matters.
    fn is_over(&self) -> bool;
    /// The deadline has passed.
    fn expire(&self);
}

/// Deadlines on their way to the thread that keeps them. Pushing takes no lock.
#[derive(Default)]
pub(super) struct Inbox(SegQueue<(Instant, Arc<dyn Expire>)>);

impl Inbox {
    pub(super) fn push(&self, deadline: Instant, what: Arc<dyn Expire>) {
        self.0.push((deadline, what));
    }
}

/// The deadlines to come, earliest first.
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<Entry>>,
    compact_at: usize,
}

impl Deadlines {
    pub(super) fn new() -> Deadlines {
        Deadlines {
            heap: BinaryHeap::new(),
            compact_at: COMPACT_AT,
        }
    }

    /// Takes over the deadlines in `inbox`, and expires those that have passed.
    pub(super) fn pass(&mut self, inbox: &Inbox, now: Instant) {
        while let Some((deadline, what)) = inbox.0.pop() {
            if !what.is_over() {
                self.heap.push(Reverse(Entry(deadline, what)));
            }
        }
        let heap = &mut self.heap;
        while heap.peek().is_some_and(|Reverse(entry)| entry.0 <= now) {
            if let Some(Reverse(Entry(_, what))) = heap.pop() {
                // A panic in one `expire` must not end the ticker's thread, on which all calls depend.
                let _ = catch_unwind(AssertUnwindSafe(|| what.expire()));
            }
        }
        if heap.len() > self.compact_at {
            self.forget_ended();
            self.compact_at = (self.heap.len() * 2).max(COMPACT_AT);
        }
    }

    /// Drops the deadlines that no longer matter.
    pub(super) fn forget_ended(&mut self) {
        self.heap.retain(|Reverse(entry)| !entry.1.is_over());
    }
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
