//! The pool as JavaScript holds it.

use crate::bridge::Bridge;
use crate::cache::{BindingHistogram, histogram};
use crate::caller::{Caller, Functions, Target};
use crate::checkout::BindingCheckout;
use crate::code::BindingCode;
use crate::failure;
use crate::guest::{BindingGuestOptions, duration};
use crate::host;
use crate::info::{BindingTracker, metrics_object};
use crate::js::{Js, Raw};
use crate::queue::{Item, Outcome};
use napi::Env;
use napi::bindgen_prelude::Uint32Array;
use napi_derive::napi;
use riptide_wasm_runtime::error::ErrorCode;
use riptide_wasm_runtime::pool;
use riptide_wasm_runtime::pool::{BreakerOptions, Listener, Pool, PoolOptions, Reason, Ticket};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::Sender;

/// The options of a pool: checked and complete.
#[napi(object)]
pub struct BindingPoolOptions {
    /// The id that the pool's events carry; 0: no events are sent.
    pub id: u32,
    /// The ticket that host functions get if a start function calls them and no call waits for it.
    pub context: f64,
    pub min: u32,
    pub max: u32,
    pub max_queue: Option<u32>,
    pub acquire_timeout_millis: Option<f64>,
    pub idle_timeout_millis: Option<f64>,
    pub max_uses: Option<u32>,
    pub recycle_above_pages: Option<u32>,
    pub reuse: bool,
    pub timeout_millis: Option<f64>,
    pub breaker: Option<BindingBreakerOptions>,
    pub guest: BindingGuestOptions,
    /// In pairs: the index of an import, and the number of the function for it.
    pub imports: Uint32Array,
}

/// The options of a breaker.
#[napi(object)]
pub struct BindingBreakerOptions {
    pub error_threshold_percentage: f64,
    pub volume_threshold: u32,
    pub reset_timeout_millis: f64,
    pub rolling_count_timeout_millis: f64,
    pub rolling_count_buckets: u32,
    pub error_filter: Vec<String>,
}

impl From<BindingBreakerOptions> for BreakerOptions {
    fn from(options: BindingBreakerOptions) -> BreakerOptions {
        BreakerOptions {
            error_threshold_percentage: options.error_threshold_percentage,
            volume_threshold: options.volume_threshold,
            reset_timeout: duration(options.reset_timeout_millis).unwrap_or_default(),
            rolling_count_timeout: duration(options.rolling_count_timeout_millis)
                .unwrap_or_default(),
            rolling_count_buckets: options.rolling_count_buckets,
            error_filter: ErrorCode::ALL
                .into_iter()
                .filter(|code| {
                    options
                        .error_filter
                        .iter()
                        .any(|name| name == code.as_str())
                })
                .collect(),
        }
    }
}

fn named<const N: usize>(names: [&'static str; N], counts: [u64; N]) -> HashMap<String, f64> {
    names
        .map(str::to_owned)
        .into_iter()
        .zip(counts.map(|count| count as f64))
        .collect()
}

/// The numbers of a pool.
#[napi(object)]
pub struct BindingPoolStats {
    pub size: f64,
    pub idle: f64,
    pub active: f64,
    pub waiting: f64,
    pub created: f64,
    #[napi(ts_type = "Record<string, number>")]
    pub destroyed: HashMap<String, f64>,
    #[napi(ts_type = "Record<string, number>")]
    pub outcomes: HashMap<String, f64>,
    /// `None` if the engine's metrics are off; the same for `queue_wait`.
    pub call_duration: Option<BindingHistogram>,
    pub queue_wait: Option<BindingHistogram>,
    pub breaker: Option<BindingBreakerStats>,
}

/// The numbers of a breaker.
#[napi(object)]
pub struct BindingBreakerStats {
    #[napi(ts_type = "'closed' | 'open' | 'halfOpen'")]
    pub state: String,
    pub reset_millis: f64,
    pub successes: f64,
    pub failures: f64,
    pub rejected: f64,
    pub opened: f64,
}

/// Growths that were denied.
#[napi(object)]
pub struct BindingDeniedGrowth {
    pub requested: f64,
    pub held: f64,
    pub limit: f64,
    pub limited_by: String,
    pub count: f64,
}

/// What the bridge keeps of a pool while the pool's object or one of its calls lives.
pub(crate) struct PoolState {
    pub(crate) pool: Pool,
    pub(crate) functions: Functions,
    pub(crate) in_flight: Cell<usize>,
    /// Whether every [`PoolHandle`] is gone, so that the pool gets no more calls.
    collected: Cell<bool>,
    pub(crate) tickets: RefCell<HashMap<u64, Ticket>>,
}

impl PoolState {
    /// Notes that a call has settled; its ticket ends.
    pub(crate) fn settled(&self, ticket: Option<u64>) {
        self.in_flight.set(self.in_flight.get() - 1);
        if let Some(ticket) = ticket {
            self.tickets.borrow_mut().remove(&ticket);
        }
    }

    /// Whether the pool gets no more calls, and none is in flight.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.collected.get() && self.in_flight.get() == 0
    }

    /// Ends the pool together with its environment, and sends to `gone` when its guests are gone.
    pub(crate) fn end(&self, gone: Sender<()>) {
        self.pool.destroy(Box::new(move |_| {
            // Sending fails if this took so long that the environment no longer waits.
            let _ = gone.send(());
        }));
    }
}

/// Held by every object that can call the pool. When the last handle is gone, the pool ends as soon as its calls have
/// settled.
pub(crate) struct PoolHandle {
    pub(crate) state: Rc<PoolState>,
    bridge: Rc<Bridge>,
    /// The pool's place in the bridge.
    pub(crate) place: usize,
}

impl Drop for PoolHandle {
    fn drop(&mut self) {
        self.state.collected.set(true);
        self.bridge.release(self.place);
    }
}

/// A pool of instances.
#[napi]
pub struct BindingPool {
    owner: Rc<PoolHandle>,
    bridge: Rc<Bridge>,
}

#[napi]
impl BindingPool {
    #[napi(constructor)]
    pub fn new(
        env: Env,
        code: &BindingCode,
        options: BindingPoolOptions,
    ) -> napi::Result<BindingPool> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let bridge = Bridge::of(js)?;
            let code = code.code().clone();
            let (queue, id) = (bridge.queue().clone(), options.id);
            let options = PoolOptions {
                min: options.min,
                max: options.max,
                max_queue: options.max_queue,
                acquire_timeout: options.acquire_timeout_millis.and_then(duration),
                idle_timeout: options.idle_timeout_millis.and_then(duration),
                max_uses: options.max_uses,
                recycle_above_pages: options.recycle_above_pages,
                reuse: options.reuse,
                timeout: options.timeout_millis.and_then(duration),
                breaker: options.breaker.map(Into::into),
                guest: options.guest.into(),
                imports: host::functions(bridge.queue(), &code, &options.imports),
                listener: (id != 0)
                    .then(|| Box::new(move |event| queue.push(Item::Event(id, event))) as Listener),
                context: options.context as u64,
            };
            let state = Rc::new(PoolState {
                pool: Pool::new(&code, options)?,
                functions: Functions::new(code),
                in_flight: Cell::new(0),
                collected: Cell::new(false),
                tickets: RefCell::default(),
            });
            let place = bridge.register(state.clone());
            let owner = Rc::new(PoolHandle {
                state,
                bridge: bridge.clone(),
                place,
            });
            Ok(BindingPool { owner, bridge })
        })
    }

    /// The number of an exported function, for `caller` and `bind`.
    #[napi]
    pub fn find(&self, env: Env, name: String) -> napi::Result<u32> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.owner.state.functions.find(&name)? as u32)
        })
    }

    /// The function that calls the pool. `ticket`: the caller's number for `abort`. `flags`: 1, a call of this pool
    /// waits for this one; 2, the result is `{ value, stats }`.
    #[napi(
        ts_return_type = "(fn: number, args: readonly unknown[], timeoutMillis?: number, ticket?: number, flags?: number) => Promise<unknown>"
    )]
    pub fn caller(&self, env: Env) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || self.as_caller().call_function(js))
    }

    /// A function that calls one export with the arguments it is given.
    #[napi(ts_return_type = "(...args: unknown[]) => Promise<unknown>")]
    pub fn bind(&self, env: Env, number: u32) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || self.as_caller().bound_function(js, number as usize))
    }

    /// A checkout that has no instance yet.
    #[napi]
    pub fn checkout(&self) -> BindingCheckout {
        BindingCheckout::new(self.as_caller())
    }

    /// Emits only these events from now on: 1 growth denied, 2 instance created, 4 instance destroyed, 8 breaker
    /// changed.
    #[napi]
    pub fn listen(&self, bits: u32) {
        self.owner.state.pool.listen(bits);
    }

    /// Takes the last growth that was denied since the previous call, with the number of those denied.
    #[napi]
    pub fn take_denied(&self) -> Option<BindingDeniedGrowth> {
        let denied = self.owner.state.pool.take_denied()?;
        Some(BindingDeniedGrowth {
            requested: denied.requested as f64,
            held: denied.held as f64,
            limit: denied.limit as f64,
            limited_by: denied.by.into(),
            count: denied.count as f64,
        })
    }

    /// Settles when `min` instances are warm.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn ready(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.ready(done))
    }

    /// Aborts the call that was given this ticket, if it has not ended.
    #[napi]
    pub fn abort(&self, env: Env, ticket: f64) -> napi::Result<()> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let ticket = self
                .owner
                .state
                .tickets
                .borrow_mut()
                .remove(&(ticket as u64));
            if let Some(ticket) = ticket {
                ticket.abort();
            }
            Ok(())
        })
    }

    /// Takes no more calls, and settles when the last one has ended.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.close(done))
    }

    /// Ends every call now.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn destroy(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.destroy(done))
    }

    /// The current numbers.
    #[napi(getter)]
    pub fn stats(&self, env: Env) -> napi::Result<BindingPoolStats> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            let stats = self.owner.state.pool.stats();
            let durations = stats.durations.as_ref();
            Ok(BindingPoolStats {
                size: stats.size as f64,
                idle: stats.idle as f64,
                active: stats.active as f64,
                waiting: stats.waiting as f64,
                created: stats.created as f64,
                destroyed: named(Reason::ALL.map(Reason::as_str), stats.destroyed),
                outcomes: named(
                    pool::Outcome::ALL.map(pool::Outcome::as_str),
                    stats.outcomes,
                ),
                call_duration: durations.map(|durations| histogram(&durations.call)),
                queue_wait: durations.map(|durations| histogram(&durations.queue_wait)),
                breaker: stats.breaker.map(|breaker| BindingBreakerStats {
                    state: breaker.state.as_str().into(),
                    reset_millis: breaker.reset.as_secs_f64() * 1e3,
                    successes: breaker.successes as f64,
                    failures: breaker.failures as f64,
                    rejected: breaker.rejected as f64,
                    opened: breaker.opened as f64,
                }),
            })
        })
    }

    /// The memory of all its instances.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.owner.state.pool.tracker().into())
        })
    }

    /// The metrics of the specification over this pool.
    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics(&self, env: Env) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || metrics_object(js, self.owner.state.pool.metrics()))
    }
}

type UnitDone = Box<dyn FnOnce(riptide_wasm_runtime::error::Result<()>) + Send>;

impl BindingPool {
    fn as_caller(&self) -> Caller {
        Caller {
            owner: self.owner.clone(),
            bridge: self.bridge.clone(),
            target: Target::Pool,
        }
    }

    fn work(&self, env: Env, start: impl FnOnce(&Pool, UnitDone)) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            self.bridge.submit(js, None, |reply| {
                start(
                    &self.owner.state.pool,
                    Box::new(move |result| reply.settle(Outcome::Nothing(result))),
                );
            })
        })
    }
}
