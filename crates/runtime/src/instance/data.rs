//! The data of a store: what the host's side of an instance needs while a guest runs.

use super::context::CallContext;
use super::limiter::Limiter;
use super::observed::Observed;
use super::wasi::Wasi;
use std::sync::Arc;
use std::time::Instant;

/// The data of a store.
pub(crate) struct StoreData {
    pub(crate) limiter: Limiter,
    pub(crate) wasi: Option<Wasi>,
    /// What a failure of its calls reports.
    pub(crate) observed: Arc<Observed>,
    /// The call that runs, in stores that are called on workers.
    pub(crate) call: Option<Arc<dyn CallContext>>,
    /// When the call must end, in stores that are called on the caller's thread.
    pub(crate) deadline: Option<Instant>,
    /// Whether the caller still waits for the call, in stores that are called on the caller's thread.
    pub(crate) wanted: Option<Wanted>,
}

/// Returns whether the caller still wants an answer; called on the caller's thread.
pub type Wanted = Arc<dyn Fn() -> bool + Send + Sync>;
