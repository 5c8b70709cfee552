//! The core of an engine: its own limits, numbers and byte account, over the parts that it shares with other engines.

use super::cold_start::Starts;
use super::load_threads::LoadThreads;
use super::options::EngineOptions;
use super::shared::Shared;
use super::slots::{Needs, Slots};
use crate::cache::{ModuleCache, Tier};
use crate::compile::{Compiled, Compiler};
use crate::error::Result;
use crate::metrics::{TrackerSnapshot, process_account};
use riptide_wasm_accounting::{Account, Scope};
use std::sync::Arc;
use std::time::Duration;

/// The core of an engine, which its handles, code and pools hold.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: EngineOptions,
    pub(crate) account: Arc<Account>,
    pub(crate) cache: ModuleCache,
    pub(crate) loaders: Arc<LoadThreads>,
    pub(super) slots: Slots,
    pub(super) starts: Starts,
}

impl Core {
    /// An engine over the `shared` parts. `beside`: another engine with the same cache and compile options; the two
    /// share load threads, and compiled code too if they share a Wasmtime engine.
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
                Arc::new(LoadThreads::new(compiler.is_isolated())),
                ModuleCache::new(options.cache.clone(), shared.settings, compiler),
            ),
        };
        Core {
            loaders,
            cache: cache.with_shared(options.shared_tier.clone()),
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

    /// The memories and tables that an instance of this code takes from the engine's slots.
    pub(crate) fn needs(&self, code: &Compiled) -> Needs {
        if self.shared.has_slots() {
            Needs::of(code)
        } else {
            Needs::default()
        }
    }

    /// Takes the slot of one instance. Whatever the allocation, there are never more instances than `maxInstances`.
    pub(crate) fn take_slot(self: &Arc<Core>, needs: Needs) -> Result<Slot> {
        self.slots.take(needs)?;
        Ok(Slot {
            core: self.clone(),
            needs,
        })
    }

    /// How many instances of this code the engine has memories and tables for.
    pub(crate) fn room_for(&self, code: &Compiled) -> u32 {
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

    /// Counts a lookup of the cache here and in the process. Does nothing if the cache is off.
    pub(crate) fn count_lookup(&self, tier: Tier) {
        if self.options.cache.is_some() {
            self.each_starts(|starts| starts.count_lookup(tier));
        }
    }

    /// Records the first instance of freshly loaded code.
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

/// The slot of one instance; dropping it frees the slot.
pub(crate) struct Slot {
    core: Arc<Core>,
    needs: Needs,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.core.slots.give_back(self.needs);
    }
}
