//! The shared tier of an engine whose store is JavaScript's: the cache's questions go to the event loop, and the answers
//! come back.

use crate::bridge::Bridge;
use crate::failure;
use crate::js::{Js, JsResult};
use crate::queue::{Item, Queue};
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use riptide_wasm_runtime::cache::{SharedAnswer, SharedTier};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::sync::Arc;

/// JavaScript's store, by the number under which JavaScript keeps it.
pub(crate) struct JsSharedTier {
    pub(crate) id: u32,
    pub(crate) queue: Arc<Queue>,
}

impl fmt::Debug for JsSharedTier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JsSharedTier({})", self.id)
    }
}

impl SharedTier for JsSharedTier {
    fn get(&self, name: &str, answer: SharedAnswer) {
        self.push(name, Work::Get(answer));
    }

    fn put(&self, name: &str, sealed: Vec<u8>) {
        self.push(name, Work::Put(sealed));
    }
}

impl JsSharedTier {
    fn push(&self, name: &str, work: Work) {
        self.queue.push(Item::SharedTier(Request {
            id: self.id,
            name: name.to_owned(),
            work,
        }));
    }
}

/// What a store is asked to do.
pub(crate) struct Request {
    id: u32,
    name: String,
    work: Work,
}

enum Work {
    Get(SharedAnswer),
    Put(Vec<u8>),
}

/// The questions that JavaScript has not answered yet.
pub(crate) struct PendingGets {
    dispatcher: Cell<sys::napi_ref>,
    pending: RefCell<HashMap<u32, SharedAnswer>>,
    last: Cell<u32>,
}

impl Default for PendingGets {
    fn default() -> PendingGets {
        PendingGets {
            dispatcher: Cell::new(ptr::null_mut()),
            pending: RefCell::default(),
            last: Cell::new(0),
        }
    }
}

impl PendingGets {
    /// Hands a request to JavaScript.
    pub(crate) fn dispatch(&self, js: Js, request: Request) -> JsResult<()> {
        let Request { id, name, work } = request;
        if self.dispatcher.get().is_null() {
            return Err(Error::new(ErrorCode::Internal, "no dispatcher of shared tiers").into());
        }
        let dispatcher = js.referenced(self.dispatcher.get())?;
        let (id, name) = (js.uint(id)?, js.string(&name)?);
        match work {
            Work::Put(sealed) => {
                let sealed = js.bytes(&sealed)?;
                js.call(dispatcher, &[id, name, js.undefined()?, sealed])?;
            }
            Work::Get(answer) => {
                let get = self.last.get().wrapping_add(1);
                self.last.set(get);
                self.pending.borrow_mut().insert(get, answer);
                let called = js.call(dispatcher, &[id, name, js.uint(get)?]);
                if called.is_err() {
                    self.answer(get, None);
                }
                called?;
            }
        }
        Ok(())
    }

    /// Passes an answer on. One that comes late is dropped.
    fn answer(&self, get: u32, sealed: Option<Vec<u8>>) {
        let waiting = self.pending.borrow_mut().remove(&get);
        if let Some(answer) = waiting {
            answer.give(sealed);
        }
    }

    /// The environment has ended: the loads that wait go on without an answer.
    pub(crate) fn clear(&self) {
        drop(self.pending.take());
    }
}

/// Sets the function that receives the requests of all shared tiers: `get` is a number for `shared_tier_found`, or
/// `sealed` is what to put; once for an environment.
#[napi(
    ts_args_type = "dispatch: (tierId: number, name: string, get?: number, sealed?: Uint8Array) => void",
    ts_return_type = "void"
)]
pub(crate) fn set_shared_tier_dispatcher(env: Env, dispatch: Unknown) -> napi::Result<()> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        let bridge = Bridge::of(js)?;
        let place = &bridge.pending_gets().dispatcher;
        let before = place.replace(js.reference(dispatch.raw())?);
        if !before.is_null() {
            js.delete_reference(before);
        }
        Ok(())
    })
}

/// Answers a `get` with a copy of the artefact, or with nothing if there is none. A late answer is ignored.
#[napi(ts_args_type = "get: number, sealed?: Uint8Array")]
pub(crate) fn shared_tier_found(env: Env, get: u32, sealed: Option<Unknown>) -> napi::Result<()> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        let bridge = Bridge::of(js)?;
        let copied = match sealed {
            Some(sealed) => js.copy_bytes(sealed.raw()),
            None => Ok(None),
        };
        // Whatever could not be read: the load goes on.
        let (sealed, read) = match copied {
            Ok(sealed) => (sealed, Ok(())),
            Err(fault) => (None, Err(fault)),
        };
        bridge.pending_gets().answer(get, sealed);
        read
    })
}
