//! An engine: its limits, its numbers and its byte account, over what it shares with others of the process.
//!
//! It lives as long as a handle, a compiled module or a pool of it does.

use crate::cache::{CacheOptions, CacheStats, ModuleCache, Tier};
use crate::compile::{CompileOptions, Compiler, InstanceLimits};
use crate::error::{Error, ErrorCode, Result};
use crate::histogram::HistogramSnapshot;
use crate::limits::{PAGE_BYTES, TrackerSnapshot, process_account};
use crate::loading::Loaders;
use crate::module::Code;
use crate::settings::Cpu;
use crate::shared::{self, Shared};
use crate::slots::{Needs, Slots};
use crate::stats::Starts;
use crate::workers::MAX_WORKERS;
use riptide_wasm_accounting::{Account, Scope};
use std::sync::Arc;
use std::time::Duration;

/// Pages of the largest memory that 32-bit WebAssembly has: 4 GiB.
pub const MAX_PAGES: u32 = 65_536;

/// Slots of an engine at most: a slot of 4 GiB each, that is an eighth of the address space.
pub const MAX_SLOTS: u32 = 4_096;

/// Elements of an instance's tables at most; eight bytes each.
pub const MAX_TABLE_ELEMENTS: u32 = 10_000_000;

/// What is fixed when an engine is made.
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
    /// Whether what guests execute is counted, so that it can be limited.
    pub fuel: bool,
    /// Whether bounds checks may be left to the memory protection of the processor.
    pub signals_based_traps: bool,
    /// Which processors code is compiled for.
    pub cpu: Cpu,
    /// Limits of compiling.
    pub compile: CompileOptions,
    /// The AOT cache; none: every load compiles.
    pub cache: Option<CacheOptions>,
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

/// What the parts of an engine refer to.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: EngineOptions,
    pub(crate) account: Arc<Account>,
    pub(crate) cache: ModuleCache,
    pub(crate) loaders: Arc<Loaders>,
    slots: Slots,
    starts: Starts,
}

impl Engine {
    /// Makes an engine. With others of this process whose options agree, it shares threads, compiled code and address
    /// space; limits and numbers are its own.
    ///
    /// # Errors
    /// `ERR_BAD_OPTION` for a number out of range, `ERR_INTERNAL` where the system refuses threads
    /// or memory.
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
        Ok(Engine(shared::join(options)?))
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

    /// The six numbers over this engine; none where its metrics are off.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        if self.0.options.metrics {
            self.0.starts.metrics(&self.0.account)
        } else {
            Vec::new()
        }
    }

    /// What an operator should read once: warnings since the last call, also of what the engine shares.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.0.shared.take_warnings();
        warnings.extend(self.0.cache.take_warnings());
        warnings
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }
}

impl Core {
    /// An engine over what is shared; `beside` another one with the same cache and limits of compiling. They have compiled
    /// code in common where they share a Wasmtime engine.
    pub(crate) fn new(
        options: EngineOptions,
        shared: Arc<Shared>,
        beside: Option<&Arc<Core>>,
    ) -> Core {
        let compiler = Compiler::new(shared.settings, options.compile.clone())
            .for_instances(options.instance_limits());
        let (loaders, cache) = match beside {
            Some(other) if Arc::ptr_eq(&other.shared, &shared) => {
                (other.loaders.clone(), other.cache.beside(compiler))
            }
            Some(other) => (
                other.loaders.clone(),
                other.cache.apart(shared.settings, compiler),
            ),
            None => (
                Arc::new(Loaders::new(compiler.is_isolated())),
                ModuleCache::new(options.cache.clone(), shared.settings, compiler),
            ),
        };
        Core {
            loaders,
            cache,
            account: Arc::new(Account::new(
                Scope::Engine,
                options.memory_budget_bytes.unwrap_or(u64::MAX),
                options.metrics.then(|| process_account().clone()),
            )),
            slots: Slots::new(options.max_instances),
            starts: Starts::default(),
            shared,
            options,
        }
    }

    /// What an instance of this code takes of the engine's slots.
    pub(crate) fn needs(&self, code: &Code) -> Needs {
        if self.shared.has_slots() {
            Needs::of(code.compiled())
        } else {
            Needs::default()
        }
    }

    /// Takes the place of one instance: whatever the allocation, there are no more of them than asked for.
    pub(crate) fn take_slot(self: &Arc<Core>, needs: Needs) -> Result<Slot> {
        self.slots.take(needs)?;
        Ok(Slot {
            core: self.clone(),
            needs,
        })
    }

    /// Instances of this code that the engine has memories and tables for.
    pub(crate) fn room_for(&self, code: &Code) -> u32 {
        self.slots.room_for(self.needs(code))
    }

    pub(crate) fn snapshot(&self, account: &Account, limit: u64) -> TrackerSnapshot {
        TrackerSnapshot::of(
            account,
            limit,
            self.options.simd,
            self.options.cache.is_some(),
        )
    }

    /// Counts a lookup of the cache here and in the process; a cache that is off has none.
    pub(crate) fn count_lookup(&self, tier: Tier) {
        if self.options.cache.is_some() {
            self.each_starts(|starts| starts.count_lookup(tier));
        }
    }

    /// Notes the first instance of freshly loaded code.
    pub(crate) fn note_start(&self, took: Duration, from_cache: bool) {
        let target = self.options.cold_start_target_millis;
        let millis = took.as_secs_f64() * 1e3;
        let slow = from_cache && target.is_some_and(|target| millis > f64::from(target));
        self.each_starts(|starts| starts.note_start(took, from_cache, slow));
    }

    fn each_starts(&self, note: impl Fn(&Starts)) {
        note(&self.starts);
        if self.options.metrics {
            note(Starts::process());
        }
    }
}

/// The place of one instance, free again when dropped.
pub(crate) struct Slot {
    core: Arc<Core>,
    needs: Needs,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.core.slots.give_back(self.needs);
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
