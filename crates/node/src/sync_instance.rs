//! An instance that runs on JavaScript's own thread, as JavaScript holds it.

use crate::bridge::Bridge;
use crate::caller::Functions;
use crate::code::BindingCode;
use crate::engine::BindingEngine;
use crate::failure;
use crate::from_js;
use crate::function;
use crate::guest::{BindingGuestOptions, duration};
use crate::host::{self, Import};
use crate::info::BindingTracker;
use crate::js::{Js, JsResult, Raw};
use crate::to_js;
use napi::bindgen_prelude::{Uint32Array, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use riptide_wasm_runtime::error::{Error, ErrorCode, Result};
use riptide_wasm_runtime::host::SyncHostCall;
use riptide_wasm_runtime::instance::{SyncInstance, SyncInstanceOptions};
use riptide_wasm_runtime::value::Value;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, ThreadId};

/// The options of an instance on the caller's thread: checked and complete.
#[napi(object)]
pub struct BindingSyncInstanceOptions {
    pub timeout_millis: Option<f64>,
    pub guest: BindingGuestOptions,
    /// In pairs: the place of an import, and the number of the function for it.
    pub imports: Uint32Array,
}

/// An instance on the caller's thread.
#[napi]
pub struct BindingSyncInstance(Rc<SyncState>);

/// What the instance's object and its bound functions share.
struct SyncState {
    /// Borrowed for as long as a call runs. `None` once disposed.
    instance: RefCell<Option<SyncInstance>>,
    /// Whether it ends when the call that runs ends.
    disposed: Cell<bool>,
    functions: Functions,
}

/// JavaScript's function that host calls go to. The runtime's host functions can be sent between threads; this one stays
/// on its own, and refuses any other.
struct HostCaller {
    home: ThreadId,
    /// Dropped at home only: its count belongs to that thread.
    bridge: ManuallyDrop<Rc<Bridge>>,
    env: sys::napi_env,
    function: sys::napi_ref,
}

// SAFETY: every use of the fields, `drop` included, is behind `is_home`; on another thread they are left alone.
unsafe impl Send for HostCaller {}
// SAFETY: as above; the reference count around it is an `Arc`'s.
unsafe impl Sync for HostCaller {}

impl Drop for HostCaller {
    fn drop(&mut self) {
        if !self.is_home() {
            // Left to leak. An instance is dropped by `dispose` or a finalizer, so it does not come to this.
            return;
        }
        if !self.bridge.is_closed() {
            // SAFETY: the environment is alive and this is its thread.
            unsafe { Js::new(self.env) }.delete_reference(self.function);
        }
        // SAFETY: this is the only place that drops it, and nothing uses it afterwards.
        unsafe { ManuallyDrop::drop(&mut self.bridge) };
    }
}

impl HostCaller {
    fn is_home(&self) -> bool {
        thread::current().id() == self.home
    }

    /// Whether JavaScript goes on after the call: not where its thread was told to end meanwhile, which nothing but
    /// this notices while a guest computes.
    fn is_wanted(&self) -> bool {
        if !self.is_home() {
            return false;
        }
        // SAFETY: this is the environment's thread, in the middle of a call that JavaScript made.
        let js = unsafe { Js::new(self.env) };
        // Any property will do: reading one is refused from then on.
        let read = js
            .scope()
            .and_then(|_scope| js.get_named(js.global()?, "undefined"));
        read.is_ok()
    }

    fn call(&self, import: &Import, arguments: &[Value]) -> Result<Vec<Value>> {
        if !self.is_home() {
            return Err(Error::new(
                ErrorCode::Internal,
                "a synchronous host function was called on another thread",
            ));
        }
        // SAFETY: this is the environment's thread, in the middle of a call that JavaScript made.
        let js = unsafe { Js::new(self.env) };
        let called = failure::guarded(|| {
            let _scope = js.scope()?;
            let function = js.referenced(self.function)?;
            let arguments = to_js::arguments(js, arguments, &import.ty)?;
            let answer = js.call(function, &[js.uint(import.function_id)?, arguments])?;
            host::sync_answer(js, import, answer)
        });
        called.map_err(|fault| host::of_fault(js, import, fault))
    }
}

#[napi]
impl BindingSyncInstance {
    #[napi(
        constructor,
        ts_args_type = "engine: BindingEngine, code: BindingCode, options: BindingSyncInstanceOptions, hostCall: (functionId: number, args: unknown[]) => { ok?: unknown } | { err: { val: unknown } } | { errorId: number }"
    )]
    pub fn new(
        env: Env,
        _engine: &BindingEngine,
        code: &BindingCode,
        options: BindingSyncInstanceOptions,
        host_call: Unknown,
    ) -> napi::Result<BindingSyncInstance> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let function = js.reference(host_call.raw())?;
            let bridge = Bridge::of(js)?;
            let home = thread::current().id();
            let caller = Arc::new(HostCaller {
                home,
                bridge: ManuallyDrop::new(bridge),
                env: js.raw(),
                function,
            });
            let code = code.code().clone();
            let imports = host::imports(&code, &options.imports)
                .into_iter()
                .map(|import| (import.name.clone(), sync_call(&caller, import)))
                .collect();
            let asking = caller.clone();
            let options = SyncInstanceOptions {
                wanted: Some(Arc::new(move || asking.is_wanted())),
                guest: options.guest.into(),
                timeout: options.timeout_millis.and_then(duration),
                imports,
            };
            let instance = SyncInstance::new(&code, options)?;
            Ok(BindingSyncInstance(Rc::new(SyncState {
                instance: RefCell::new(Some(instance)),
                disposed: Cell::new(false),
                functions: Functions::new(code),
            })))
        })
    }

    /// A function that calls one export on this thread with the arguments it is given.
    #[napi(ts_return_type = "(...args: unknown[]) => unknown")]
    pub fn bind(&self, env: Env, name: String) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let state = self.0.clone();
            let function = state.functions.at(state.functions.find(&name)?)?;
            function::make(
                js,
                &name,
                (state, function),
                |js, (state, function), given| {
                    let params = from_js::listed(js, given, &function.ty)?;
                    let called =
                        state.with_instance(|instance| instance.call(function, params))?;
                    to_js::results(js, &called, &function.ty)
                },
            )
        })
    }

    /// The memory of this instance.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            Ok(self
                .0
                .with_instance(|instance| Ok(instance.tracker()))?
                .into())
        })
    }

    /// Ends the instance; inside one of its own host functions, when the call that runs ends.
    #[napi]
    pub fn dispose(&self, env: Env) -> napi::Result<()> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            self.0.disposed.set(true);
            self.0.end_if_disposed();
            Ok(())
        })
    }
}

impl SyncState {
    fn with_instance<T>(&self, step: impl FnOnce(&mut SyncInstance) -> Result<T>) -> JsResult<T> {
        let done = {
            let Ok(mut borrowed) = self.instance.try_borrow_mut() else {
                return Err(Error::new(
                    ErrorCode::Busy,
                    "the instance is in the middle of another call",
                )
                .into());
            };
            match borrowed.as_mut() {
                Some(instance) if !self.disposed.get() => step(instance),
                _ => Err(Error::new(ErrorCode::Closed, "the instance is disposed")),
            }
        };
        self.end_if_disposed();
        Ok(done?)
    }

    fn end_if_disposed(&self) {
        if self.disposed.get()
            && let Ok(mut borrowed) = self.instance.try_borrow_mut()
        {
            *borrowed = None;
        }
    }
}

fn sync_call(caller: &Arc<HostCaller>, import: Arc<Import>) -> SyncHostCall {
    let caller = caller.clone();
    Arc::new(move |arguments: Vec<Value>| caller.call(&import, &arguments))
}
