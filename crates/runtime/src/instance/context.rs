//! What an instance asks of the call that it serves, and reports to it.

use super::measurement::Measurement;
use super::observed::Observed;
use std::sync::Arc;

/// A call, as the instance that serves it sees it. A pool's request implements it, so that instances know no pool.
pub(crate) trait CallContext: Send + Sync {
    /// The number that the caller gave the call, which its host functions get; 0 if the caller gave none.
    fn number(&self) -> u64;

    /// Whether the call has been answered meanwhile, so that its guest can be dropped.
    fn is_over(&self) -> bool;

    /// Notes that the guest yields to other tasks of its thread, rather than sleeps.
    fn note_yield(&self);

    /// Notes that the guest waits for a host function.
    fn enter_host(&self);

    /// Notes that the host function has answered.
    fn leave_host(&self);

    /// Notes that the call runs in a store, as the store's call with this number; 0: the store is being made for it.
    fn observe(&self, observed: &Arc<Observed>, call: u64);

    /// Takes the measurement of the call when it has ended, if its caller asked for one.
    fn note(&self, measure: &dyn Fn() -> Measurement);
}
