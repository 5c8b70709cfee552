//! How instances get their memory: three steps, from the fastest to the most modest.
//!
//! Slots of 4 GiB need no bounds checks but much address space. Where the system refuses it, slots
//! of the limit's size; where it refuses those too, memory on demand with a small reservation.

use crate::compile::{Compiled, Form};
use crate::engine::EngineOptions;
use crate::error::{Error, ErrorCode, Result};
use crate::limits::PAGE_BYTES;
use crate::settings::{FULL_RESERVATION, Settings};
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

/// Memories that an instance uses on average, for the engine's total.
const MEMORIES_PER_SLOT: u32 = 2;

/// Core instances that an instance uses on average, for the engine's total.
const CORE_INSTANCES_PER_SLOT: u32 = 8;

/// Memories and tables of one module or component.
pub(crate) const MEMORIES: u32 = 16;
pub(crate) const TABLES: u32 = 64;

/// Bytes of an instance's own state (globals, function references): large modules of
/// languages with runtimes pass Wasmtime's 1 MiB.
const MAX_INSTANCE_STATE_BYTES: usize = 4 << 20;

/// An engine and how it allocates.
pub(crate) struct Allocated {
    pub(crate) engine: Engine,
    /// The step that holds, as `engine.stats` names it.
    pub(crate) step: &'static str,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<String>,
}

/// Makes the engine with the first step that the system grants.
pub(crate) fn allocate(options: &EngineOptions) -> Result<Allocated> {
    let limit = u64::from(options.max_memory_pages) * PAGE_BYTES;
    let steps: [(&'static str, u64, bool); 3] = [
        ("pooling-4gib", FULL_RESERVATION, true),
        ("pooling-limit", limit, true),
        (ON_DEMAND, ON_DEMAND_RESERVATION, false),
    ];
    let mut warnings = Vec::new();
    for (step, reservation, pooling) in steps {
        let settings = Settings {
            simd: options.simd,
            signals: options.signals_based_traps,
            fuel: options.fuel,
            reservation,
            cpu: options.cpu,
        };
        let mut config = settings.config()?;
        if pooling {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(slots(options, limit)));
        }
        match Engine::new(&config) {
            Ok(engine) => {
                return Ok(Allocated {
                    engine,
                    step,
                    settings,
                    warnings,
                });
            }
            Err(error) => warnings.push(format!(
                "memory allocation \"{step}\" was refused ({error:#}); a more modest one is used, which is slower"
            )),
        }
    }
    Err(Error::new(
        ErrorCode::Internal,
        format!("no engine could be made: {}", warnings.join("; ")),
    ))
}

/// Instances of one code that `slots` have room for at once: one with many memories or tables takes those of others.
pub(crate) fn room(step: &str, slots: u32, compiled: &Compiled) -> u32 {
    if step == ON_DEMAND {
        return u32::MAX;
    }
    let required = match &compiled.form {
        Form::Module(module) => Some(module.resources_required()),
        Form::Component(component) => component.resources_required(),
    };
    let Some(required) = required else {
        return u32::MAX;
    };
    let share = |all: u32, each: u32| slots.saturating_mul(all) / each.max(1);
    share(MEMORIES_PER_SLOT, required.num_memories)
        .min(share(CORE_INSTANCES_PER_SLOT, required.num_tables))
}

fn slots(options: &EngineOptions, limit: u64) -> PoolingAllocationConfig {
    let slots = options.max_instances;
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_PER_SLOT))
        .total_memories(slots.saturating_mul(MEMORIES_PER_SLOT))
        .total_tables(slots.saturating_mul(CORE_INSTANCES_PER_SLOT))
        .total_stacks(slots)
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
