//! Tasks, and the two groups of threads between which they move.

use super::epoch::TICK;
use super::fair_queue::{FairQueue, VirtualTime};
use super::timestamp::Timestamp;
use crossbeam_queue::SegQueue;
use futures_util::task::AtomicWaker;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

/// What a task runs.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The group where every task begins: no task computes there for much longer than an epoch.
pub(super) const FOREGROUND: usize = 0;

/// The group of tasks that computed for a whole epoch.
pub(super) const BACKGROUND: usize = 1;

/// Where a task goes when its poll ends.
#[derive(Clone, Copy)]
enum Move {
    Stay,
    /// To the background, behind tasks of pools that computed less.
    Demote,
    /// To either group, as a new task.
    Requeue {
        background: bool,
    },
}

thread_local! {
    /// Where the task that is being polled on this thread asked to go.
    static MOVE: Cell<Move> = const { Cell::new(Move::Stay) };
}

/// Moves the task that is being polled to the background: it computed for a whole epoch. Takes effect when its poll
/// ends as pending.
pub(crate) fn demote() {
    MOVE.set(Move::Demote);
}

/// Queues the task that is being polled as a new one, in the background or in the foreground: it begins a new call.
/// Takes effect when its poll ends as pending.
pub(crate) fn requeue(background: bool) {
    MOVE.set(Move::Requeue { background });
}

/// Both groups of one set of workers.
pub(super) struct Groups {
    /// Not 0, and different for each set of workers.
    pub(super) id: u64,
    pub(super) groups: [Group; 2],
}

/// What the threads of one group share.
pub(super) struct Group {
    pub(super) queue: Queue,
    /// One bit for each worker that is parked in its runtime.
    pub(super) parked: AtomicU64,
    pub(super) spinning: AtomicBool,
    pub(super) stopping: AtomicBool,
    pub(super) signals: Box<[Arc<Signal>]>,
}

impl Group {
    pub(super) fn new(count: usize, queue: Queue) -> Group {
        let signal = |_| {
            Arc::new(Signal {
                woken: AtomicBool::new(false),
                asleep: AtomicBool::new(false),
                driver: AtomicWaker::new(),
            })
        };
        Group {
            queue,
            parked: AtomicU64::new(0),
            spinning: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            signals: (0..count).map(signal).collect(),
        }
    }

    pub(super) fn push(&self, task: Task) {
        self.queue.push(task);
        self.wake_one();
    }

    pub(super) fn wake_one(&self) {
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

pub(super) enum Queue {
    /// First come, first served.
    InOrder(SegQueue<Task>),
    /// Tasks of the pool that computed least come first.
    Fair(FairQueue<Task>),
}

impl Queue {
    fn push(&self, task: Task) {
        match self {
            Queue::InOrder(queue) => queue.push(task),
            Queue::Fair(queue) => queue.push(task.usage.clone(), task),
        }
    }

    pub(super) fn pop(&self) -> Option<Task> {
        match self {
            Queue::InOrder(queue) => queue.pop(),
            Queue::Fair(queue) => queue.pop(TICK).map(|task| Task {
                charged: TICK,
                ..task
            }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Queue::InOrder(queue) => queue.is_empty(),
            Queue::Fair(queue) => queue.is_empty(),
        }
    }
}

/// Wakes one worker. While the worker is up this is one store; only a parked one costs a system call.
pub(super) struct Signal {
    pub(super) woken: AtomicBool,
    pub(super) asleep: AtomicBool,
    pub(super) driver: AtomicWaker,
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

/// A unit of work, in either group.
pub(super) struct Task {
    /// `None` once the task has ended, or moved to a new one.
    work: Option<Work>,
    usage: Arc<VirtualTime>,
    /// The time that its pool was charged in advance for the next poll.
    charged: Duration,
    /// Weak: the groups hold tasks.
    groups: Weak<Groups>,
}

impl Task {
    pub(super) fn new(work: Work, usage: Arc<VirtualTime>, groups: Weak<Groups>) -> Task {
        Task {
            work: Some(work),
            usage,
            charged: Duration::ZERO,
            groups,
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = self.work.take() else {
            return Poll::Ready(());
        };
        MOVE.set(Move::Stay);
        let began = Timestamp::now();
        let polled = work.as_mut().poll(context);
        let charged = std::mem::take(&mut self.charged);
        self.usage.charge(began.elapsed());
        self.usage.refund(charged);
        if polled.is_ready() {
            return Poll::Ready(());
        }
        let to = match MOVE.get() {
            Move::Stay => None,
            Move::Demote => Some(BACKGROUND),
            Move::Requeue { background } => Some(usize::from(background)),
        };
        if let (Some(group), Some(groups)) = (to, self.groups.upgrade()) {
            // A waker of this thread finds an empty task from now on. The new task registers its wakers when its group
            // polls it.
            let task = Task::new(work, self.usage.clone(), self.groups.clone());
            groups.groups[group].push(task);
            return Poll::Ready(());
        }
        self.work = Some(work);
        Poll::Pending
    }
}
