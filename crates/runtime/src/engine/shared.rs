//! The parts that engines of one process share: worker threads, the epoch ticker, and a Wasmtime engine with its slots.
//!
//! Compiled code belongs to one Wasmtime engine, so engines that share code share a Wasmtime engine. Its allocator has
//! slots for several engines. An engine joins only if at least its `maxInstances` slots are left; otherwise it gets a
//! new Wasmtime engine. So each engine has all the slots it was promised, whatever the others do.

use super::allocation;
use super::options::EngineOptions;
use crate::compile::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::executor::epoch::EpochTicker;
use crate::executor::timestamp;
use crate::executor::worker::{MAX_WORKERS, Workers};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::{Engine, EngineWeak};

/// Parts shared by the engines that point to them; dropped with the last of these.
pub(crate) struct Shared {
    pub(crate) wasmtime: Engine,
    pub(crate) settings: Settings,
    pub(crate) threads: Arc<Threads>,
    /// The step of its allocation, as `engine.stats` names it.
    pub(crate) allocation: &'static str,
    /// How many instances there are slots for. `None`: instances take no slots.
    pub(super) instances: Option<u32>,
    warnings: Mutex<Vec<String>>,
}

/// The threads of all engines whose options agree, so that their pools share the cores fairly.
pub(crate) struct Threads {
    pub(crate) ticker: EpochTicker,
    pub(crate) workers: Workers,
    /// The Wasmtime engines whose epochs the ticker raises.
    ticking: Arc<Mutex<Vec<EngineWeak>>>,
}

/// Worker threads that these options ask for.
pub(super) fn threads(options: &EngineOptions) -> u32 {
    match options.workers {
        0 => std::thread::available_parallelism()
            .map_or(1, |cores| cores.get() as u32)
            .min(MAX_WORKERS),
        count => count,
    }
}

impl Shared {
    /// `beside`: the shared parts whose threads these use as well.
    pub(super) fn new(options: &EngineOptions, beside: Option<&Shared>) -> Result<Shared> {
        let mut allocated = allocation::allocate(options)?;
        // The engine that is there has warned the operator already.
        if beside.is_some_and(|other| other.allocation == allocated.step) {
            allocated.warnings.clear();
        }
        let threads = match beside {
            Some(other) => other.threads.clone(),
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

    /// Takes the warnings about refused steps of the allocation: each is returned once.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings)
    }
}

impl Threads {
    fn start(workers: u32) -> std::io::Result<Threads> {
        timestamp::begin();
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
            ticker: EpochTicker::new(tick)?,
            workers: Workers::new(workers)?,
            ticking,
        })
    }
}
