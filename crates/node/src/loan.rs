//! A lent instance as JavaScript holds it.

use crate::caller::{Caller, Target, Wishes};
use crate::failure;
use crate::info::BindingTracker;
use crate::js::{Js, JsResult, Raw};
use crate::queue::Outcome;
use napi::bindgen_prelude::Unknown;
use napi::{Env, JsValue};
use napi_derive::napi;
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::loan::Loan;
use std::cell::RefCell;
use std::rc::Rc;

/// An instance of a pool that one caller has for a while.
#[napi]
pub struct BindingLoan {
    caller: Caller,
    loan: RefCell<Option<Rc<Loan>>>,
}

impl BindingLoan {
    /// A loan that has not begun.
    pub(crate) fn new(caller: Caller) -> BindingLoan {
        BindingLoan {
            caller,
            loan: RefCell::default(),
        }
    }

    fn loan(&self) -> JsResult<Rc<Loan>> {
        let loan = self.loan.borrow().clone();
        loan.ok_or_else(|| Error::new(ErrorCode::Closed, "the loan has not begun").into())
    }
}

#[napi]
impl BindingLoan {
    /// Settles when the instance is there. `ticket` is a number of the caller's, for the pool's `abort`.
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
            let wishes = Wishes::read(js, &[timeout_millis.raw(), ticket.raw(), flags.raw()])?;
            self.caller.submit(js, wishes.ticket, |reply| {
                let done = Box::new(move |result: Result<_, Error>| {
                    reply.settle(Outcome::Nothing(result.map(|_| ())));
                });
                let pool = &self.caller.owner.state.pool;
                let (loan, ticket) = pool.lend(
                    wishes.timeout,
                    wishes.ticket.unwrap_or_default(),
                    wishes.nested,
                    done,
                );
                self.loan.replace(Some(Rc::new(loan)));
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
                target: Target::Loan(self.loan()?),
                ..self.caller.clone()
            };
            caller.call_function(js)
        })
    }

    /// Gives the instance back, when the call it is in has ended; with `discard` it serves nobody else.
    #[napi]
    pub fn release(&self, env: Env, discard: bool) -> napi::Result<()> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            if let Ok(loan) = self.loan() {
                loan.release(discard);
            }
            Ok(())
        })
    }

    /// The memory of the instance.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.loan()?.tracker().into())
        })
    }
}
