//! How instances get their memory: three steps, from the fastest to the most modest.
//!
//! Slots of 4 GiB need no bounds checks but much address space. Where the system refuses it, slots
//! of the limit's size; where it refuses those too, memory on demand with a small reservation.
//! Each step is tried with slots for several engines first, then with those of one.

use super::options::EngineOptions;
use crate::compile::{FULL_RESERVATION, Settings};
use crate::error::{Error, ErrorCode, Result};
use crate::units::PAGE_BYTES;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The step without a pool.
const ON_DEMAND: &str = "on-demand";

/// Reserved for a memory on demand.
const ON_DEMAND_RESERVATION: u64 = 16 << 20;

/// Core instances of one component: `wit-component` makes up to four, composed components several
/// times that.
pub(crate) const CORE_INSTANCES: u32 = 64;

/// Of a table, kept in memory between two instances and cleared by hand: cheaper than giving it to the
/// system and back, a call of it each. An element has eight bytes.
const TABLE_KEPT_BYTES: usize = 16 << 10;

/// Instances that there are slots for where the system grants the address space: 2 TiB of it, of the 128 that a
/// process has. It is what engines of equal settings share.
const SHARED_INSTANCES: u32 = 256;

/// Memories and tables that an instance uses on average, for an engine's total.
pub(crate) const MEMORIES_PER_INSTANCE: u32 = 2;
pub(crate) const TABLES_PER_INSTANCE: u32 = 8;

/// Memories and tables of one module or component.
pub(crate) const MEMORIES: u32 = 16;
pub(crate) const TABLES: u32 = 64;

/// Bytes of an instance's own state (globals, function references): large modules of
/// languages with runtimes pass Wasmtime's 1 MiB.
const MAX_INSTANCE_STATE_BYTES: usize = 4 << 20;

/// A Wasmtime engine and how it allocates.
pub(crate) struct Allocated {
    pub(crate) engine: Engine,
    /// The step that holds, as `engine.stats` names it.
    pub(crate) step: &'static str,
    /// Instances that there are slots for; none: instances take no slots.
    pub(crate) instances: Option<u32>,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<String>,
}

/// Makes a Wasmtime engine with the first step that the system grants.
pub(crate) fn allocate(options: &EngineOptions) -> Result<Allocated> {
    let limit = u64::from(options.max_memory_pages) * PAGE_BYTES;
    let own = options.max_instances;
    let pooled = if own < SHARED_INSTANCES {
        vec![Some(SHARED_INSTANCES), Some(own)]
    } else {
        vec![Some(own)]
    };
    let steps = [
        ("pooling-4gib", FULL_RESERVATION, pooled.clone()),
        ("pooling-limit", limit, pooled),
        (ON_DEMAND, ON_DEMAND_RESERVATION, vec![None]),
    ];
    let mut warnings = Vec::new();
    for (step, reservation, sizes) in steps {
        let settings = Settings {
            simd: options.simd,
            signals: options.signals_based_traps,
            fuel: options.fuel,
            reservation,
            cpu: options.cpu,
        };
        let mut refused = None;
        for instances in sizes {
            let mut config = settings.config()?;
            if let Some(instances) = instances {
                let slots = slots(options, instances, limit);
                config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots));
            }
            match Engine::new(&config) {
                Ok(engine) => {
                    return Ok(Allocated {
                        engine,
                        step,
                        instances,
                        settings,
                        warnings,
                    });
                }
                Err(error) => refused = Some(error),
            }
        }
        // Of a step that was refused in both sizes, the smaller one's reason.
        warnings.extend(refused.map(|error| {
            format!("memory allocation \"{step}\" was refused ({error:#}); a more modest one is used, which is slower")
        }));
    }
    Err(Error::new(
        ErrorCode::Internal,
        format!("no engine could be made: {}", warnings.join("; ")),
    ))
}

/// The sizes of Wasmtime's pool. What it could keep for the next instance is left as Wasmtime has it. Measured with 1, 2
/// and 8 callers (`benchmark/fresh.mjs`), the CPU time that a fresh instance of the extractor adds to a short call and to a
/// page changes by these factors, and by chance alone from 0.9 to 1.1 and from 0.8 to 1.3:
///
/// - `linear_memory_keep_resident`: 4 to 6 and 0.9 to 1.5 for 4 MiB, with 3 to 7 MB more resident for each slot; 1.4 to 1.7 and
///   1.1 to 1.3 for 512 KiB; none for 64 KiB. It clears the lowest part of a memory, used or not: the stack of 1 MiB, of
///   which a page takes 8 KiB, and the data that is only read.
/// - `decommit_batch_size` of 8 or 32: 0.8 to 1 and 1.1 to 1.5; what waits stays resident.
/// - no `memory_init_cow`: 9 to 11 and 1.8 to 2.1; with 4 MiB kept resident 4 to 6 and 1 to 1.6.
/// - `pagemap_scan` with 4 MiB: 0.4 to 0.7 and 0.4 to 0.6, but Wasmtime 48 looks for pages that are present. One that the
///   system swaps out or moves just then is not, and would keep one instance's bytes for the next. Wasmtime 50 mends it.
///
/// Stacks are not cleared between instances (`async_stack_zeroing`): `async_stack_keep_resident` has nothing to save.
fn slots(options: &EngineOptions, instances: u32, limit: u64) -> PoolingAllocationConfig {
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(instances)
        // A count alone, which reserves nothing: as many as there can be.
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE))
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(MEMORIES)
        .max_component_instance_size(MAX_INSTANCE_STATE_BYTES)
        .max_core_instance_size(MAX_INSTANCE_STATE_BYTES)
        .table_elements(options.max_table_elements as usize)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .max_memory_size(limit as usize);
    pooling
}
