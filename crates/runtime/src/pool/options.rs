//! Options of a pool.

use super::breaker::BreakerOptions;
use super::events::Listener;
use crate::error::Result;
use crate::instance::{GuestOptions, HostFunction};
use std::time::Duration;

/// Options of a pool.
pub struct PoolOptions {
    /// Instances kept ready.
    pub min: u32,
    /// Instances at most, and calls that run at once.
    pub max: u32,
    /// Calls that may wait for an instance; `None`: any number.
    pub max_queue: Option<u32>,
    /// How long a call may wait for an instance.
    pub acquire_timeout: Option<Duration>,
    /// How long an instance above `min` stays without a call.
    pub idle_timeout: Option<Duration>,
    /// Calls that an instance serves at most.
    pub max_uses: Option<u32>,
    /// An instance that holds more pages after a call serves no further one.
    pub recycle_above_pages: Option<u32>,
    /// Whether an instance serves again after a good call.
    pub reuse: bool,
    /// How long a call may take, waiting included.
    pub timeout: Option<Duration>,
    /// When calls are refused because too many failed.
    pub breaker: Option<BreakerOptions>,
    /// Options of its instances.
    pub guest: GuestOptions,
    /// Functions for the guest's imports.
    pub imports: Vec<HostFunction>,
    /// Receives the pool's events: all of them or, once [`Pool::listen`](super::Pool::listen) was called, those
    /// selected there.
    pub listener: Option<Listener>,
    /// The number that host functions get if a start function calls them and no call waits for it.
    pub context: u64,
}

/// Called when something is done; once, on any thread.
pub type Finished = Box<dyn FnOnce(Result<()>) + Send>;
