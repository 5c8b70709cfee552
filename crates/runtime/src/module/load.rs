//! Loads: from a file or bytes to code, on threads of their own.

use super::code::Code;
use super::source::Source;
use crate::cache::{
    Asked, CacheEntry, CacheLimits, CompilePermit, Loaded, Outcome, Rejection, Removed, Step,
};
use crate::compile::Kind;
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How often a file may change between its lookup and its compilation, before the load fails.
const CHANGES: u32 = 10;

/// How long after the first load the directory is counted: at a start, other loads follow the first.
const LATER: Duration = Duration::from_millis(250);

/// How long a load waits for the shared tier, whatever keeps that from answering: other loads of the guest, of other
/// threads too, wait with it.
const SHARED_TIER_TIMEOUT: Duration = Duration::from_secs(3);

/// One load under way.
struct Load {
    engine: Engine,
    source: Source,
    expected: Option<Kind>,
    began: Instant,
    /// How often the file changed between its lookup and its compilation.
    changes: u32,
    done: Box<dyn FnOnce(Result<Code>) + Send>,
}

impl Engine {
    /// Finds the code of `source` in the cache, or compiles it. Never blocks: it happens on other threads, which call
    /// `done` once.
    pub fn load(
        &self,
        source: Source,
        expected: Option<Kind>,
        done: impl FnOnce(Result<Code>) + Send + 'static,
    ) {
        let load = Load {
            engine: self.clone(),
            source,
            expected,
            began: Instant::now(),
            changes: 0,
            done: Box::new(done),
        };
        load.look();
    }

    /// The cache's artefacts on the disk, of all engines. With `verify` each one is read, and comes with the reason why
    /// a load would reject it, if any. Calls `done` as [`Engine::load`] does.
    pub fn cache_entries(
        &self,
        verify: bool,
        done: impl FnOnce(Result<Vec<(CacheEntry, Option<Rejection>)>>) + Send + 'static,
    ) {
        self.keep(done, move |engine| {
            let core = engine.core();
            if verify {
                return core.cache.verify(&core.shared.wasmtime);
            }
            let entries = core.cache.entries(&core.shared.wasmtime)?;
            Ok(entries.into_iter().map(|entry| (entry, None)).collect())
        });
    }

    /// Removes the artefacts beyond these limits, or all of them without limits. Calls `done` as [`Engine::load`] does.
    pub fn prune_cache(
        &self,
        limits: Option<CacheLimits>,
        done: impl FnOnce(Result<Removed>) + Send + 'static,
    ) {
        self.keep(done, move |engine| {
            let core = engine.core();
            match limits {
                Some(limits) => core.cache.prune(&core.shared.wasmtime, &limits),
                None => core.cache.clear(&core.shared.wasmtime),
            }
        });
    }

    fn keep<T>(
        &self,
        done: impl FnOnce(Result<T>) + Send + 'static,
        work: impl FnOnce(&Engine) -> Result<T> + Send + 'static,
    ) {
        let engine = self.clone();
        let keep = move || done(guarded(|| work(&engine)));
        self.core().loaders.maintenance.run(Box::new(keep));
    }
}

impl Load {
    /// Looks for the code in memory and on the disk.
    fn look(self) {
        let engine = self.engine.clone();
        let look = move || {
            let core = self.engine.core();
            let step = guarded(|| {
                let guest = self.source.open()?;
                core.cache
                    .lookup(&core.shared.wasmtime, &guest, self.expected)
            });
            match step {
                Ok(Step::Done(loaded)) => self.finish(Ok(loaded)),
                Ok(Step::Wait(flight)) => flight.then(move |outcome| match outcome {
                    Outcome::Done(outcome) => {
                        let cache = &self.engine.core().cache;
                        let loaded = outcome.map(|compiled| cache.memory_hit(compiled));
                        self.finish(loaded);
                    }
                    Outcome::Abandoned => self.look(),
                }),
                Ok(Step::Compile(permit)) => self.ask(permit),
                Err(error) => self.finish(Err(error)),
            }
        };
        engine.core().loaders.lookup.run(Box::new(look));
    }

    /// Asks the shared tier, if there is one. Blocks no thread until it answers.
    fn ask(self, permit: CompilePermit) {
        let engine = self.engine.clone();
        let core = engine.core();
        let (Some(shared), Some(name)) = (core.cache.shared(), permit.shared_name()) else {
            return self.compile(permit);
        };
        let name = name.to_owned();
        let ticking = core.clone();
        core.shared.threads.ticker.begin();
        let asked = Asked::new(move |sealed| {
            drop(ticking.shared.threads.ticker.begun());
            match sealed {
                Some(sealed) => self.accept(permit, sealed),
                None => self.compile(permit),
            }
        });
        let deadline = Instant::now() + SHARED_TIER_TIMEOUT;
        core.shared
            .threads
            .ticker
            .expire_at(deadline, asked.clone());
        shared.get(&name, asked.answer());
    }

    /// Uses what the shared tier has, if it is genuine.
    fn accept(self, permit: CompilePermit, sealed: Vec<u8>) {
        let engine = self.engine.clone();
        let accept = move || {
            let core = self.engine.core();
            let step = guarded(|| {
                core.cache
                    .accept_and_store(&core.shared.wasmtime, permit, &sealed)
            });
            match step {
                Ok(Step::Done(loaded)) => self.finish(Ok(loaded)),
                Ok(Step::Compile(permit)) => self.compile(permit),
                // It has the permit, so that nobody else leads.
                Ok(Step::Wait(_)) => self.look(),
                Err(error) => self.finish(Err(error)),
            }
        };
        engine.core().loaders.lookup.run(Box::new(accept));
    }

    fn finish(self, loaded: Result<Loaded>) {
        let code = loaded.and_then(|loaded| {
            let core = self.engine.core();
            core.count_lookup(loaded.tier);
            core.options
                .instance_limits()
                .check_compiled(&loaded.compiled)?;
            let took = self.began.elapsed();
            guarded(|| Code::new(&self.engine, loaded, took))
        });
        (self.done)(code);
        // Counts the directory for the numbers: once, and after the caller has its answer.
        let core = self.engine.core();
        if core.cache.begins_counting() {
            let engine = self.engine.clone();
            let count = move || {
                std::thread::sleep(LATER);
                engine.core().cache.count();
            };
            core.loaders.maintenance.run(Box::new(count));
        }
    }

    fn compile(mut self, permit: CompilePermit) {
        let engine = self.engine.clone();
        let compile = move || {
            let core = self.engine.core();
            let loaded = guarded(|| {
                let guest = self.source.open()?;
                core.cache
                    .compile_and_store(&core.shared.wasmtime, permit, &guest, self.expected)
            });
            match loaded.transpose() {
                Some(loaded) => self.finish(loaded),
                // Back to the lookup threads: a thread that compiles must not wait for another load.
                None if self.changes < CHANGES => {
                    self.changes += 1;
                    self.look();
                }
                None => self.finish(Err(Error::new(
                    ErrorCode::Read,
                    "the file changes each time that it is read",
                ))),
            }
        };
        engine.core().loaders.compiling.run(Box::new(compile));
    }
}

/// Runs `work`. A panic inside is returned as its failure.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::panicked()))
}
