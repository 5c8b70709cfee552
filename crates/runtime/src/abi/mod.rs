//! How values cross between a caller and a guest: the canonical ABI of components, and the numbers of core modules.
//!
//! One dynamic lowering and lifting serves every function of a component: [`call`] and [`call_sync`] for exports,
//! [`define_host`] and [`define_host_sync`] for imports. [`call_core`] and its siblings do the same for core modules.

mod bits;
mod check;
mod component;
mod core_module;
mod host;
mod lift;
mod limits;
mod lower;
mod reader;
mod stop;

pub use check::{check_params, check_results};
pub use component::{call, call_sync};
pub use core_module::{call_core, call_core_sync, define_core_host, define_core_host_sync};
pub use host::{HostFuture, define_host, define_host_sync};
pub use limits::Limits;
pub use reader::TypeReader;
