//! How values cross between a caller and a guest: the canonical ABI of components, and the numbers of core modules.
//!
//! One dynamic lowering and lifting serves every function of a component: [`call`] and [`call_sync`] for exports,
//! [`define_host`] and [`define_host_sync`] for imports. [`CoreFunc`] and its siblings do the same for core modules. An
//! export is called with arguments that [`check_params`] found good.

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
pub use core_module::{CoreFunc, define_core_host, define_core_host_sync};
pub use host::{HostFuture, define_host, define_host_sync};
pub use limits::Limits;
pub use reader::TypeReader;
