//! One Node environment's side of the native work: the promises in flight, the handle that keeps the process alive, and
//! the clean-up at the environment's end.
//!
//! A process has one environment on the main thread and one on each worker thread that loads the addon.

use crate::failure;
use crate::host::PendingHostCalls;
use crate::js::{Fault, Js, JsResult, Raw};
use crate::pool::PoolState;
use crate::queue::{CallKey, Deferred, Item, Outcome, Queue, Reply};
use crate::shared_tier::PendingGets;
use crate::to_js;
use napi::sys::{self, Status};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How long one drain may settle promises before it gives the event loop a turn.
const TURN: Duration = Duration::from_millis(1);

/// How long a drain waits for the next item: about as long as a worker takes for a short call.
const SPIN: Duration = Duration::from_micros(3);

/// After `SPIN_CREDIT` waits in a row without an item, the bridge does not wait the next `SPIN_COOLDOWN` times.
const SPIN_CREDIT: i32 = 4;
const SPIN_COOLDOWN: i32 = 64;

/// How long the end of an environment waits for its guests to be gone: several epochs. A guest that is still stuck in
/// the system then is left behind.
const LEAVE: Duration = Duration::from_millis(100);

thread_local! {
    /// The bridge of this thread's environment.
    static BRIDGE: RefCell<Option<Rc<Bridge>>> = const { RefCell::new(None) };
}

/// One environment's side of the native work. Stays on the environment's thread.
pub(crate) struct Bridge {
    env: sys::napi_env,
    queue: Arc<Queue>,
    /// Referenced while anything is in flight: it keeps the event loop alive.
    keep_alive: sys::napi_threadsafe_function,
    in_flight: Cell<usize>,
    /// Above zero while waiting for the next item pays.
    spin_credit: Cell<i32>,
    /// An item that was taken from the queue and must wait for the next drain.
    first: Cell<Option<Item>>,
    /// Live pools by place; a place is used again once its pool is gone.
    pools: RefCell<Vec<Option<Rc<PoolState>>>>,
    host_calls: PendingHostCalls,
    pending_gets: PendingGets,
    closed: Cell<bool>,
}

impl Bridge {
    /// The bridge of this environment, made at its first use.
    pub(crate) fn of(js: Js) -> JsResult<Rc<Bridge>> {
        let found = BRIDGE.with_borrow(|bridge| {
            bridge
                .as_ref()
                .filter(|bridge| bridge.env == js.raw())
                .cloned()
        });
        match found {
            Some(bridge) => Ok(bridge),
            None => Bridge::open(js),
        }
    }

    fn open(js: Js) -> JsResult<Rc<Bridge>> {
        if BRIDGE.with_borrow(Option::is_some) {
            let message = "another environment of this thread uses the addon already";
            return Err(Error::new(ErrorCode::Unsupported, message)
                .text("feature", "several environments")
                .into());
        }
        let functions = [waker(js)?, waker(js)?];
        let bridge = Rc::new(Bridge {
            env: js.raw(),
            queue: Arc::new(Queue::new(functions)),
            keep_alive: functions[0],
            in_flight: Cell::new(0),
            spin_credit: Cell::new(SPIN_CREDIT),
            first: Cell::new(None),
            pools: RefCell::default(),
            host_calls: PendingHostCalls::default(),
            pending_gets: PendingGets::default(),
            closed: Cell::new(false),
        });
        // Hooks run in reverse: this one, added after the thread-safe functions were made, runs before theirs.
        // SAFETY: alive environment on its thread; the hook needs no data.
        if unsafe { sys::napi_add_env_cleanup_hook(js.raw(), Some(clean_up), ptr::null_mut()) }
            != Status::napi_ok
        {
            return Err(Error::new(ErrorCode::Internal, "no clean-up hook").into());
        }
        BRIDGE.set(Some(bridge.clone()));
        Ok(bridge)
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(crate) fn host_calls(&self) -> &PendingHostCalls {
        &self.host_calls
    }

    pub(crate) fn pending_gets(&self) -> &PendingGets {
        &self.pending_gets
    }

    /// Whether the environment has ended: no call into it is allowed any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// A promise for work that `start` begins.
    pub(crate) fn submit(
        &self,
        js: Js,
        call: Option<CallKey>,
        start: impl FnOnce(Reply),
    ) -> JsResult<Raw> {
        let (deferred, promise) = js.promise()?;
        if self.in_flight.replace(self.in_flight.get() + 1) == 0 && !self.closed.get() {
            // SAFETY: this is the environment's thread, and the function is not released before `closed`.
            unsafe { sys::napi_ref_threadsafe_function(self.env, self.keep_alive) };
        }
        // The only call in flight: its answer may be there before the event loop could sleep.
        let alone = self.in_flight.get() == 1 && self.queue.is_empty();
        let looking = alone.then(|| self.queue.hold()).flatten();
        start(Reply::new(
            self.queue.clone(),
            Deferred::new(deferred),
            call,
        ));
        if let Some(looking) = looking {
            let settled = self
                .spin_for_next()
                .is_none_or(|item| self.settle_now(js, item));
            drop(looking);
            if !settled {
                self.queue.wake();
            }
        }
        Ok(promise)
    }

    /// Settles a promise in the middle of JavaScript. Any other item would call JavaScript, and is kept for the next
    /// drain. Returns whether it settled.
    fn settle_now(&self, js: Js, item: Item) -> bool {
        if !matches!(item, Item::Settle { .. }) {
            self.first.set(Some(item));
            return false;
        }
        if let Err(fault) = failure::guarded(|| self.process(js, item)) {
            // As in `drain`: only in an environment that is ending.
            let _ = failure::of_fault(js, fault);
        }
        true
    }

    /// Gives a pool a place, and returns it.
    pub(crate) fn register(&self, pool: Rc<PoolState>) -> usize {
        let mut pools = self.pools.borrow_mut();
        match pools.iter().position(Option::is_none) {
            Some(place) => {
                pools[place] = Some(pool);
                place
            }
            None => {
                pools.push(Some(pool));
                pools.len() - 1
            }
        }
    }

    /// Forgets a pool whose object is gone, once none of its calls is in flight.
    pub(crate) fn release(&self, place: usize) {
        let gone = match self.pools.borrow_mut().get_mut(place) {
            Some(entry) if entry.as_ref().is_some_and(|pool| pool.is_abandoned()) => entry.take(),
            _ => None,
        };
        // Dropped outside the borrow: dropping the last handle runs other code.
        drop(gone);
    }

    /// Processes items, for at most one [`TURN`].
    fn drain(&self, js: Js) {
        self.queue.awake();
        let start = Instant::now();
        let next = || self.first.take().or_else(|| self.queue.pop());
        while let Some(item) = next().or_else(|| self.spin_for_next()) {
            let Ok(_scope) = js.scope() else { return };
            if let Err(fault) = failure::guarded(|| self.process(js, item)) {
                // A promise that could not be settled at all: only in an environment that is ending.
                let _ = failure::of_fault(js, fault);
            }
            if start.elapsed() >= TURN {
                if !self.queue.is_empty() {
                    self.queue.wake();
                }
                return;
            }
        }
    }

    /// Waits for another item, up to [`SPIN`], if calls are in flight and recent waits paid: going back to
    /// the event loop and being woken again costs more.
    fn spin_for_next(&self) -> Option<Item> {
        let spin_credit = self.spin_credit.get();
        if self.in_flight.get() == 0 {
            return None;
        }
        if spin_credit <= 0 {
            self.spin_credit.set(spin_credit + 1); // tries again some time
            return None;
        }
        let start = Instant::now();
        while start.elapsed() < SPIN {
            if let Some(item) = self.queue.pop() {
                self.spin_credit.set(SPIN_CREDIT);
                return Some(item);
            }
            std::hint::spin_loop();
        }
        self.spin_credit.set(if spin_credit == 1 {
            -SPIN_COOLDOWN
        } else {
            spin_credit - 1
        });
        None
    }

    fn process(&self, js: Js, item: Item) -> JsResult<()> {
        match item {
            Item::Settle {
                deferred,
                call,
                outcome,
            } => {
                if self.in_flight.replace(self.in_flight.get() - 1) == 1 {
                    // SAFETY: as in `submit`; a drain never runs after the clean-up.
                    unsafe { sys::napi_unref_threadsafe_function(self.env, self.keep_alive) };
                }
                if let Some(call) = call {
                    let pool = self.pools.borrow().get(call.pool).cloned().flatten();
                    if let Some(pool) = pool {
                        pool.settled(call.ticket);
                        self.release(call.pool);
                    }
                }
                settle(js, deferred, outcome)
            }
            Item::Event(pool, event) => self.host_calls.tell(js, pool, event),
            Item::Host(request) => self.host_calls.dispatch(js, request),
            Item::HostGone(call) => {
                self.host_calls.forget(call);
                Ok(())
            }
            Item::SharedTier(request) => self.pending_gets.dispatch(js, request),
        }
    }

    /// Ends the native work of this environment: no thread calls into it from here on.
    fn close(&self) {
        self.closed.set(true);
        let functions = self.queue.close();
        for function in functions {
            if !function.is_null() {
                // SAFETY: taken out under the queue's lock, so no other thread can use it; Node frees it after its own
                // hook.
                unsafe {
                    sys::napi_release_threadsafe_function(
                        function,
                        sys::ThreadsafeFunctionReleaseMode::release,
                    )
                };
            }
        }
        drop(self.first.take());
        self.host_calls.clear();
        self.pending_gets.clear();
        let pools: Vec<_> = self.pools.take().into_iter().flatten().collect();
        let (sender, receiver) = mpsc::channel();
        for pool in &pools {
            pool.end(sender.clone());
        }
        drop(sender);
        // Each pool sends a message when its last guest is gone.
        let deadline = Instant::now() + LEAVE;
        while let Some(rest) = deadline.checked_duration_since(Instant::now())
            && receiver.recv_timeout(rest).is_ok()
        {}
    }
}

/// A promise that is rejected already.
pub(crate) fn rejected(js: Js, fault: Fault) -> JsResult<Raw> {
    match failure::of_fault(js, fault) {
        Some(value) => {
            let (deferred, promise) = js.promise()?;
            js.reject(deferred, value)?;
            Ok(promise)
        }
        None => Err(Fault::Thrown),
    }
}

fn settle(js: Js, deferred: Deferred, outcome: Outcome) -> JsResult<()> {
    // A panic in a conversion must fail this promise, not only be caught.
    let settled = failure::guarded(|| {
        Ok(match outcome {
            Outcome::Answer(Ok(answer), ty) => {
                let value = to_js::results(js, &answer.values, &ty)?;
                match answer.stats {
                    Some(stats) => Ok(to_js::measured(js, value, &stats)?),
                    None => Ok(value),
                }
            }
            Outcome::Made(Ok(make)) => Ok(make(js)?),
            Outcome::Nothing(Ok(())) => Ok(js.undefined()?),
            Outcome::Answer(Err(error), _)
            | Outcome::Made(Err(error))
            | Outcome::Nothing(Err(error)) => Err(failure::object(js, &error)?),
        })
    });
    match settled {
        Ok(Ok(value)) => js.resolve(deferred.raw(), value),
        Ok(Err(value)) => js.reject(deferred.raw(), value),
        Err(fault) => match failure::of_fault(js, fault) {
            Some(value) => js.reject(deferred.raw(), value),
            None => Ok(()),
        },
    }
}

/// A thread-safe function that drains this environment's queue and does not keep the process alive.
fn waker(js: Js) -> JsResult<sys::napi_threadsafe_function> {
    let name = js.string("riptide-wasm")?;
    let mut function = ptr::null_mut();
    // SAFETY: alive environment on its thread; no JavaScript function, no data and no finalizer, so nothing dangles.
    let status = unsafe {
        sys::napi_create_threadsafe_function(
            js.raw(),
            ptr::null_mut(),
            ptr::null_mut(),
            name,
            0,
            1,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
            Some(drain),
            &mut function,
        )
    };
    if status != Status::napi_ok {
        return Err(Error::new(
            ErrorCode::Internal,
            format!("no thread-safe function: status {status}"),
        )
        .into());
    }
    // SAFETY: the function was made just now on this thread.
    unsafe { sys::napi_unref_threadsafe_function(js.raw(), function) };
    Ok(function)
}

/// Node calls this on the environment's thread after a wake-up.
unsafe extern "C" fn drain(
    env: sys::napi_env,
    _function: Raw,
    _context: *mut c_void,
    _data: *mut c_void,
) {
    // When the environment is ending, Node calls this without one, to empty its own queue.
    if env.is_null() {
        return;
    }
    // SAFETY: Node gave the environment on its own thread; `js` ends with this call.
    let js = unsafe { Js::new(env) };
    let bridge =
        BRIDGE.with_borrow(|bridge| bridge.as_ref().filter(|bridge| bridge.env == env).cloned());
    if let Some(bridge) = bridge {
        // A panic must not unwind into Node.
        let _ = failure::guarded(|| {
            bridge.drain(js);
            Ok(())
        });
    }
}

/// Node calls this on the environment's thread when the environment ends.
unsafe extern "C" fn clean_up(_data: *mut c_void) {
    let bridge = BRIDGE.take();
    if let Some(bridge) = bridge {
        // A panic must not unwind into Node.
        let _ = failure::guarded(|| {
            bridge.close();
            Ok(())
        });
    }
}
