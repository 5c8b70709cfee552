//! An instance that runs on JavaScript's own thread, as JavaScript holds it.

use crate::bridge::Bridge;
use crate::caller::Functions;
use crate::code::BindingCode;
use crate::failure;
use crate::from_js;
use crate::function;
use crate::guest::{BindingGuestOptions, duration};
use crate::host::{self, Import};
use crate::info::BindingTracker;
use crate::js::{Fault, Js, JsResult, Raw};
use crate::to_js;
use napi::bindgen_prelude::{Uint32Array, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use riptide_wasm_runtime::error::{Error, ErrorCode, Result};
use riptide_wasm_runtime::instance::{SyncHostCall, SyncInstance, SyncInstanceOptions};
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
    /// The indices of the imports that the functions are for, in the functions' order.
    pub imports: Uint32Array,
}

/// An instance on the caller's thread.
#[napi]
pub struct BindingSyncInstance(Rc<SyncState>);

/// What the instance's object and its bound functions share.
struct SyncState {
    /// Borrowed for as long as a call runs. `None` once disposed.
    instance: RefCell<Option<SyncInstance>>,
    /// Whether the instance ends when the current call ends.
    disposed: Cell<bool>,
    functions: Functions,
}

/// The host functions of an instance. The runtime's host functions are `Send`; these work only on their own thread, and
/// refuse any other.
struct HostFunctions {
    home: ThreadId,
    /// Dropped on its own thread only: its reference count is not atomic.
    bridge: ManuallyDrop<Rc<Bridge>>,
    env: sys::napi_env,
    functions: Vec<sys::napi_ref>,
    /// The JavaScript function that decides what an exception of a host function means.
    thrown: sys::napi_ref,
}

// SAFETY: every use of the fields, `drop` included, is behind `is_home`; on another thread they are left alone.
unsafe impl Send for HostFunctions {}
// SAFETY: as above; the reference count around it is an `Arc`'s.
unsafe impl Sync for HostFunctions {}

impl Drop for HostFunctions {
    fn drop(&mut self) {
        if !self.is_home() {
            // Left to leak. This does not happen: `dispose` or a finalizer drops the instance, on its own thread.
            return;
        }
        if !self.bridge.is_closed() {
            // SAFETY: the environment is alive and this is its thread.
            let js = unsafe { Js::new(self.env) };
            for function in self.functions.iter().chain([&self.thrown]) {
                js.delete_reference(*function);
            }
        }
        // SAFETY: this is the only place that drops it, and nothing uses it afterwards.
        unsafe { ManuallyDrop::drop(&mut self.bridge) };
    }
}

impl HostFunctions {
    fn is_home(&self) -> bool {
        this_thread() == self.home
    }

    /// Whether JavaScript goes on after the call. It does not if its thread is being terminated, which only this check
    /// notices while a guest computes.
    fn is_wanted(&self) -> bool {
        if !self.is_home() {
            return false;
        }
        // SAFETY: this is the environment's thread, in the middle of a call that JavaScript made.
        let js = unsafe { Js::new(self.env) };
        // Any property will do: reading one fails once the thread is being terminated.
        let read = js
            .scope()
            .and_then(|_scope| js.get_named(js.global()?, "undefined"));
        read.is_ok()
    }

    fn call(&self, function: usize, import: &Import, arguments: &[Value]) -> Result<Vec<Value>> {
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
            let function = js.referenced(self.functions[function])?;
            let called = to_js::with_arguments(js, arguments, &import.ty, |arguments| {
                Ok(js.call(function, arguments))
            })?;
            match called {
                Ok(result) => from_js::results(js, result, &import.ty),
                Err(Fault::Thrown) => self.thrown(js, import),
                Err(fault) => Err(fault),
            }
        });
        called.map_err(|fault| host::of_fault(js, import, fault))
    }

    /// Turns an exception of the function into the `err` of its `result`, or into a failure.
    fn thrown(&self, js: Js, import: &Import) -> JsResult<Vec<Value>> {
        let Some(error) = js.take_exception() else {
            return Err(Fault::Thrown);
        };
        let thrown = js.referenced(self.thrown)?;
        let fallible = js.boolean(import.ty.is_fallible())?;
        let answer = js.call(thrown, &[error, fallible])?;
        if let Some(id) = js.as_number(js.get_named(answer, "errorId")?)? {
            return Err(host::threw(import, Some(id as u64)).into());
        }
        let payload = js.get_named(answer, "payload")?;
        from_js::err_result(js, payload, &import.ty)
    }
}

/// The id of the current thread. Faster than the standard library, which clones the thread's handle each time.
fn this_thread() -> ThreadId {
    thread_local! {
        static THIS: ThreadId = thread::current().id();
    }
    THIS.with(|id| *id)
}

#[napi]
impl BindingSyncInstance {
    #[napi(
        constructor,
        ts_args_type = "code: BindingCode, options: BindingSyncInstanceOptions, functions: ((...args: unknown[]) => unknown)[], thrown: (error: unknown, fallible: boolean) => { payload: unknown } | { errorId: number }"
    )]
    pub fn new(
        env: Env,
        code: &BindingCode,
        options: BindingSyncInstanceOptions,
        functions: Unknown,
        thrown: Unknown,
    ) -> napi::Result<BindingSyncInstance> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let mut host = HostFunctions {
                home: this_thread(),
                bridge: ManuallyDrop::new(Bridge::of(js)?),
                env: js.raw(),
                functions: Vec::new(),
                thrown: js.reference(thrown.raw())?,
            };
            for index in 0..options.imports.len() {
                let function = js.get_element(functions.raw(), index)?;
                host.functions.push(js.reference(function)?);
            }
            let host = Arc::new(host);
            let code = code.code().clone();
            let imports = options.imports.iter().enumerate();
            let imports = imports
                .filter_map(|(index, &place)| {
                    let import = Import::at(&code, place)?;
                    Some((import.name.clone(), sync_call(&host, index, import)))
                })
                .collect();
            let asking = host.clone();
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
                    let called = state.with_instance(|instance| instance.call(function, params))?;
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

    /// Ends the instance; inside one of its own host functions, when the current call ends.
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

fn sync_call(host: &Arc<HostFunctions>, function: usize, import: Import) -> SyncHostCall {
    let host = host.clone();
    Arc::new(move |arguments: Vec<Value>| host.call(function, &import, &arguments))
}
