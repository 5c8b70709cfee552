//! Engines, compiled code, pools and limits: everything of riptide-wasm that needs no Node.

mod allocation;
pub mod cache;
pub mod call;
mod clock;
pub mod compile;
pub mod engine;
pub mod error;
mod failure;
pub mod host;
pub mod instance;
mod lanes;
pub mod limits;
mod linking;
mod loader;
pub mod module;
pub mod pool;
mod stack;
pub mod stats;
mod store;
pub mod value;
pub mod wasi;
mod workers;
