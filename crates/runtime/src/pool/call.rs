//! A call as its caller submits it, and what it gives.

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
    /// How long it may take, instead of the pool's time.
    pub timeout: Option<Duration>,
    /// The number that its host functions are told; 0: none.
    pub context: u64,
    /// Whether a call of the same pool waits for it: then it does not wait for an instance.
    pub nested: bool,
    /// Whether the answer says what it took.
    pub measured: bool,
    /// Receives the answer.
    pub done: Done,
}

/// What a good call gives.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its results.
    pub values: Vec<Value>,
    /// What it took, where that was asked for.
    pub stats: Option<Box<CallStats>>,
}

/// What a call took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// From its submission to its end.
    pub wall: Duration,
    /// What its worker computed for it, host functions in JavaScript not included.
    pub cpu: Option<Duration>,
    /// From its submission until a runner took it.
    pub queued: Duration,
    /// Fuel it used and what was left, on an engine with fuel.
    pub fuel: Option<Fuel>,
    /// Memory of its instance before it, in pages.
    pub pages_before: u64,
    /// After it.
    pub pages_after: u64,
    /// At most, since the instance was made.
    pub pages_peak: u64,
    /// What the guest wrote.
    pub written: Written,
}
