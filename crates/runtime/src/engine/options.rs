//! The options of an engine, which are fixed when it is made.

use crate::cache::{CacheOptions, SharedTier};
use crate::compile::{CompileOptions, Cpu, InstanceLimits};
use crate::error::{Error, ErrorCode, Result};
use crate::units::PAGE_BYTES;
use std::sync::Arc;

/// Pages of the largest memory that 32-bit WebAssembly has: 4 GiB.
pub const MAX_PAGES: u32 = 65_536;

/// Slots of an engine at most: a slot of 4 GiB each, that is an eighth of the address space.
pub const MAX_SLOTS: u32 = 4_096;

/// Elements of an instance's tables at most; eight bytes each.
pub const MAX_TABLE_ELEMENTS: u32 = 10_000_000;

/// The options of an engine, which are fixed when it is made.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Whether SIMD code is accepted.
    pub simd: bool,
    /// Whether this engine counts in the process's exported numbers.
    pub metrics: bool,
    /// Worker threads; 0 is one a core.
    pub workers: u32,
    /// Instances that may live at once, over all pools.
    pub max_instances: u32,
    /// The largest memory of one instance, in pages of 64 KiB.
    pub max_memory_pages: u32,
    /// Elements of all tables of one instance at most.
    pub max_table_elements: u32,
    /// Memory of all instances together at most, in bytes.
    pub memory_budget_bytes: Option<u64>,
    /// Whether guests' instructions are counted as fuel, so that they can be limited.
    pub fuel: bool,
    /// Whether bounds checks may be left to the memory protection of the processor.
    pub signals_based_traps: bool,
    /// Which processors code is compiled for.
    pub cpu: Cpu,
    /// Limits of compiling.
    pub compile: CompileOptions,
    /// The AOT cache. `None`: every load compiles.
    pub cache: Option<CacheOptions>,
    /// A store of artefacts behind the cache's disk, which several machines share. It needs key trust.
    pub shared_tier: Option<Arc<dyn SharedTier>>,
    /// A start from the cache that takes longer, in milliseconds, is counted as slow.
    pub cold_start_target_millis: Option<u32>,
}

impl EngineOptions {
    pub(crate) fn instance_limits(&self) -> InstanceLimits {
        InstanceLimits {
            memory_bytes: u64::from(self.max_memory_pages) * PAGE_BYTES,
            table_elements: u64::from(self.max_table_elements),
        }
    }
}

/// Refuses an option out of its range, by name.
pub(crate) fn in_range(option: &'static str, value: u32, least: u32, most: u32) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::BadOption,
        format!("{option} is {value}; allowed is {least} to {most}"),
    )
    .text("option", option)
    .number("value", f64::from(value))
    .text("allowed", format!("{least} to {most}")))
}
