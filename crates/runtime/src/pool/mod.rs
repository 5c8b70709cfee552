//! Pools: instances of one module or component, and the calls that wait for them.
//!
//! A call passes [`admission`], becomes a [`request`] in the queue of the [`scheduler`], and is served by a [`runner`] with
//! one of the [`instances`].

mod acquire_timeout;
mod admission;
mod breaker;
mod call;
mod checkout;
mod counters;
mod durations;
mod events;
mod handle;
mod inner;
mod instances;
mod options;
mod request;
mod retention;
mod runner;
mod scheduler;
mod short_calls;
mod stats;
mod supervise;
mod timing;

pub use breaker::{BreakerOptions, BreakerStats};
pub use call::{Answer, Call, CallStats, Done};
pub use checkout::Checkout;
pub use counters::Outcome;
pub use durations::DurationsSnapshot;
pub use events::{BreakerState, Event, Listener, Reason};
pub use handle::Pool;
pub use options::{Finished, PoolOptions};
pub use request::Ticket;
pub use stats::PoolStats;
