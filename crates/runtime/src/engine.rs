//! An engine core: the Wasmtime engine with its workers, clock, cache and byte account.
//!
//! Equal options share one core in a process, whichever thread asks; it lives as long as a handle,
//! a compiled module or a pool of it does.

use crate::allocation;
use crate::cache::{CacheOptions, CacheStats, ModuleCache, Tier};
use crate::clock::Clock;
use crate::compile::{CompileOptions, Compiler};
use crate::error::{Error, ErrorCode, Result};
use crate::histogram::HistogramSnapshot;
use crate::limits::{PAGE_BYTES, TrackerSnapshot, process_account};
use crate::loading::Loaders;
use crate::module::Code;
use crate::settings::Cpu;
use crate::stats::Starts;
use crate::ticks;
use crate::workers::{MAX_WORKERS, Workers};
use riptide_wasm_accounting::{Account, Scope};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Pages of the largest memory that 32-bit WebAssembly has: 4 GiB.
pub const MAX_PAGES: u32 = 65_536;

/// Slots of an engine at most: a slot of 4 GiB each, that is an eighth of the address space.
pub const MAX_SLOTS: u32 = 4_096;

/// Elements of an instance's tables at most; eight bytes each.
pub const MAX_TABLE_ELEMENTS: u32 = 10_000_000;

/// What is fixed when an engine is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// A handle to an engine core.
#[derive(Clone)]
pub struct Engine(Arc<Core>);

/// What an engine's parts share.
pub(crate) struct Core {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) options: EngineOptions,
    pub(crate) account: Arc<Account>,
    pub(crate) clock: Clock,
    pub(crate) workers: Workers,
    pub(crate) cache: ModuleCache,
    instances: AtomicU64,
    starts: Starts,
    pub(crate) loaders: Loaders,
    allocation: &'static str,
    warnings: Mutex<Vec<String>>,
}

static CORES: LazyLock<Mutex<HashMap<EngineOptions, Weak<Core>>>> = LazyLock::new(Mutex::default);

impl Engine {
    /// Opens the engine core of these options, making it where none is alive.
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
        let mut cores = CORES.lock().unwrap_or_else(PoisonError::into_inner);
        cores.retain(|_, core| core.strong_count() > 0);
        let entry = cores.entry(options);
        if let Entry::Occupied(entry) = &entry
            && let Some(core) = entry.get().upgrade()
        {
            return Ok(Engine(core));
        }
        let core = Arc::new(Core::new(entry.key().clone())?);
        entry.insert_entry(Arc::downgrade(&core));
        Ok(Engine(core))
    }

    /// The engine's numbers.
    pub fn stats(&self) -> EngineStats {
        let core = &self.0;
        EngineStats {
            workers: core.workers.count(),
            allocation: core.allocation,
            slots: core.options.max_instances,
            instances: core.instances.load(Ordering::Relaxed),
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

    /// What an operator should read once: warnings since the last call.
    pub fn take_warnings(&self) -> Vec<String> {
        let mut warnings = std::mem::take(
            &mut *self
                .0
                .warnings
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        warnings.extend(self.0.cache.take_warnings());
        warnings
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }
}

impl Core {
    fn new(options: EngineOptions) -> Result<Core> {
        ticks::begin();
        let allocated = allocation::allocate(&options)?;
        let wasmtime = allocated.engine;
        let ticking = wasmtime.weak();
        let tick = move || {
            if let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
            }
        };
        let workers = match options.workers {
            0 => std::thread::available_parallelism()
                .map_or(1, |cores| cores.get() as u32)
                .min(MAX_WORKERS),
            count => count,
        };
        let system = |error| {
            Error::new(
                ErrorCode::Internal,
                format!("the engine's threads could not be started: {error}"),
            )
        };
        let compiler = Compiler::new(allocated.settings, options.compile.clone());
        Ok(Core {
            loaders: Loaders::new(compiler.is_isolated()),
            cache: ModuleCache::new(options.cache.clone(), allocated.settings, compiler),
            account: Arc::new(Account::new(
                Scope::Engine,
                options.memory_budget_bytes.unwrap_or(u64::MAX),
                options.metrics.then(|| process_account().clone()),
            )),
            clock: Clock::new(tick).map_err(system)?,
            workers: Workers::new(workers).map_err(system)?,
            instances: AtomicU64::new(0),
            starts: Starts::default(),
            allocation: allocated.step,
            warnings: Mutex::new(allocated.warnings),
            wasmtime,
            options,
        })
    }

    /// Takes the place of one instance: whatever the allocation, there are no more of them than asked for.
    pub(crate) fn take_slot(self: &Arc<Core>) -> Result<Slot> {
        let slots = u64::from(self.options.max_instances);
        let more = |instances| (instances < slots).then_some(instances + 1);
        match self
            .instances
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
        {
            Ok(_) => Ok(Slot(self.clone())),
            Err(_) => Err(Error::new(
                ErrorCode::NoSlot,
                format!("all {slots} instance slots of the engine are taken; its `maxInstances` gives it more"),
            )
            .number("slots", slots as f64)),
        }
    }

    /// Instances of this code that the allocator has memories and tables for, however many slots there are.
    pub(crate) fn room_for(&self, code: &Code) -> u32 {
        allocation::room(self.allocation, self.options.max_instances, code.compiled())
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
pub(crate) struct Slot(Arc<Core>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, Ordering::SeqCst);
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
