//! Engines: what is fixed when one is made, its slots and its numbers, and what it shares with others of the process.

mod allocation;
mod cold_start;
mod engine_core;
mod handle;
mod load_threads;
mod options;
mod registry;
mod shared;
mod slots;

pub(crate) use allocation::{CORE_INSTANCES, MEMORIES, TABLES};
pub(crate) use cold_start::Starts;
pub use cold_start::process_metrics;
pub(crate) use engine_core::{Core, Slot};
pub use handle::{Engine, EngineStats};
pub(crate) use options::in_range;
pub use options::{EngineOptions, MAX_PAGES, MAX_SLOTS, MAX_TABLE_ELEMENTS};
pub(crate) use slots::Needs;
