//! From a guest to its code: from the nearest tier that has it, or else from the compiler, once for all loads of that
//! guest at the same time.
//!
//! In two steps, so that a load that a tier can answer waits for no compiler: [`ModuleCache::lookup`] asks the tiers,
//! and [`ModuleCache::compile_and_store`] compiles.

use super::compile_lock::CompileLock;
use super::disk::{DiskTier, Found};
use super::key::ModuleKey;
use super::module_cache::{ModuleCache, State};
use super::rejection::Rejection;
use super::single_flight::{Outcome, SingleFlight};
use super::tier::{Loaded, Tier};
use super::warnings::Cause;
use super::wasm_source::WasmSource;
use crate::compile::{Compiled, Kind, expect_kind, kind_of};
use crate::error::Result;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;
use wasmtime::Engine;

/// The result of a lookup.
pub(crate) enum Step {
    /// The code.
    Done(Loaded),
    /// Another load of this guest is under way in this process: wait for it.
    Wait(Arc<SingleFlight>),
    /// Neither memory nor disk has the code: this load asks the shared tier, if there is one, or compiles it.
    Compile(CompilePermit),
}

/// The permit to compile a guest, for all loads that wait for it. Dropping it unused passes the compiling to one of
/// them.
pub(crate) struct CompilePermit {
    /// `None` without a cache.
    leader: Option<LeaderGuard>,
    /// Whether the directory cannot be used: writing to it would fail in the same way, and that has been reported.
    closed: bool,
    /// The guest's name in the shared tier; `None` without such a tier, or without a key to seal artefacts with.
    shared_name: Option<String>,
}

impl CompilePermit {
    /// The guest's name in the shared tier, if there is one to ask.
    pub(crate) fn shared_name(&self) -> Option<&str> {
        self.shared_name.as_deref()
    }
}

impl ModuleCache {
    /// Code for these bytes, from the nearest tier that has it. Blocks.
    ///
    /// Concurrent loads of the same bytes compile once: one leads, the others wait and count as hits of the memory
    /// tier. They share the leader's error; if its thread panics, one of them starts over.
    ///
    /// # Errors
    /// `ERR_COMPILE`, `ERR_SIMD_DISABLED` and `ERR_COMPILE_LIMIT` of compiling; `ERR_BAD_OPTION` for an unusable key file,
    /// and for owner trust on a system without it; `ERR_INTERNAL` for a second engine. A cache that cannot be read, trusted
    /// or written is never an error.
    pub fn load(&self, engine: &Engine, bytes: &[u8]) -> Result<Loaded> {
        self.load_guest(engine, &WasmSource::Bytes(bytes.into()), None)
    }

    /// Like [`ModuleCache::load`], for bytes or a file. A file is read whole only if it is compiled. With `expected`,
    /// the guest must be of that kind.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load`], `ERR_READ` and `ERR_WRONG_KIND`.
    pub fn load_guest(
        &self,
        engine: &Engine,
        guest: &WasmSource<'_>,
        expected: Option<Kind>,
    ) -> Result<Loaded> {
        loop {
            let flight = match self.lookup(engine, guest, expected)? {
                Step::Done(loaded) => return Ok(loaded),
                Step::Compile(permit) => {
                    match self.compile_and_store(engine, permit, guest, expected)? {
                        Some(loaded) => return Ok(loaded),
                        None => continue,
                    }
                }
                Step::Wait(flight) => flight,
            };
            let (sender, outcome) = mpsc::channel();
            flight.then(move |outcome| {
                let _ = sender.send(outcome);
            });
            if let Ok(Outcome::Done(outcome)) = outcome.recv() {
                return outcome.map(|compiled| self.memory_hit(compiled));
            }
        }
    }

    /// Looks in memory and on the disk. Waits for no compiler and for no other load.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load_guest`], except those of compiling.
    pub(crate) fn lookup(
        &self,
        engine: &Engine,
        guest: &WasmSource<'_>,
        expected: Option<Kind>,
    ) -> Result<Step> {
        self.compiler.check_size(guest.size()?)?;
        let Some(options) = &self.tiers.options else {
            return Ok(Step::Compile(CompilePermit {
                leader: None,
                closed: true,
                shared_name: None,
            }));
        };
        let ready = self.tiers.ready(options, engine)?;
        let key = guest.key(&self.tiers.known)?;
        expect_kind(key.kind, expected)?;
        let mut leader = match self.join(key) {
            Role::Have(compiled) => return Ok(Step::Done(self.memory_hit(compiled))),
            Role::Wait(flight) => return Ok(Step::Wait(flight)),
            Role::Lead(leader) => leader,
        };
        let mut closed = false;
        let mut shared_name = None;
        if let Some(disk) = &self.tiers.disk_tier()? {
            match self.load_from_disk(disk, engine, &mut leader, true) {
                Ok(Some(loaded)) => return Ok(Step::Done(loaded)),
                Ok(None) => {}
                Err(Closed) => closed = true,
            }
            if self.shared.is_some() && ready.secret.is_some() {
                shared_name = Some(format!("{}/{key}", ready.compats[0].directory()));
            }
        }
        Ok(Step::Compile(CompilePermit {
            leader: Some(leader),
            closed,
            shared_name,
        }))
    }

    /// Loads an artefact of the shared tier if it is genuine, and keeps it on the disk; else returns the permit. Blocks.
    ///
    /// # Errors
    /// `ERR_BAD_OPTION` for an unusable key file.
    pub(crate) fn accept_and_store(
        &self,
        engine: &Engine,
        permit: CompilePermit,
        sealed: &[u8],
    ) -> Result<Step> {
        let CompilePermit {
            leader: Some(mut leader),
            closed,
            shared_name,
        } = permit
        else {
            return Ok(Step::Compile(permit));
        };
        if let Some(disk) = &self.tiers.disk_tier()?
            && let Some(loaded) = self.accept(disk, engine, &mut leader, sealed)
        {
            let key = leader.key;
            // First lets the loads that wait go on. Only this load waits for the write, since its process may end right
            // after it.
            drop(leader);
            if !closed {
                self.write(disk, || disk.keep(&key, sealed));
            }
            return Ok(Step::Done(loaded));
        }
        Ok(Step::Compile(CompilePermit {
            leader: Some(leader),
            closed,
            shared_name,
        }))
    }

    /// Compiles under the guest's compile lock, unless another process has done so meanwhile, and gives the code to the
    /// tiers. Returns `None` if the file changed since it was hashed; look it up again. Blocks.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load_guest`].
    pub(crate) fn compile_and_store(
        &self,
        engine: &Engine,
        permit: CompilePermit,
        guest: &WasmSource<'_>,
        expected: Option<Kind>,
    ) -> Result<Option<Loaded>> {
        let CompilePermit {
            leader,
            closed,
            shared_name,
        } = permit;
        let bytes = guest.bytes()?;
        let kind = kind_of(&bytes)?;
        let Some(mut leader) = leader else {
            expect_kind(kind, expected)?;
            self.compiler.check(engine, &bytes)?;
            let fresh = self.compiler.compile(engine, &bytes)?;
            return Ok(Some(Loaded::from(Tier::Compiled, fresh.compiled)));
        };
        let key = leader.key;
        if matches!(guest, WasmSource::File(_)) && ModuleKey::of(kind, &bytes) != key {
            return Ok(None);
        }
        let tier = self.tiers.disk_tier()?;
        let disk = tier.as_ref().filter(|_| !closed);
        let lock: Option<CompileLock> = disk.and_then(|disk| disk.compile_lock(&key));
        if let (Some(disk), Some(_)) = (disk, &lock)
            && let Ok(Some(loaded)) = self.load_from_disk(disk, engine, &mut leader, false)
        {
            return Ok(Some(loaded));
        }
        let compile = || {
            self.compiler.check(engine, &bytes)?;
            self.counters.misses.fetch_add(1, Relaxed);
            self.compiler.compile(engine, &bytes)
        };
        let fresh = compile();
        leader.outcome = Outcome::Done(match &fresh {
            Ok(fresh) => Ok(fresh.compiled.clone()),
            Err(error) => Err(error.clone()),
        });
        // Lets the loads that wait go on. Only this load waits for the writes below, since its process may end right
        // after it.
        drop(leader);
        let fresh = fresh?;
        let shared = self.shared.as_ref().zip(shared_name);
        if let Some(tier) = tier.as_ref().filter(|_| shared.is_some() || !closed) {
            match fresh.artefact() {
                Ok(artefact) => {
                    let sealed = shared.as_ref().and_then(|_| tier.seal(&key, &artefact));
                    if !closed {
                        self.write(tier, || match &sealed {
                            Some(sealed) => tier.keep(&key, sealed),
                            None => tier.store(&key, &artefact),
                        });
                    }
                    if let (Some((shared, name)), Some(sealed)) = (shared, sealed) {
                        shared.put(&name, sealed);
                    }
                }
                Err(error) => self.write(tier, || Err(std::io::Error::other(error.message))),
            }
        }
        drop(lock);
        Ok(Some(Loaded::from(Tier::Compiled, fresh.compiled)))
    }

    fn join(&self, key: ModuleKey) -> Role {
        let mut state = lock(&self.tiers.state);
        if let Some(compiled) = state.memory.get(&key) {
            return Role::Have(compiled);
        }
        match state.flights.entry(key) {
            Entry::Occupied(flight) => Role::Wait(flight.get().clone()),
            Entry::Vacant(free) => {
                let flight = free.insert(Arc::new(SingleFlight::new())).clone();
                Role::Lead(LeaderGuard {
                    state: self.tiers.state.clone(),
                    key,
                    flight,
                    outcome: Outcome::Abandoned,
                })
            }
        }
    }

    /// Looks on the disk. `first`: whether to count rejected files, because no earlier lookup of this load has done so.
    fn load_from_disk(
        &self,
        disk: &DiskTier<'_>,
        engine: &Engine,
        leader: &mut LeaderGuard,
        first: bool,
    ) -> std::result::Result<Option<Loaded>, Closed> {
        let began = Instant::now();
        let reject = |why| {
            if first {
                self.counters.reject(why);
            }
        };
        match disk.load(engine, &leader.key, reject) {
            Found::Loaded(compiled) => {
                self.counters.disk_hits.fetch_add(1, Relaxed);
                self.counters.load.observe(began.elapsed());
                leader.outcome = Outcome::Done(Ok(compiled.clone()));
                Ok(Some(Loaded::from(Tier::Disk, compiled)))
            }
            Found::Missing => Ok(None),
            Found::Closed(error) => {
                reject(Rejection::Directory);
                self.tiers.warnings.add(Cause::Directory, || {
                    format!("the compile cache's directory is not used: {error}")
                });
                Err(Closed)
            }
        }
    }

    fn accept(
        &self,
        disk: &DiskTier<'_>,
        engine: &Engine,
        leader: &mut LeaderGuard,
        sealed: &[u8],
    ) -> Option<Loaded> {
        let began = Instant::now();
        match disk.accept(engine, &leader.key, sealed) {
            Ok(compiled) => {
                self.counters.shared_hits.fetch_add(1, Relaxed);
                self.counters.load.observe(began.elapsed());
                leader.outcome = Outcome::Done(Ok(compiled.clone()));
                Some(Loaded::from(Tier::Shared, compiled))
            }
            Err(why) => {
                if let Some(why) = why {
                    self.counters.reject(why);
                }
                None
            }
        }
    }

    fn write(&self, disk: &DiskTier<'_>, write: impl FnOnce() -> std::io::Result<()>) {
        match write() {
            Ok(()) => self.keep_limits(disk),
            Err(error) => {
                self.counters.write_failures.fetch_add(1, Relaxed);
                self.tiers.warnings.add(Cause::Write, || {
                    format!("the compile cache could not be written: {error}")
                });
            }
        }
    }

    /// Counts a hit of the memory tier, also for a load that waited for another.
    pub(crate) fn memory_hit(&self, compiled: Compiled) -> Loaded {
        self.counters.memory_hits.fetch_add(1, Relaxed);
        Loaded::from(Tier::Memory, compiled)
    }
}

/// The directory cannot be used.
struct Closed;

enum Role {
    Have(Compiled),
    Wait(Arc<SingleFlight>),
    Lead(LeaderGuard),
}

/// Ends a flight when it is dropped, also by a panic. Puts the code into the memory tier before it removes the flight,
/// so that no load in between compiles again.
struct LeaderGuard {
    state: Arc<Mutex<State>>,
    key: ModuleKey,
    flight: Arc<SingleFlight>,
    outcome: Outcome,
}

impl Drop for LeaderGuard {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let evicted = match &self.outcome {
            Outcome::Done(Ok(compiled)) => state.memory.put(self.key, compiled.clone()),
            _ => Vec::new(),
        };
        state.flights.remove(&self.key);
        drop(state);
        drop(evicted);
        self.flight.land(self.outcome.clone());
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::{CacheLimits, CacheOptions, Trust};
    use super::*;
    use crate::compile::{CompileOptions, Compiler};
    use crate::compile::{Cpu, Settings};
    use std::time::Duration;

    #[test]
    fn a_load_whose_leader_panics_is_started_over_by_one_that_waits() {
        let folder = tempfile::tempdir().expect("folder");
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, [7; 32]).expect("key");
        let options = CacheOptions {
            directory: folder.path().join("cache"),
            key_file: Some(key_file),
            trust: Trust::Key,
            readable: false,
            limits: CacheLimits {
                max_bytes: 1 << 30,
                max_entries: 100,
                max_age: Duration::from_secs(1000),
            },
        };
        let settings = Settings {
            simd: true,
            signals: true,
            fuel: false,
            reservation: 1 << 32,
            cpu: Cpu::Native,
        };
        let cache = ModuleCache::new(
            Some(options),
            settings,
            Compiler::new(settings, CompileOptions::default()),
        );
        let engine = Engine::default();
        let bytes = b"\0asm\x01\0\0\0";
        let key = ModuleKey::of(kind_of(bytes).expect("kind"), bytes);
        std::thread::scope(|scope| {
            let Role::Lead(leader) = cache.join(key) else {
                panic!("nobody else leads")
            };
            let waiting: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| cache.load(&engine, bytes).expect("load").tier))
                .collect();
            let leader = scope.spawn(move || {
                let _leader = leader;
                std::panic::resume_unwind(Box::new("the compiler panicked"));
            });
            assert!(leader.join().is_err());
            let tiers: Vec<_> = waiting
                .into_iter()
                .map(|thread| thread.join().expect("waiting"))
                .collect();
            assert_eq!(
                tiers.iter().filter(|tier| **tier == Tier::Compiled).count(),
                1,
                "{tiers:?}"
            );
        });
        assert_eq!(cache.stats().misses, 1);
    }
}
