//! Engines, compiled code, pools and limits: everything of riptide-wasm that needs no Node.
//!
//! Each part knows those above it in this list, and none below:
//!
//! - `named`, `random`, [`units`]: small things that several parts need;
//! - [`value`]: values and types as they cross; [`error`]: the codes of all failures; [`metrics`]: numbers as they are shown;
//! - [`abi`]: how values cross;
//! - `executor`: threads, epochs and deadlines;
//! - [`compile`], [`cache`]: bytes to code, and where compiled code is kept;
//! - [`engine`]: what is fixed when an engine is made, and its numbers;
//! - [`module`]: compiled code of an engine, and its loading;
//! - [`instance`]: a store with its limits, its imports and its output;
//! - [`pool`]: instances, and the calls that wait for them.

pub mod abi;
pub mod cache;
pub mod compile;
pub mod engine;
pub mod error;
mod executor;
pub mod instance;
pub mod metrics;
pub mod module;
mod named;
pub mod pool;
mod random;
pub mod units;
pub mod value;
