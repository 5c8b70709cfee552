//! Functions that the host gives to guests.

use crate::error::Result;
use crate::value::Value;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// A host function of a pool: called on a worker, answered when its future is ready. The number is the `context` of the
/// call that the guest is in; 0 if there is none.
pub type HostCall =
    Arc<dyn Fn(u64, Vec<Value>) -> BoxFuture<'static, Result<Vec<Value>>> + Send + Sync>;

/// A host function of a sync instance: called on the caller's thread, in the middle of its call.
pub type SyncHostCall = Arc<dyn Fn(Vec<Value>) -> Result<Vec<Value>> + Send + Sync>;

/// A function for one import.
#[derive(Clone)]
pub struct HostFunction {
    /// The import's full name: `env#f`, `package:name/interface#f`.
    pub name: String,
    /// The function itself.
    pub call: HostCall,
}
