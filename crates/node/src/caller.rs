//! The way of a call: from JavaScript's arguments into a pool or a checked-out instance.

use crate::bridge::{self, Bridge};
use crate::failure;
use crate::from_js;
use crate::function;
use crate::guest::duration;
use crate::js::{Js, JsResult, Raw};
use crate::pool::PoolHandle;
use crate::queue::{CallKey, Outcome, Reply};
use riptide_wasm_runtime::error::{Error, ErrorCode, Result};
use riptide_wasm_runtime::module::{Code, Function};
use riptide_wasm_runtime::pool::{Answer, Call, Checkout, Ticket};
use riptide_wasm_runtime::value::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The functions of compiled code that JavaScript has looked up, each under a number.
pub(crate) struct Functions {
    code: Code,
    found: RefCell<Vec<Arc<Function>>>,
    numbers: RefCell<HashMap<String, usize>>,
}

impl Functions {
    pub(crate) fn new(code: Code) -> Functions {
        Functions {
            code,
            found: RefCell::default(),
            numbers: RefCell::default(),
        }
    }

    /// The number of a function.
    pub(crate) fn find(&self, name: &str) -> Result<usize> {
        if let Some(number) = self.numbers.borrow().get(name) {
            return Ok(*number);
        }
        let function = self.code.function(name)?;
        let mut found = self.found.borrow_mut();
        found.push(function);
        let number = found.len() - 1;
        self.numbers.borrow_mut().insert(name.to_owned(), number);
        Ok(number)
    }

    pub(crate) fn at(&self, number: usize) -> JsResult<Arc<Function>> {
        let found = self.found.borrow().get(number).cloned();
        found.ok_or_else(|| Error::new(ErrorCode::Internal, "no such function").into())
    }
}

/// Where calls go.
#[derive(Clone)]
pub(crate) enum Target {
    Pool,
    Checkout(Rc<Checkout>),
}

/// A pool or a checked-out instance, called from JavaScript.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) owner: Rc<PoolHandle>,
    pub(crate) bridge: Rc<Bridge>,
    pub(crate) target: Target,
}

/// Flag: a call of this pool waits for this call.
const NESTED: u32 = 1;
/// Flag: the answer says what the call took.
const MEASURED: u32 = 2;

/// The options of a call besides its arguments.
#[derive(Clone, Copy, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) ticket: Option<u64>,
    pub(crate) nested: bool,
    measured: bool,
}

impl CallOptions {
    /// `timeoutMillis?, ticket?, flags?`
    pub(crate) fn read(js: Js, given: &[Raw]) -> JsResult<CallOptions> {
        let number = |index: usize| -> JsResult<Option<f64>> {
            given
                .get(index)
                .map_or(Ok(None), |value| js.as_number(*value))
        };
        let flags = number(2)?.unwrap_or(0.0) as u32;
        Ok(CallOptions {
            timeout: number(0)?.and_then(duration),
            ticket: number(1)?.map(|ticket| ticket as u64),
            nested: flags & NESTED != 0,
            measured: flags & MEASURED != 0,
        })
    }
}

impl Caller {
    /// `(function, args, timeoutMillis?, ticket?, flags?) => Promise`; the function by its number.
    pub(crate) fn call_function(self, js: Js) -> JsResult<Raw> {
        function::make(js, "call", self, |js, caller, given| {
            let prepare = || {
                let (Some(number), Some(args)) = (given.first(), given.get(1)) else {
                    return Err(Error::new(ErrorCode::Internal, "call(function, args)").into());
                };
                let number = js.as_number(*number)?.unwrap_or(f64::MAX);
                let function = caller.function(number as usize)?;
                let params = from_js::arguments(js, *args, &function.ty)?;
                let options = match given.get(2..) {
                    Some(given) if !given.is_empty() => CallOptions::read(js, given)?,
                    _ => CallOptions::default(),
                };
                Ok((function, params, options))
            };
            match failure::guarded(prepare) {
                Ok((function, params, options)) => caller.start(js, function, params, options),
                Err(fault) => bridge::rejected(js, fault),
            }
        })
    }

    /// `(...args) => Promise`, of one function.
    pub(crate) fn bound_function(self, js: Js, number: usize) -> JsResult<Raw> {
        let function = self.function(number)?;
        let name = function.name.clone();
        function::make(
            js,
            &name,
            (self, function),
            |js, (caller, function), given| match failure::guarded(|| {
                from_js::listed(js, given, &function.ty)
            }) {
                Ok(params) => caller.start(js, function.clone(), params, CallOptions::default()),
                Err(fault) => bridge::rejected(js, fault),
            },
        )
    }

    fn function(&self, number: usize) -> JsResult<Arc<Function>> {
        self.owner.state.functions.at(number)
    }

    fn start(
        &self,
        js: Js,
        function: Arc<Function>,
        params: Vec<Value>,
        options: CallOptions,
    ) -> JsResult<Raw> {
        let ty = function.ty.clone();
        self.submit(js, options.ticket, |reply| {
            let call = Call {
                function,
                params,
                timeout: options.timeout,
                context: options.ticket.unwrap_or(0),
                nested: options.nested,
                measured: options.measured,
                done: Box::new(move |result: Result<Answer>| {
                    reply.settle(Outcome::Answer(result, ty));
                }),
            };
            match &self.target {
                Target::Pool => self.owner.state.pool.call(call),
                Target::Checkout(checkout) => checkout.call(call),
            }
        })
    }

    /// A promise for the work that `start` begins. `ticket`: the caller's number by which the work can be aborted.
    pub(crate) fn submit(
        &self,
        js: Js,
        ticket: Option<u64>,
        start: impl FnOnce(Reply) -> Ticket,
    ) -> JsResult<Raw> {
        let state = &self.owner.state;
        let key = CallKey {
            pool: self.owner.place,
            ticket,
        };
        self.bridge.submit(js, Some(key), |reply| {
            state.in_flight.set(state.in_flight.get() + 1);
            let started = start(reply);
            if let Some(ticket) = ticket {
                // Kept until the call settles, which happens on this thread and so after this.
                state.tickets.borrow_mut().insert(ticket, started);
            }
        })
    }
}
