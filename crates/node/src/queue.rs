//! The way back to the event loop: finished work is pushed from any thread, and one wake-up brings JavaScript's thread
//! to take it all.

use crate::host::Request;
use crate::js::{Js, JsResult, Raw};
use crate::shared_tier;
use crossbeam_queue::SegQueue;
use napi::sys;
use riptide_wasm_runtime::error::{Error, ErrorCode, Result};
use riptide_wasm_runtime::pool::{Answer, Event};
use riptide_wasm_runtime::value::FunctionType;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The handle that settles a promise, as a number: other threads carry it, only JavaScript's thread uses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deferred(usize);

impl Deferred {
    pub(crate) fn new(deferred: sys::napi_deferred) -> Deferred {
        Deferred(deferred as usize)
    }

    pub(crate) fn raw(self) -> sys::napi_deferred {
        self.0 as sys::napi_deferred
    }
}

/// Which call of which pool a promise belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallKey {
    /// The pool's place in the bridge.
    pub(crate) pool: usize,
    /// The caller's number for the call, if the call can be aborted.
    pub(crate) ticket: Option<u64>,
}

/// Makes the value of a promise, on JavaScript's thread.
pub(crate) type Make = Box<dyn FnOnce(Js) -> JsResult<Raw> + Send>;

/// How asynchronous work ended.
pub(crate) enum Outcome {
    Answer(Result<Answer>, Arc<FunctionType>),
    Made(Result<Make>),
    Nothing(Result<()>),
}

/// Something for JavaScript's thread to do.
pub(crate) enum Item {
    Settle {
        deferred: Deferred,
        call: Option<CallKey>,
        outcome: Outcome,
    },
    /// Something happened in the pool of this id.
    Event(u32, Event),
    /// A guest calls a host function.
    Host(Request),
    /// A guest stopped waiting for a host function.
    HostGone(u64),
    /// A load asks, or gives to, JavaScript's store of compiled code.
    SharedTier(shared_tier::Request),
}

/// The thread-safe functions of a live environment.
struct Wakers {
    /// Two, used in turn. If a function is called again while Node's dispatch loop runs it, the loop goes on with it,
    /// up to 1000 rounds, and the rest of the event loop would wait for all of them. Null once the environment ends.
    functions: [sys::napi_threadsafe_function; 2],
}

// SAFETY: Node-API lets any thread call a thread-safe function that is not released. The pointers are used only under
// the mutex around this struct, and are null from before they are released.
unsafe impl Send for Wakers {}

/// The part of a bridge that every thread may use.
pub(crate) struct Queue {
    items: SegQueue<Item>,
    /// Whether a wake-up is on its way.
    scheduled: AtomicBool,
    closed: AtomicBool,
    wakers: Mutex<Wakers>,
    /// Which of the functions is next. Not under the lock, since threads of low priority may hold that.
    turn: AtomicUsize,
    next_host_call: AtomicU64,
}

impl Queue {
    pub(crate) fn new(functions: [sys::napi_threadsafe_function; 2]) -> Queue {
        Queue {
            items: SegQueue::new(),
            scheduled: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            wakers: Mutex::new(Wakers { functions }),
            turn: AtomicUsize::new(0),
            next_host_call: AtomicU64::new(1),
        }
    }

    /// Passes an item to JavaScript's thread. After the end of the environment, the item is dropped.
    pub(crate) fn push(&self, item: Item) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        self.items.push(item);
        self.wake();
    }

    /// Wakes JavaScript's thread, unless a wake-up is on its way.
    pub(crate) fn wake(&self) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            let wakers = self.wakers();
            let function = wakers.functions[self.turn.load(Ordering::Acquire) % 2];
            if !function.is_null() {
                // SAFETY: not released while the mutex is held and the pointer is not null. Non-blocking on an
                // unbounded queue: it neither waits nor fails for want of room.
                unsafe {
                    sys::napi_call_threadsafe_function(
                        function,
                        ptr::null_mut(),
                        sys::ThreadsafeFunctionCallMode::nonblocking,
                    )
                };
            }
        }
    }

    /// Notes that JavaScript's thread is awake: from here on a push wakes it again, through the other function.
    pub(crate) fn awake(&self) {
        self.turn.fetch_add(1, Ordering::AcqRel);
        // Before the first `pop`, and as an exchange, so that this thread sees every item whose push found a wake-up on
        // its way.
        self.scheduled.swap(false, Ordering::AcqRel);
    }

    /// JavaScript's thread polls by itself until the guard is dropped, and need not be woken. Returns `None` if a
    /// wake-up is on its way already.
    pub(crate) fn hold(&self) -> Option<Looking<'_>> {
        (!self.scheduled.swap(true, Ordering::AcqRel)).then(|| Looking(self))
    }

    pub(crate) fn pop(&self) -> Option<Item> {
        self.items.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Closes the queue, and returns the functions for release. Every later push is dropped.
    pub(crate) fn close(&self) -> [sys::napi_threadsafe_function; 2] {
        self.closed.store(true, Ordering::Release);
        let functions = std::mem::replace(&mut self.wakers().functions, [ptr::null_mut(); 2]);
        while self.items.pop().is_some() {}
        functions
    }

    pub(crate) fn next_host_call(&self) -> u64 {
        self.next_host_call.fetch_add(1, Ordering::Relaxed)
    }

    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        // No code that can panic runs under the lock.
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard while JavaScript's thread polls the queue by itself.
pub(crate) struct Looking<'a>(&'a Queue);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.scheduled.swap(false, Ordering::AcqRel);
        // Items that came since then wake the thread.
        if !self.0.items.is_empty() {
            self.0.wake();
        }
    }
}

/// Settles one promise. Dropped unsettled, it rejects the promise, so that no caller waits for ever.
pub(crate) struct Reply {
    queue: Arc<Queue>,
    deferred: Deferred,
    call: Option<CallKey>,
    settled: bool,
}

impl Reply {
    pub(crate) fn new(queue: Arc<Queue>, deferred: Deferred, call: Option<CallKey>) -> Reply {
        Reply {
            queue,
            deferred,
            call,
            settled: false,
        }
    }

    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.push(outcome);
    }

    /// Settles with a failure, or with the value that `make` makes of the outcome on JavaScript's thread.
    pub(crate) fn make<T: Send + 'static>(
        self,
        outcome: Result<T>,
        make: impl FnOnce(Js, T) -> JsResult<Raw> + Send + 'static,
    ) {
        self.settle(Outcome::Made(
            outcome.map(|value| -> Make { Box::new(move |js| make(js, value)) }),
        ));
    }

    fn push(&mut self, outcome: Outcome) {
        self.settled = true;
        self.queue.push(Item::Settle {
            deferred: self.deferred,
            call: self.call,
            outcome,
        });
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.settled {
            self.push(Outcome::Nothing(Err(Error::new(
                ErrorCode::Internal,
                "the work was dropped before it ended",
            ))));
        }
    }
}
