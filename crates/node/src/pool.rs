//! The pool as JavaScript holds it, and the way of a call.

use crate::bridge::{self, Bridge};
use crate::code::BindingCode;
use crate::engine::BindingEngine;
use crate::failure;
use crate::from_js;
use crate::host::{self, BindingImport};
use crate::info::{BindingTracker, metrics_object};
use crate::js::{Js, JsResult, Kind, Raw};
use crate::queue::{CallKey, Outcome};
use crate::shape::{Callable, Signature};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use riptide_wasm_runtime::call::{Call, Ticket};
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{Pool, PoolOptions};
use riptide_wasm_runtime::value::{Limits, Value};
use riptide_wasm_runtime::wasi::WasiOptions;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The options of a pool: checked and complete.
#[napi(object)]
pub struct BindingPoolOptions {
    pub min: u32,
    pub max: u32,
    pub reuse: bool,
    pub exclusive: bool,
    pub timeout_millis: Option<f64>,
    pub max_memory_pages: u32,
    pub max_result_bytes: f64,
    pub max_result_values: f64,
    pub wasi: Option<BindingWasiOptions>,
    pub imports: Vec<BindingImport>,
}

/// What a guest sees of the world.
#[napi(object)]
pub struct BindingWasiOptions {
    pub args: Vec<String>,
    #[napi(ts_type = "Array<[string, string]>")]
    pub env: Vec<(String, String)>,
}

impl From<BindingWasiOptions> for WasiOptions {
    fn from(options: BindingWasiOptions) -> WasiOptions {
        WasiOptions {
            args: options.args,
            env: options.env,
        }
    }
}

/// The numbers of a pool.
#[napi(object)]
pub struct BindingPoolStats {
    pub size: f64,
    pub idle: f64,
    pub active: f64,
    pub waiting: f64,
    pub created: f64,
    pub destroyed: f64,
    pub completed: f64,
    pub failed: f64,
    pub timed_out: f64,
    pub aborted: f64,
}

/// What the bridge keeps of a pool while the pool's object or one of its calls lives.
pub(crate) struct PoolState {
    pool: Pool,
    in_flight: Cell<usize>,
    /// Whether the pool's object is gone.
    collected: Cell<bool>,
    tickets: RefCell<HashMap<u64, Ticket>>,
}

impl PoolState {
    /// One call less; its ticket ends.
    pub(crate) fn settled(&self, ticket: Option<u64>) {
        self.in_flight.set(self.in_flight.get() - 1);
        if let Some(ticket) = ticket {
            self.tickets.borrow_mut().remove(&ticket);
        }
    }

    /// Whether nobody can see the pool any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.collected.get() && self.in_flight.get() == 0
    }

    /// Ends the pool together with its environment.
    pub(crate) fn end(&self) {
        self.pool.destroy(Box::new(|_| {}));
    }
}

/// A pool of instances.
#[napi]
pub struct BindingPool {
    state: Rc<PoolState>,
    bridge: Rc<Bridge>,
    place: usize,
    code: Code,
    /// Functions by the names they were called by.
    functions: Functions,
}

impl Drop for BindingPool {
    fn drop(&mut self) {
        self.state.collected.set(true);
        self.bridge.release(self.place);
    }
}

/// Functions of compiled code by the names they were called by.
#[derive(Default)]
pub(crate) struct Functions(RefCell<HashMap<String, Rc<Callable>>>);

impl Functions {
    pub(crate) fn get(&self, js: Js, code: &Code, name: Raw) -> JsResult<Rc<Callable>> {
        let name = js.as_text(name)?;
        if let Some(callable) = self.0.borrow().get(&name) {
            return Ok(callable.clone());
        }
        let function = code.function(&name)?;
        let signature = Arc::new(Signature::new(&function.ty));
        let callable = Rc::new(Callable {
            function,
            signature,
        });
        self.0.borrow_mut().insert(name, callable.clone());
        Ok(callable)
    }
}

/// Milliseconds of JavaScript as a duration.
pub(crate) fn duration(millis: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}

#[napi]
impl BindingPool {
    #[napi(constructor)]
    pub fn new(
        env: Env,
        _engine: &BindingEngine,
        code: &BindingCode,
        options: BindingPoolOptions,
    ) -> napi::Result<BindingPool> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let bridge = Bridge::of(js)?;
            let code = code.code().clone();
            let imports = host::imports(&code, options.imports);
            let options = PoolOptions {
                min: options.min,
                max: options.max,
                reuse: options.reuse,
                exclusive: options.exclusive,
                timeout: options.timeout_millis.and_then(duration),
                max_memory_pages: options.max_memory_pages,
                limits: Limits {
                    max_bytes: options.max_result_bytes as u64,
                    max_values: options.max_result_values as u64,
                },
                wasi: options.wasi.map(Into::into),
                imports: imports
                    .into_iter()
                    .map(|import| host::function(bridge.queue(), import))
                    .collect(),
            };
            let state = Rc::new(PoolState {
                pool: Pool::new(&code, options)?,
                in_flight: Cell::new(0),
                collected: Cell::new(false),
                tickets: RefCell::default(),
            });
            let place = bridge.register(state.clone());
            Ok(BindingPool {
                state,
                bridge,
                place,
                code,
                functions: Functions::default(),
            })
        })
    }

    /// Settles when `min` instances are warm.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn ready(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.ready(done))
    }

    /// Calls an exported function. `ticket` is a number of the caller's, for `abort`.
    #[napi(
        ts_args_type = "name: string, args: unknown[], timeoutMillis?: number, ticket?: number",
        ts_return_type = "Promise<unknown>"
    )]
    pub fn call(
        &self,
        env: Env,
        name: Unknown,
        args: Unknown,
        timeout_millis: Unknown,
        ticket: Unknown,
    ) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let prepared = self.prepare(
                js,
                name.raw(),
                args.raw(),
                timeout_millis.raw(),
                ticket.raw(),
            );
            match prepared {
                Ok(prepared) => self.start(js, prepared),
                Err(fault) => bridge::rejected(js, fault),
            }
        })
    }

    /// Aborts the call that was given this ticket, if it has not ended.
    #[napi]
    pub fn abort(&self, env: Env, ticket: f64) -> napi::Result<()> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let ticket = self.state.tickets.borrow_mut().remove(&(ticket as u64));
            if let Some(ticket) = ticket {
                ticket.abort();
            }
            Ok(())
        })
    }

    /// Takes no more calls and settles when the last one ended.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.close(done))
    }

    /// Ends every call now.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn destroy(&self, env: Env) -> napi::Result<Raw> {
        self.work(env, |pool, done| pool.destroy(done))
    }

    /// The numbers of now.
    #[napi(getter)]
    pub fn stats(&self, env: Env) -> napi::Result<BindingPoolStats> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            let stats = self.state.pool.stats();
            Ok(BindingPoolStats {
                size: stats.size as f64,
                idle: stats.idle as f64,
                active: stats.active as f64,
                waiting: stats.waiting as f64,
                created: stats.created as f64,
                destroyed: stats.destroyed as f64,
                completed: stats.completed as f64,
                failed: stats.failed as f64,
                timed_out: stats.timed_out as f64,
                aborted: stats.aborted as f64,
            })
        })
    }

    /// The memory of all its instances.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.state.pool.tracker().into())
        })
    }

    /// The metrics of the specification over this pool.
    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics(&self, env: Env) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || metrics_object(js, self.state.pool.metrics()))
    }
}

/// A call whose arguments are checked.
struct Prepared {
    callable: Rc<Callable>,
    params: Vec<Value>,
    timeout: Option<Duration>,
    ticket: Option<u64>,
}

type UnitDone = Box<dyn FnOnce(riptide_wasm_runtime::error::Result<()>) + Send>;

impl BindingPool {
    fn prepare(
        &self,
        js: Js,
        name: Raw,
        args: Raw,
        timeout: Raw,
        ticket: Raw,
    ) -> JsResult<Prepared> {
        let callable = self.functions.get(js, &self.code, name)?;
        let params = from_js::arguments(js, args, &callable.signature)?;
        let number = |value| -> JsResult<Option<f64>> {
            if js.kind(value)? == Kind::Number {
                Ok(Some(js.as_number(value)?))
            } else {
                Ok(None)
            }
        };
        let timeout = number(timeout)?.and_then(duration);
        let ticket = number(ticket)?.map(|ticket| ticket as u64);
        Ok(Prepared {
            callable,
            params,
            timeout,
            ticket,
        })
    }

    fn start(&self, js: Js, prepared: Prepared) -> JsResult<Raw> {
        let Prepared {
            callable,
            params,
            timeout,
            ticket,
        } = prepared;
        let key = CallKey {
            pool: self.place,
            ticket,
        };
        self.bridge.submit(js, Some(key), |reply| {
            self.state.in_flight.set(self.state.in_flight.get() + 1);
            let signature = callable.signature.clone();
            let started = self.state.pool.call(Call {
                function: callable.function.clone(),
                params,
                timeout,
                done: Box::new(move |result| reply.settle(Outcome::Values(result, signature))),
            });
            if let Some(ticket) = ticket {
                // Kept until the call settles on this thread, which is after this.
                self.state.tickets.borrow_mut().insert(ticket, started);
            }
        })
    }

    fn work(&self, env: Env, start: impl FnOnce(&Pool, UnitDone)) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            self.bridge.submit(js, None, |reply| {
                start(
                    &self.state.pool,
                    Box::new(move |result| reply.settle(Outcome::Nothing(result))),
                );
            })
        })
    }
}
