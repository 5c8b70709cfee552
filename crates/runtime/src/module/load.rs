//! Loads: from a file or bytes to code, on threads of their own.

use super::code::Code;
use super::source::{Missing, Sought, Source};
use crate::cache::{
    CacheEntry, CacheLimits, CompilePermit, Loaded, Offer, Outcome, Rejection, Removed, Step,
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

/// One load under way.
struct Load<T> {
    engine: Engine,
    source: Source,
    expected: Option<Kind>,
    offer: Option<Offer>,
    /// When this load began, and how long asking the shared tier took before.
    asked: Instant,
    before: Duration,
    /// How often the file changed between its lookup and its compilation.
    changes: u32,
    done: Box<dyn FnOnce(Result<T>) + Send>,
}

impl Engine {
    /// Finds the code of `source` in the cache, or compiles it. Never blocks: it happens on other threads, which call
    /// `done` once. `offer`: the shared tier's answer, after [`Engine::find`] has found no code.
    pub fn load(
        &self,
        source: Source,
        expected: Option<Kind>,
        offer: Option<Offer>,
        done: impl FnOnce(Result<Code>) + Send + 'static,
    ) {
        self.begin(source, expected, offer, done)
            .look(Load::compile);
    }

    /// Looks for the code of `source` in memory and on the disk only. Calls `done` as [`Engine::load`] does.
    pub fn find(
        &self,
        source: Source,
        expected: Option<Kind>,
        done: impl FnOnce(Result<Sought>) + Send + 'static,
    ) {
        self.begin(source, expected, None, done).look(Load::name);
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

    fn begin<T>(
        &self,
        source: Source,
        expected: Option<Kind>,
        offer: Option<Offer>,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Load<T> {
        Load {
            engine: self.clone(),
            source,
            expected,
            asked: Instant::now(),
            before: offer.as_ref().map_or(Duration::ZERO, |offer| offer.spent),
            offer,
            changes: 0,
            done: Box::new(done),
        }
    }
}

impl<T: From<Code> + 'static> Load<T> {
    /// Looks for the code. If it must be compiled, goes on with `otherwise`.
    fn look(self, otherwise: fn(Load<T>, CompilePermit)) {
        let engine = self.engine.clone();
        let look = move || {
            let core = self.engine.core();
            let step = guarded(|| {
                let guest = self.source.open()?;
                let offer = self.offer.as_ref();
                core.cache
                    .lookup(&core.shared.wasmtime, &guest, self.expected, offer)
            });
            match step {
                Ok(Step::Done(loaded)) => self.finish(Ok(loaded)),
                Ok(Step::Wait(flight)) => flight.then(move |outcome| match outcome {
                    Outcome::Done(outcome) => {
                        let cache = &self.engine.core().cache;
                        let loaded = outcome.map(|compiled| cache.memory_hit(compiled));
                        self.finish(loaded);
                    }
                    Outcome::Abandoned => self.look(otherwise),
                }),
                Ok(Step::Compile(permit)) => otherwise(self, permit),
                Err(error) => self.finish(Err(error)),
            }
        };
        engine.core().loaders.lookup.run(Box::new(look));
    }

    fn finish(self, loaded: Result<Loaded>) {
        let code = loaded.and_then(|loaded| {
            let core = self.engine.core();
            core.count_lookup(loaded.tier);
            core.options
                .instance_limits()
                .check_compiled(&loaded.compiled)?;
            let took = self.before + self.asked.elapsed();
            guarded(|| Code::new(&self.engine, loaded, took))
        });
        (self.done)(code.map(T::from));
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
}

impl Load<Code> {
    fn compile(mut self, permit: CompilePermit) {
        let wanted = self.offer.take().is_some();
        let engine = self.engine.clone();
        let compile = move || {
            let core = self.engine.core();
            let loaded = guarded(|| {
                let guest = self.source.open()?;
                core.cache.compile_and_store(
                    &core.shared.wasmtime,
                    permit,
                    &guest,
                    self.expected,
                    wanted,
                )
            });
            match loaded.transpose() {
                Some(loaded) => self.finish(loaded),
                // Back to the lookup threads: a thread that compiles must not wait for another load.
                None if self.changes < CHANGES => {
                    self.changes += 1;
                    self.look(Load::compile);
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

impl Load<Sought> {
    fn name(self, permit: CompilePermit) {
        let name = self.engine.core().cache.shared_name(&permit);
        drop(permit);
        let Load {
            source,
            expected,
            done,
            ..
        } = self;
        done(name.map(|name| {
            Sought::Missing(Missing {
                name,
                source,
                expected,
            })
        }));
    }
}

/// Runs `work`. A panic inside is returned as its failure.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::panicked()))
}
