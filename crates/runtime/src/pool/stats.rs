//! A pool's numbers.

use super::breaker::BreakerStats;
use super::counters::Outcome;
use super::durations::DurationsSnapshot;
use super::events::Reason;

/// A pool's numbers at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolStats {
    /// Instances alive or being made.
    pub size: u64,
    /// Instances that wait for a call.
    pub idle: u64,
    /// Instances in a call, or checked out.
    pub active: u64,
    /// Calls that wait.
    pub waiting: u64,
    /// Instances made so far.
    pub created: u64,
    /// Instances gone so far, by [`Reason`] in its order.
    pub destroyed: [u64; Reason::ALL.len()],
    /// Calls by [`Outcome`] in its order.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// How long calls took; `None` if the engine's metrics are off.
    pub durations: Option<DurationsSnapshot>,
    /// The breaker's numbers; `None` without a breaker.
    pub breaker: Option<BreakerStats>,
}

impl PoolStats {
    /// Calls with this outcome.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Calls that failed by themselves: not by a timeout, an abort or a refusal.
    pub fn failed(&self) -> u64 {
        let own = [
            Outcome::GuestError,
            Outcome::Trap,
            Outcome::MemoryLimit,
            Outcome::Error,
        ];
        own.map(|outcome| self.ended(outcome)).iter().sum()
    }
}
