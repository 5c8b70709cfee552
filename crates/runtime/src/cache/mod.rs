//! The AOT cache: a memory tier over a disk tier, over a shared tier, over the compiler.
//!
//! It answers one question, a guest to its code, for one engine. Loading blocks, for up to seconds where it compiles: never
//! call it on an event loop.

mod digest;
mod directory;
mod disk;
mod flight;
mod guest;
mod inventory;
mod key;
mod lookup;
mod memory;
mod module_cache;
mod options;
mod private;
mod rejection;
mod seal;
mod secret;
mod stats;
mod tier;
mod trust;
mod turn;
mod upkeep;
mod warnings;

pub(crate) use flight::Outcome;
pub use guest::{Guest, GuestFile};
pub use inventory::{CacheEntry, CacheLimits, Removed};
pub(crate) use lookup::{Duty, Step};
pub use module_cache::ModuleCache;
pub use options::CacheOptions;
pub use rejection::Rejection;
pub use secret::own_key_file;
pub use stats::CacheStats;
pub use tier::{Loaded, Offer, Tier};
pub use trust::Trust;
