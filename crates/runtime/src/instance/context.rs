//! What an instance asks of the call that it serves, and says to it.

use super::measurement::Measurement;
use super::observed::Observed;
use std::sync::Arc;

/// A call, as the instance that serves it sees it. Whoever made the call implements it: instances know no pool.
pub(crate) trait CallContext: Send + Sync {
    /// The number that the caller gave the call, which its host functions are told; 0 where it gave none.
    fn number(&self) -> u64;

    /// Whether the call has been answered meanwhile, so that its guest is of no more use.
    fn is_over(&self) -> bool;

    /// The guest gives other tasks of its thread a turn, and is not asleep.
    fn note_yield(&self);

    /// The guest waits for a host function.
    fn enter_host(&self);

    /// The host function has answered.
    fn leave_host(&self);

    /// The call runs in a store, as that store's call of this number; 0: the store is being made for it.
    fn observe(&self, observed: &Arc<Observed>, call: u64);

    /// Takes what was measured of the call when it ended, if anybody asked for it.
    fn note(&self, measure: &dyn Fn() -> Measurement);
}
