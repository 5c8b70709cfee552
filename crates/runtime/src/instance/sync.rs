//! An instance that is called on the caller's own thread.

use super::data::Wanted;
use super::host::SyncHostCall;
use super::linker::Hosts;
use super::live::Instance;
use super::options::GuestOptions;
use super::outcome::ended;
use super::stack;
use super::template::InstanceTemplate;
use crate::abi;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::deadlines::deadline;
use crate::metrics::TrackerSnapshot;
use crate::module::{Code, Function};
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// What a sync instance is made of.
pub struct SyncInstanceOptions {
    /// What it is given.
    pub guest: GuestOptions,
    /// How long a call may compute.
    pub timeout: Option<Duration>,
    /// Whether the thread that calls still wants an answer; asked there now and then while the guest
    /// computes, which ends where it does not.
    pub wanted: Option<Wanted>,
    /// Functions for the guest's imports, by full name.
    pub imports: Vec<(String, SyncHostCall)>,
}

/// An instance whose calls run on the thread that makes them, and block it.
pub struct SyncInstance {
    code: Code,
    timeout: Option<Duration>,
    /// None after a failure or an exit: such an instance is never used again.
    instance: Option<Box<Instance>>,
    last: TrackerSnapshot,
}

impl SyncInstance {
    /// Links and makes the instance, on this thread.
    ///
    /// # Errors
    /// `ERR_LINK`, `ERR_MEMORY_LIMIT`, `ERR_NO_SLOT`, or what the guest's start function ends with.
    pub fn new(code: &Code, options: SyncInstanceOptions) -> Result<SyncInstance> {
        let core = code.engine().core();
        options.guest.check(&core.options)?;
        let max_bytes = options.guest.max_bytes();
        stack::check()?;
        let hosts = Hosts::of_sync(options.imports);
        let blueprint =
            InstanceTemplate::new(code, hosts, options.guest, core.account.clone(), None)?;
        let ticking = core.shared.threads.ticker.tick();
        let made = blueprint.instantiate_sync(deadline(options.timeout), options.wanted);
        drop(ticking);
        let (instance, _) = made.map_err(|error| timed_out(error, options.timeout))?;
        let last = core.snapshot(instance.account(), max_bytes);
        Ok(SyncInstance {
            code: code.clone(),
            timeout: options.timeout,
            instance: Some(Box::new(instance)),
            last,
        })
    }

    /// Calls a function on this thread. Its time-out ends a guest that computes, not one that sleeps.
    ///
    /// # Errors
    /// What the call ends with; after a failure that is not the guest's own `err`, and after an exit, every later call
    /// is `ERR_CLOSED`.
    pub fn call(&mut self, function: &Arc<Function>, params: Vec<Value>) -> Result<Vec<Value>> {
        abi::check_params(&function.ty, &params)?;
        stack::check()?;
        // Out of its place while it runs, so that whatever happens a broken one is not found again.
        let mut instance = self.instance.take().ok_or_else(|| {
            Error::new(ErrorCode::Closed, "the instance ended in an earlier call")
        })?;
        let core = self.code.engine().core();
        let ticking = core.shared.threads.ticker.tick();
        let called = instance.call_sync(function, params, deadline(self.timeout));
        drop(ticking);
        if called.is_ok() {
            self.instance = Some(instance);
        } else {
            self.last = core.snapshot(instance.account(), instance.account().limit());
        }
        ended(function, called).map_err(|error| timed_out(error, self.timeout))
    }

    /// The tracker of this instance; what it last was, with nothing held, once the instance has ended.
    pub fn tracker(&self) -> TrackerSnapshot {
        match &self.instance {
            Some(instance) => self
                .code
                .engine()
                .core()
                .snapshot(instance.account(), instance.account().limit()),
            None => TrackerSnapshot {
                current_bytes: 0,
                current_pages: 0,
                ..self.last
            },
        }
    }
}

/// Says how long a call took that took too long.
fn timed_out(mut error: Error, timeout: Option<Duration>) -> Error {
    match timeout {
        Some(timeout) if error.code == ErrorCode::Timeout => {
            let millis = timeout.as_secs_f64() * 1e3;
            error.message = format!("the call took longer than {millis} ms (computing)");
            error.number("timeoutMillis", millis)
        }
        _ => error,
    }
}
