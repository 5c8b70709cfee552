//! Host functions: a guest's call becomes a call of JavaScript's dispatcher, whose answer may come later.

use crate::bridge::Bridge;
use crate::failure;
use crate::from_js;
use crate::js::{Fault, Js, JsResult};
use crate::queue::{Item, Queue};
use crate::to_js;
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use riptide_wasm_runtime::error::{Error, ErrorCode, Result};
use riptide_wasm_runtime::instance::HostFunction;
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::Event;
use riptide_wasm_runtime::value::{FunctionType, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The import that a host function is for.
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) ty: Arc<FunctionType>,
}

impl Import {
    /// The import at this index, if it is a function.
    pub(crate) fn at(code: &Code, place: u32) -> Option<Import> {
        let import = code.imports().get(place as usize)?;
        Some(Import {
            ty: import.function.clone()?,
            name: import.name.clone(),
        })
    }
}

/// The host functions for pairs of numbers: the index of an import, and JavaScript's number for its function.
pub(crate) fn functions(queue: &Arc<Queue>, code: &Code, given: &[u32]) -> Vec<HostFunction> {
    let (pairs, _) = given.as_chunks();
    let functions = pairs.iter().filter_map(|&[place, function_id]| {
        let import = Import::at(code, place)?;
        Some(function(queue, Arc::new(import), function_id))
    });
    functions.collect()
}

/// The failure of a call whose host function threw.
pub(crate) fn threw(import: &Import, error: Option<u64>) -> Error {
    let message = format!("the host function {} threw", import.name);
    let mut failure =
        Error::new(ErrorCode::HostFunction, message).text("function", import.name.clone());
    failure.host_error = error;
    failure
}

/// A guest's call on its way to JavaScript.
pub(crate) struct Request {
    id: u64,
    /// The caller's number for the call that the guest is in; 0 if it has none.
    context: u64,
    import: Arc<Import>,
    function_id: u32,
    arguments: Vec<Value>,
    answer: oneshot::Sender<Result<Vec<Value>>>,
}

/// If dropped without an answer, tells JavaScript's thread that the guest no longer waits.
struct Waiting {
    queue: Arc<Queue>,
    id: u64,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.queue.push(Item::HostGone(self.id));
        }
    }
}

/// The host function as the runtime calls it.
fn function(queue: &Arc<Queue>, import: Arc<Import>, function_id: u32) -> HostFunction {
    let queue = queue.clone();
    let name = import.name.clone();
    let call = move |context: u64, arguments: Vec<Value>| {
        let id = queue.next_host_call();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            queue: queue.clone(),
            id,
            answered: false,
        };
        queue.push(Item::Host(Request {
            id,
            context,
            import: import.clone(),
            function_id,
            arguments,
            answer,
        }));
        let future: futures_util::future::BoxFuture<'static, Result<Vec<Value>>> =
            Box::pin(async move {
                // Moves all of `waiting` into the future: if only its field were captured, `waiting` would be dropped
                // at once.
                let mut waiting = waiting;
                let answer = answered.await;
                waiting.answered = true;
                answer.unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorCode::Aborted,
                        "the JavaScript environment of a host function ended",
                    )
                    .text("phase", "host"))
                })
            });
        future
    };
    HostFunction {
        name,
        call: Arc::new(call),
    }
}

/// A guest's call that JavaScript has and has not answered yet.
struct Pending {
    import: Arc<Import>,
    answer: oneshot::Sender<Result<Vec<Value>>>,
}

/// The calls of host functions that wait for JavaScript's answer.
pub(crate) struct PendingHostCalls {
    dispatcher: Cell<sys::napi_ref>,
    listener: Cell<sys::napi_ref>,
    pending: RefCell<HashMap<u64, Pending>>,
}

impl Default for PendingHostCalls {
    fn default() -> PendingHostCalls {
        PendingHostCalls {
            dispatcher: Cell::new(ptr::null_mut()),
            listener: Cell::new(ptr::null_mut()),
            pending: RefCell::default(),
        }
    }
}

impl PendingHostCalls {
    /// Hands a call to JavaScript.
    pub(crate) fn dispatch(&self, js: Js, request: Request) -> JsResult<()> {
        let Request {
            id,
            context,
            import,
            function_id,
            arguments,
            answer,
        } = request;
        if answer.is_closed() {
            return Ok(());
        }
        self.pending.borrow_mut().insert(
            id,
            Pending {
                import: import.clone(),
                answer,
            },
        );
        let called = failure::guarded(|| {
            if self.dispatcher.get().is_null() {
                return Err(Error::new(ErrorCode::Internal, "no host dispatcher is set").into());
            }
            let dispatcher = js.referenced(self.dispatcher.get())?;
            let arguments = to_js::argument_array(js, &arguments, &import.ty)?;
            js.call(
                dispatcher,
                &[
                    js.number(id as f64)?,
                    js.uint(function_id)?,
                    arguments,
                    js.number(context as f64)?,
                ],
            )
        });
        if let Err(fault) = called {
            self.answer(id, |import| Err(of_fault(js, import, fault)));
        }
        Ok(())
    }

    /// Tells JavaScript of an event.
    pub(crate) fn tell(&self, js: Js, pool: u32, event: Event) -> JsResult<()> {
        if self.listener.get().is_null() {
            return Ok(());
        }
        let (kind, detail) = match event {
            Event::GrowthDenied => ("growthDenied", ""),
            Event::InstanceCreated => ("instanceCreated", ""),
            Event::InstanceDestroyed(reason) => ("instanceDestroyed", reason.as_str()),
            Event::Breaker(state) => ("breaker", state.as_str()),
        };
        let listener = js.referenced(self.listener.get())?;
        js.call(
            listener,
            &[js.uint(pool)?, js.string(kind)?, js.string(detail)?],
        )?;
        Ok(())
    }

    /// Passes an answer on; one for a call that ended is dropped.
    fn answer(&self, id: u64, answer: impl FnOnce(&Import) -> Result<Vec<Value>>) {
        let pending = self.pending.borrow_mut().remove(&id);
        if let Some(Pending {
            import,
            answer: sender,
        }) = pending
        {
            // Sending fails if the guest stopped waiting just now.
            let _ = sender.send(answer(&import));
        }
    }

    pub(crate) fn forget(&self, id: u64) {
        let gone = self.pending.borrow_mut().remove(&id);
        drop(gone);
    }

    /// Drops the senders when the environment ends, so that each waiting guest gets `ERR_ABORTED`.
    pub(crate) fn clear(&self) {
        drop(self.pending.take());
    }
}

/// Turns a fault on the way to or from a host function into a failure of the guest's call.
pub(crate) fn of_fault(js: Js, import: &Import, fault: Fault) -> Error {
    match fault {
        Fault::Failed(mut error) => {
            if error.code == ErrorCode::BadArgument {
                // The caller's arguments were good: the host function's result was not.
                error.code = ErrorCode::HostFunction;
                error.message = format!(
                    "what the host function {} gave: {}",
                    import.name, error.message
                );
            }
            error.text("function", import.name.clone())
        }
        Fault::Thrown => {
            js.take_exception();
            threw(import, None)
        }
    }
}

/// Sets the functions that receive calls of host functions, and events of pools; once for an environment.
#[napi(
    ts_args_type = "dispatch: (callId: number, functionId: number, args: unknown[], ticket: number) => void, tell: (poolId: number, kind: string, detail: string) => void",
    ts_return_type = "void"
)]
pub(crate) fn set_dispatchers(env: Env, dispatch: Unknown, tell: Unknown) -> napi::Result<()> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        let bridge = Bridge::of(js)?;
        let pending = bridge.host_calls();
        for (place, function) in [(&pending.dispatcher, dispatch), (&pending.listener, tell)] {
            let before = place.replace(js.reference(function.raw())?);
            if !before.is_null() {
                js.delete_reference(before);
            }
        }
        Ok(())
    })
}

/// Answers a call of a host function with the value that it returned. An answer for a call that ended is ignored.
#[napi(ts_args_type = "callId: number, result: unknown")]
pub(crate) fn host_return(env: Env, call_id: f64, result: Unknown) -> napi::Result<()> {
    answer(env, call_id, |js, import| {
        from_js::results(js, result.raw(), &import.ty)
    })
}

/// Answers a call of a host function with the `err` case of its WIT `result`.
#[napi(ts_args_type = "callId: number, payload: unknown")]
pub(crate) fn host_err(env: Env, call_id: f64, payload: Unknown) -> napi::Result<()> {
    answer(env, call_id, |js, import| {
        from_js::err_result(js, payload.raw(), &import.ty)
    })
}

/// Answers a call of a host function that threw: JavaScript keeps the thrown value under `errorId`.
#[napi]
pub(crate) fn host_throw(env: Env, call_id: f64, error_id: f64) -> napi::Result<()> {
    answer(env, call_id, |_, import| {
        Err(threw(import, Some(error_id as u64)).into())
    })
}

fn answer(
    env: Env,
    id: f64,
    convert: impl FnOnce(Js, &Import) -> JsResult<Vec<Value>>,
) -> napi::Result<()> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        Bridge::of(js)?.host_calls().answer(id as u64, |import| {
            failure::guarded(|| convert(js, import)).map_err(|fault| of_fault(js, import, fault))
        });
        Ok(())
    })
}
