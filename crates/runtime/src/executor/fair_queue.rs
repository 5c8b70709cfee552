//! The queue of background tasks: those of the pool that has computed least come first.
//!
//! Each pool has a virtual time, which advances while its guests compute. So a guest does not wait behind all the
//! guests of another pool, and a pool that was idle cannot make up for all of that time at once.

use crossbeam_queue::SegQueue;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How far behind the others the virtual time of a pool that comes back may be.
const CREDIT: Duration = Duration::from_millis(50);

/// The virtual time of one pool, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct VirtualTime(AtomicU64);

impl VirtualTime {
    fn time(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds time that a guest of this pool computed.
    pub(crate) fn charge(&self, time: Duration) {
        self.0.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Takes back time that was charged too much.
    pub(crate) fn refund(&self, time: Duration) {
        self.0.fetch_sub(time.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// The waiting items of every pool.
pub(crate) struct FairQueue<T> {
    /// Items that no `pop` has sorted into the queues yet. The event loop pushes too, and must not wait for a lock.
    inbox: SegQueue<(Arc<VirtualTime>, T)>,
    /// How many items are in the inbox and in the queues.
    waiting: AtomicUsize,
    queues: Mutex<Queues<T>>,
}

struct Queues<T> {
    /// None of the queues is empty.
    of_pools: Vec<(Arc<VirtualTime>, VecDeque<T>)>,
    /// The latest virtual time at which a turn began.
    now: u64,
}

impl<T> FairQueue<T> {
    pub(crate) fn new() -> FairQueue<T> {
        FairQueue {
            inbox: SegQueue::new(),
            waiting: AtomicUsize::new(0),
            queues: Mutex::new(Queues {
                of_pools: Vec::new(),
                now: 0,
            }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    pub(crate) fn push(&self, usage: Arc<VirtualTime>, item: T) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.inbox.push((usage, item));
    }

    /// The next item. Its pool is charged `turn` at once, so that the next `pop` sees that the pool has a turn.
    pub(crate) fn pop(&self, turn: Duration) -> Option<T> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((usage, item)) = self.inbox.pop() {
            queues.join(usage, item);
        }
        let item = queues.next(turn)?;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Some(item)
    }
}

impl<T> Queues<T> {
    fn join(&mut self, usage: Arc<VirtualTime>, item: T) {
        let known = |(other, _): &&mut (Arc<VirtualTime>, _)| Arc::ptr_eq(other, &usage);
        if let Some((_, queue)) = self.of_pools.iter_mut().find(known) {
            queue.push_back(item);
            return;
        }
        let earliest = self.now.saturating_sub(CREDIT.as_nanos() as u64);
        usage.0.fetch_max(earliest, Ordering::Relaxed);
        self.of_pools.push((usage, VecDeque::from([item])));
    }

    fn next(&mut self, turn: Duration) -> Option<T> {
        let (index, time) = self
            .of_pools
            .iter()
            .map(|(usage, _)| usage.time())
            .enumerate()
            .min_by_key(|&(_, time)| time)?;
        let (usage, queue) = &mut self.of_pools[index];
        let item = queue.pop_front();
        usage.charge(turn);
        self.now = self.now.max(time);
        if queue.is_empty() {
            self.of_pools.swap_remove(index);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: Duration = Duration::from_millis(5);

    fn take(queue: &FairQueue<&'static str>, count: usize) -> Vec<&'static str> {
        (0..count).filter_map(|_| queue.pop(TURN)).collect()
    }

    #[test]
    fn a_guest_of_one_pool_is_not_behind_all_those_of_another() {
        let queue = FairQueue::new();
        let (many, one) = (Arc::default(), Arc::default());
        for item in ["a", "b", "c", "d"] {
            queue.push(Arc::clone(&many), item);
        }
        queue.push(one, "z");
        assert_eq!(take(&queue, 9), ["a", "z", "b", "c", "d"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn who_used_less_of_its_turn_has_more_turns() {
        let queue = FairQueue::new();
        let (quick, slow) = (
            Arc::new(VirtualTime::default()),
            Arc::new(VirtualTime::default()),
        );
        queue.push(slow.clone(), "slow");
        queue.push(quick.clone(), "quick");
        let mut turns = Vec::new();
        for _ in 0..9 {
            let item = queue.pop(TURN).expect("both go on");
            turns.push(item);
            if item == "quick" {
                quick.refund(TURN / 2);
                queue.push(quick.clone(), item);
            } else {
                queue.push(slow.clone(), item);
            }
        }
        assert_eq!(turns.iter().filter(|&&item| item == "quick").count(), 6);
    }

    #[test]
    fn a_pool_that_did_nothing_for_long_gets_only_some_of_it_back() {
        let queue = FairQueue::new();
        let (busy, back) = (
            Arc::new(VirtualTime::default()),
            Arc::new(VirtualTime::default()),
        );
        for _ in 0..1_000 {
            queue.push(busy.clone(), "busy");
            assert_eq!(take(&queue, 1), ["busy"]);
        }
        for _ in 0..30 {
            queue.push(back.clone(), "back");
            queue.push(busy.clone(), "busy");
        }
        let first = take(&queue, 60)
            .iter()
            .position(|&item| item == "busy")
            .expect("it has its turn");
        assert!((10..=12).contains(&first), "{first}");
    }
}
