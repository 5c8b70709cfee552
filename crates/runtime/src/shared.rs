//! What engines of one process share: worker threads, the clock, and a Wasmtime engine with its slots.
//!
//! Compiled code belongs to one Wasmtime engine, so engines that are to share it need one too. Its allocator has slots
//! for several engines, and takes in another one only while there are as many left as that one's `maxInstances`; then
//! the next such engine begins another. So each has all that it was promised, whatever the others do.

use crate::allocation;
use crate::clock::Clock;
use crate::engine::{Core, EngineOptions};
use crate::error::{Error, ErrorCode, Result};
use crate::settings::{Cpu, Settings};
use crate::ticks;
use crate::workers::{MAX_WORKERS, Workers};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use wasmtime::{Engine, EngineWeak};

/// Shared by the engines that point to it; gone with the last of them.
pub(crate) struct Shared {
    pub(crate) wasmtime: Engine,
    pub(crate) settings: Settings,
    pub(crate) threads: Arc<Threads>,
    /// The step of its allocation, as `engine.stats` names it.
    pub(crate) allocation: &'static str,
    /// Instances that there are slots for; none: they take no slots.
    instances: Option<u32>,
    warnings: Mutex<Vec<String>>,
}

/// The threads of all engines whose options agree, so that their pools share the cores fairly.
pub(crate) struct Threads {
    pub(crate) clock: Clock,
    pub(crate) workers: Workers,
    /// Whose epochs the clock counts.
    ticking: Arc<Mutex<Vec<EngineWeak>>>,
}

/// The options that what is shared depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    simd: bool,
    fuel: bool,
    signals_based_traps: bool,
    cpu: Cpu,
    workers: u32,
    max_memory_pages: u32,
    max_table_elements: u32,
}

impl Key {
    fn of(options: &EngineOptions) -> Key {
        Key {
            simd: options.simd,
            fuel: options.fuel,
            signals_based_traps: options.signals_based_traps,
            cpu: options.cpu,
            workers: threads(options),
            max_memory_pages: options.max_memory_pages,
            max_table_elements: options.max_table_elements,
        }
    }
}

/// The engines of this process by what they may share.
static ENGINES: LazyLock<Mutex<HashMap<Key, Vec<Weak<Core>>>>> = LazyLock::new(Mutex::default);

/// Makes an engine, beside others where there is room for it.
///
/// # Errors
/// `ERR_INTERNAL` where the system refuses threads or memory.
pub(crate) fn join(options: EngineOptions) -> Result<Arc<Core>> {
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    engines.retain(|_, engines| {
        engines.retain(|engine| engine.strong_count() > 0);
        !engines.is_empty()
    });
    let engines = engines.entry(Key::of(&options)).or_default();
    let alive: Vec<Arc<Core>> = engines.iter().filter_map(Weak::upgrade).collect();
    let same_code = |other: &&Arc<Core>| {
        other.options.cache == options.cache && other.options.compile == options.compile
    };
    // Rather where its code is.
    let candidates = alive.iter().filter(same_code).chain(&alive);
    let with_room = candidates
        .map(|other| &other.shared)
        .find(|shared| has_room(&alive, shared, options.max_instances));
    let shared = match with_room {
        Some(shared) => shared.clone(),
        None => Arc::new(Shared::new(&options, alive.first())?),
    };
    let beside = alive
        .iter()
        .filter(same_code)
        .max_by_key(|other| Arc::ptr_eq(&other.shared, &shared));
    let core = Core::new(options.clone(), shared, beside);
    let core = Arc::new(core);
    engines.push(Arc::downgrade(&core));
    Ok(core)
}

/// Whether there are slots for so many instances that no engine was promised.
fn has_room(alive: &[Arc<Core>], shared: &Arc<Shared>, instances: u32) -> bool {
    let Some(all) = shared.instances else {
        return true;
    };
    let promised: u32 = alive
        .iter()
        .filter(|other| Arc::ptr_eq(&other.shared, shared))
        .map(|other| other.options.max_instances)
        .sum();
    promised + instances <= all
}

/// Worker threads that these options ask for.
fn threads(options: &EngineOptions) -> u32 {
    match options.workers {
        0 => std::thread::available_parallelism()
            .map_or(1, |cores| cores.get() as u32)
            .min(MAX_WORKERS),
        count => count,
    }
}

impl Shared {
    /// `beside` an engine whose threads it takes part in.
    fn new(options: &EngineOptions, beside: Option<&Arc<Core>>) -> Result<Shared> {
        let mut allocated = allocation::allocate(options)?;
        // The operator heard it from the engine that is there.
        if beside.is_some_and(|other| other.shared.allocation == allocated.step) {
            allocated.warnings.clear();
        }
        let threads = match beside {
            Some(other) => other.shared.threads.clone(),
            None => Arc::new(Threads::start(threads(options)).map_err(|error| {
                Error::new(
                    ErrorCode::Internal,
                    format!("the engine's threads could not be started: {error}"),
                )
            })?),
        };
        let mut ticking = threads
            .ticking
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ticking.push(allocated.engine.weak());
        drop(ticking);
        Ok(Shared {
            wasmtime: allocated.engine,
            settings: allocated.settings,
            threads,
            allocation: allocated.step,
            instances: allocated.instances,
            warnings: Mutex::new(allocated.warnings),
        })
    }

    /// Whether instances take slots of an allocator.
    pub(crate) fn has_slots(&self) -> bool {
        self.instances.is_some()
    }

    /// Which steps of the allocation were refused, once.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings)
    }
}

impl Threads {
    fn start(workers: u32) -> std::io::Result<Threads> {
        ticks::begin();
        let ticking: Arc<Mutex<Vec<EngineWeak>>> = Arc::default();
        let engines = ticking.clone();
        let tick = move || {
            let mut engines = engines.lock().unwrap_or_else(PoisonError::into_inner);
            engines.retain(|engine| {
                let alive = engine.upgrade();
                alive.inspect(Engine::increment_epoch).is_some()
            });
        };
        Ok(Threads {
            clock: Clock::new(tick)?,
            workers: Workers::new(workers)?,
            ticking,
        })
    }
}
