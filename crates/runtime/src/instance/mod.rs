//! Instances: a store with its limits, its imports and its output. They know the call that they serve only as a
//! [`CallContext`], and do not know pools.

mod context;
mod data;
mod demangle;
mod denied_growth;
mod failure;
mod host;
mod limiter;
mod linker;
mod live;
mod measurement;
mod missing;
mod observed;
mod options;
mod outcome;
mod output;
mod reactor;
mod stack;
mod sync;
mod template;
mod wasi;
mod wasi_linker;

pub(crate) use context::CallContext;
pub use data::Wanted;
pub use denied_growth::DeniedGrowth;
pub(crate) use denied_growth::OnDenied;
pub use host::{HostCall, HostFunction, SyncHostCall};
pub(crate) use linker::Hosts;
pub(crate) use live::Instance;
pub use measurement::Fuel;
pub(crate) use measurement::Measurement;
pub(crate) use observed::Observed;
pub use options::GuestOptions;
pub(crate) use outcome::ended;
pub use output::{Kept, Written};
pub use sync::{SyncInstance, SyncInstanceOptions};
pub(crate) use template::InstanceTemplate;
pub use wasi::WasiOptions;
