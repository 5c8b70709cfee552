//! A call as its caller submits it, and its answer.

use crate::compile::Function;
use crate::error::Result;
use crate::instance::{Fuel, Written};
use crate::value::Value;
use std::sync::Arc;
use std::time::Duration;

/// Receives the answer: once, on any thread, also the submitting one.
pub type Done = Box<dyn FnOnce(Result<Answer>) + Send>;

/// A call to submit.
pub struct Call {
    /// The function, of the pool's code.
    pub function: Arc<Function>,
    /// Its arguments.
    pub params: Vec<Value>,
    /// How long it may take; `None`: the pool's timeout.
    pub timeout: Option<Duration>,
    /// The number that its host functions get; 0: none.
    pub context: u64,
    /// Whether a call of the same pool waits for it: then it does not wait for an instance.
    pub nested: bool,
    /// Whether the answer has [`CallStats`].
    pub measured: bool,
    /// Receives the answer.
    pub done: Done,
}

/// The answer of a call that ended well.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its results.
    pub values: Vec<Value>,
    /// What the call took, if [`Call::measured`] asked for it.
    pub stats: Option<Box<CallStats>>,
}

/// What a call took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// From its submission to its end.
    pub wall: Duration,
    /// Processor time of its worker, without host functions in JavaScript; `None` if the system does not report it.
    pub cpu: Option<Duration>,
    /// From its submission until a runner took it.
    pub queued: Duration,
    /// Fuel it used and what was left, on an engine with fuel.
    pub fuel: Option<Fuel>,
    /// Memory of its instance before it, in pages.
    pub pages_before: u64,
    /// Memory of its instance after it, in pages.
    pub pages_after: u64,
    /// The most pages since the instance was made.
    pub pages_peak: u64,
    /// What the guest wrote.
    pub written: Written,
}
