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

/// Options of a sync instance.
pub struct SyncInstanceOptions {
    /// The options that every instance has.
    pub guest: GuestOptions,
    /// How long a call may compute.
    pub timeout: Option<Duration>,
    /// Returns whether the calling thread still wants an answer. Called on that thread at each epoch while the guest
    /// computes; `false` ends the guest.
    pub wanted: Option<Wanted>,
    /// Functions for the guest's imports, by full name.
    pub imports: Vec<(String, SyncHostCall)>,
}

/// An instance whose calls run on the thread that makes them, and block it.
pub struct SyncInstance {
    code: Code,
    timeout: Option<Duration>,
    /// `None` after a failure or an exit: such an instance is never used again.
    instance: Option<Box<Instance>>,
    last: TrackerSnapshot,
}

impl SyncInstance {
    /// Links and makes the instance, on this thread.
    ///
    /// # Errors
    /// `ERR_LINK`, `ERR_MEMORY_LIMIT`, `ERR_NO_SLOT`, or the failure of the guest's start function.
    pub fn new(code: &Code, options: SyncInstanceOptions) -> Result<SyncInstance> {
        let core = code.engine().core();
        options.guest.check(&core.options)?;
        let max_bytes = options.guest.max_bytes();
        stack::check()?;
        let hosts = Hosts::of_sync(options.imports);
        let template =
            InstanceTemplate::new(code, hosts, options.guest, core.account.clone(), None)?;
        let ticking = core.shared.threads.ticker.tick();
        let made = template.instantiate_sync(deadline(options.timeout), options.wanted);
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
    /// The call's failure. After a failure inside the guest other than its own `err`, and after an exit, every later
    /// call fails with `ERR_CLOSED`.
    pub fn call(&mut self, function: &Arc<Function>, params: Vec<Value>) -> Result<Vec<Value>> {
        abi::check_params(&function.ty, &params)?;
        stack::check()?;
        // Taken out while it runs, so that an instance that failed, or that a panic left half-way, is not found again.
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

    /// The tracker of this instance. Once the instance has ended, its last numbers, with nothing held.
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

/// Adds the timeout to the error of a call that took too long.
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
