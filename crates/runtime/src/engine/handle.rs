//! The public handle to an engine. The engine lives as long as a handle, compiled code or a pool of it does.

use super::engine_core::Core;
use super::options::{EngineOptions, MAX_PAGES, MAX_SLOTS, MAX_TABLE_ELEMENTS, in_range};
use super::registry;
use crate::cache::CacheStats;
use crate::error::Result;
use crate::executor::worker::MAX_WORKERS;
use crate::metrics::{HistogramSnapshot, TrackerSnapshot};
use crate::units::PAGE_BYTES;
use std::sync::Arc;

/// The engine's numbers at one moment.
#[derive(Clone, Debug)]
pub struct EngineStats {
    /// Worker threads.
    pub workers: u32,
    /// How memories are allocated: `pooling-4gib`, `pooling-limit` or `on-demand`.
    pub allocation: &'static str,
    /// Instances that may live at once.
    pub slots: u32,
    /// Instances alive now.
    pub instances: u64,
    /// Lookups of the cache.
    pub cache: CacheStats,
    /// The last start, from asking for the code to the first instance, in milliseconds; 0: none yet.
    pub cold_start_millis: f64,
    /// Starts from the cache that took longer than the target.
    pub slow_cold_starts: u64,
    /// Starts from the cache, by how long they took.
    pub cold_starts_hit: HistogramSnapshot,
    /// Starts that compiled.
    pub cold_starts_miss: HistogramSnapshot,
    /// Compiling alone.
    pub compile: HistogramSnapshot,
}

/// A handle to an engine.
#[derive(Clone)]
pub struct Engine(Arc<Core>);

impl Engine {
    /// Makes an engine. With others of this process whose options agree, it shares threads, compiled code and address
    /// space; limits and numbers are its own.
    ///
    /// # Errors
    /// `ERR_BAD_OPTION` for a number out of range, `ERR_INTERNAL` if the system refuses threads or memory.
    pub fn new(options: EngineOptions) -> Result<Engine> {
        in_range("workers", options.workers, 0, MAX_WORKERS)?;
        in_range("maxInstances", options.max_instances, 1, MAX_SLOTS)?;
        in_range("maxMemoryPages", options.max_memory_pages, 1, MAX_PAGES)?;
        in_range(
            "maxTableElements",
            options.max_table_elements,
            1,
            MAX_TABLE_ELEMENTS,
        )?;
        Ok(Engine(registry::join(options)?))
    }

    /// The engine's numbers.
    pub fn stats(&self) -> EngineStats {
        let core = &self.0;
        EngineStats {
            workers: core.shared.threads.workers.count(),
            allocation: core.shared.allocation,
            slots: core.options.max_instances,
            instances: core.slots.used(),
            cache: core.cache.stats(),
            cold_start_millis: core.starts.cold_start_millis(),
            slow_cold_starts: core.starts.slow(),
            cold_starts_hit: core.starts.hit(),
            cold_starts_miss: core.starts.miss(),
            compile: core.cache.compiling(),
        }
    }

    /// The tracker over all instances of the engine.
    pub fn tracker(&self) -> TrackerSnapshot {
        let all = u64::from(self.0.options.max_instances)
            * u64::from(self.0.options.max_memory_pages)
            * PAGE_BYTES;
        let limit = self.0.account.limit().min(all);
        self.0.snapshot(&self.0.account, limit)
    }

    /// The specification's six numbers over this engine; empty if its metrics are off.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        if self.0.options.metrics {
            self.0.starts.metrics(&self.0.account)
        } else {
            Vec::new()
        }
    }

    /// Warnings for the operator since the last call, including those of the parts that the engine shares.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.0.shared.take_warnings();
        warnings.extend(self.0.cache.take_warnings());
        warnings
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }
}
