//! What a pool is made of.

use super::breaker::BreakerOptions;
use super::events::Listener;
use crate::error::Result;
use crate::instance::{GuestOptions, HostFunction};
use std::time::Duration;

/// What a pool is made of.
pub struct PoolOptions {
    /// Instances kept ready.
    pub min: u32,
    /// Instances at most, and calls that run at once.
    pub max: u32,
    /// Calls that may wait for an instance; nothing: any number.
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
    /// What its instances are given.
    pub guest: GuestOptions,
    /// Functions for the guest's imports.
    pub imports: Vec<HostFunction>,
    /// Hears of what happens; once [`Pool::listen`] was called, of what it asks for.
    pub listener: Option<Listener>,
    /// What the host functions of a start function are told, where no call waits for it.
    pub context: u64,
}

/// Told when something is done; once, on any thread.
pub type Finished = Box<dyn FnOnce(Result<()>) + Send>;
