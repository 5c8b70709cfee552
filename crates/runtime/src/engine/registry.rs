//! The engines of this process, so that a new one finds those with which it may share threads and compiled code.

use super::engine_core::Core;
use super::options::EngineOptions;
use super::shared::{Shared, threads};
use crate::compile::Cpu;
use crate::error::Result;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// The options in which engines must agree to share anything.
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

/// The engines of this process, by the options that sharing depends on.
static ENGINES: LazyLock<Mutex<HashMap<Key, Vec<Weak<Core>>>>> = LazyLock::new(Mutex::default);

/// Makes an engine, which shares with others if they have room for it.
///
/// # Errors
/// `ERR_INTERNAL` if the system refuses threads or memory.
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
    // Engines with the same cache and compile options come first: their compiled code can be shared.
    let candidates = alive.iter().filter(same_code).chain(&alive);
    let with_room = candidates
        .map(|other| &other.shared)
        .find(|shared| has_room(&alive, shared, options.max_instances));
    let shared = match with_room {
        Some(shared) => shared.clone(),
        None => {
            let beside = alive.first().map(|other| &*other.shared);
            Arc::new(Shared::new(&options, beside)?)
        }
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

/// Whether `shared` has this many slots that are not promised to the engines that are `alive`.
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
