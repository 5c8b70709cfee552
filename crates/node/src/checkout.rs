//! A checked-out instance as JavaScript holds it.

use crate::caller::{CallOptions, Caller, Target};
use crate::failure;
use crate::info::BindingTracker;
use crate::js::{Js, JsResult, Raw};
use crate::queue::Outcome;
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::pool::Checkout;
use std::cell::RefCell;
use std::rc::Rc;

/// An instance of a pool, checked out to one caller.
#[napi]
pub struct BindingCheckout {
    caller: Caller,
    checkout: RefCell<Option<Rc<Checkout>>>,
}

impl BindingCheckout {
    /// A checkout that has no instance yet.
    pub(crate) fn new(caller: Caller) -> BindingCheckout {
        BindingCheckout {
            caller,
            checkout: RefCell::default(),
        }
    }

    fn checkout(&self) -> JsResult<Rc<Checkout>> {
        let checkout = self.checkout.borrow().clone();
        checkout.ok_or_else(|| Error::new(ErrorCode::Closed, "the checkout has not begun").into())
    }
}

#[napi]
impl BindingCheckout {
    /// Settles when the checkout has its instance. `ticket`: the caller's number for the pool's `abort`.
    #[napi(
        ts_args_type = "timeoutMillis?: number, ticket?: number, flags?: number",
        ts_return_type = "Promise<void>"
    )]
    pub fn begin(
        &self,
        env: Env,
        timeout_millis: Unknown,
        ticket: Unknown,
        flags: Unknown,
    ) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let options =
                CallOptions::read(js, &[timeout_millis.raw(), ticket.raw(), flags.raw()])?;
            self.caller.submit(js, options.ticket, |reply| {
                let done = Box::new(move |result: Result<_, Error>| {
                    reply.settle(Outcome::Nothing(result.map(|_| ())));
                });
                let pool = &self.caller.owner.state.pool;
                let (checkout, ticket) = pool.acquire(
                    options.timeout,
                    options.ticket.unwrap_or_default(),
                    options.nested,
                    done,
                );
                self.checkout.replace(Some(Rc::new(checkout)));
                ticket
            })
        })
    }

    /// The function that calls the instance: `(function, args, timeoutMillis?, ticket?, flags?)`.
    #[napi(
        ts_return_type = "(fn: number, args: readonly unknown[], timeoutMillis?: number, ticket?: number, flags?: number) => Promise<unknown>"
    )]
    pub fn caller(&self, env: Env) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let caller = Caller {
                target: Target::Checkout(self.checkout()?),
                ..self.caller.clone()
            };
            caller.call_function(js)
        })
    }

    /// Gives the instance back when its current call has ended. With `discard` that call is aborted, and the instance
    /// serves no other caller.
    #[napi]
    pub fn release(&self, env: Env, discard: bool) -> napi::Result<()> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            if let Ok(checkout) = self.checkout() {
                checkout.release(discard);
            }
            Ok(())
        })
    }

    /// The memory of the instance.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.checkout()?.tracker().into())
        })
    }
}
