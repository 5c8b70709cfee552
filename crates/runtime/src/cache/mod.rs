//! The AOT cache: a memory tier over a disk tier, over a shared tier, over the compiler.
//!
//! It finds the code of a guest, for one engine. Loading blocks, for up to seconds if it compiles: never call it on an
//! event loop.

mod compile_lock;
mod digest;
mod directory;
mod disk;
mod eviction;
mod inventory;
mod key;
mod lookup;
mod memory;
mod module_cache;
mod options;
mod rejection;
mod seal;
mod sealed_file;
mod secret;
mod shared_tier;
mod single_flight;
mod stats;
mod tier;
mod trust;
mod verify;
mod warnings;
mod wasm_source;

pub use inventory::{CacheEntry, CacheLimits, Removed};
pub(crate) use lookup::{CompilePermit, Step};
pub use module_cache::ModuleCache;
pub use options::CacheOptions;
pub use rejection::Rejection;
pub use secret::own_key_file;
pub(crate) use shared_tier::Asked;
pub use shared_tier::{SharedAnswer, SharedTier};
pub(crate) use single_flight::Outcome;
pub use stats::CacheStats;
pub use tier::{Loaded, Tier};
pub use trust::Trust;
pub use wasm_source::{WasmFile, WasmSource};
