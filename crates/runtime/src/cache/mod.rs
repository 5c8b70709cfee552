//! The AOT cache: a memory tier over a disk tier, over the compiler.
//!
//! It answers one question, a guest to its code, for one engine. It does not prune its directory. Loading blocks, for up to seconds where it compiles: never call
//! it on an event loop.

mod directory;
mod disk;
mod flight;
mod guest;
mod key;
mod memory;
mod native;
mod private;
mod seal;
mod secret;
mod stats;
mod trust;
mod turn;
mod warnings;

pub use guest::{Guest, GuestFile};
pub use stats::CacheStats;
pub use trust::Trust;

use crate::compile::{Compiled, Kind, compile, expect_kind, kind_of};
use crate::error::{Error, ErrorCode, Result};
use disk::{DiskTier, Found};
use flight::{Flight, Outcome};
use guest::Known;
use key::{Compat, ModuleKey};
use memory::MemoryTier;
use secret::Secret;
use stats::Counters;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use warnings::{Cause, Warnings};
use wasmtime::Engine;

/// Where the disk tier is, and why its files are believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheOptions {
    /// The directory. It is made on first use, mode 0700. Artefacts lie in
    /// `<directory>/<compat>/<module_hash>_<file_size>`.
    pub directory: PathBuf,
    /// Key trust: a regular file of 32 bytes to 64 KiB, all of which make the key. Without one, a
    /// secret of this user is made on first use in `$XDG_CONFIG_HOME` (else `~/.config`)
    /// `/riptide-wasm/cache.key`. Not used under owner trust.
    pub key_file: Option<PathBuf>,
    /// Why files are believed.
    pub trust: Trust,
}

/// Code, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The code.
    pub compiled: Compiled,
    /// Where it came from.
    pub tier: Tier,
}

/// Where code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// This process had it, or another thread was loading it.
    Memory,
    /// An artefact on disk.
    Disk,
    /// The compiler.
    Compiled,
}

/// The cache of one engine. Shared by its threads; see the module's documentation.
pub struct ModuleCache {
    options: Option<CacheOptions>,
    settings: String,
    simd: bool,
    ready: OnceLock<Result<Ready>>,
    state: Mutex<State>,
    known: Known,
    counters: Counters,
    warnings: Warnings,
}

/// What the first load finds out.
struct Ready {
    engine: Engine,
    /// `None`: no key could be made, and a warning said so.
    disk: Option<DiskTier>,
}

#[derive(Default)]
struct State {
    memory: MemoryTier,
    flights: HashMap<ModuleKey, Arc<Flight>>,
}

impl ModuleCache {
    /// A cache, or none (`None`): then every load compiles, and nothing is counted. Touches no
    /// file.
    ///
    /// `settings` is the text of every engine setting that changes native code; caches with another
    /// text share no artefacts. `simd` says whether the engine admits SIMD.
    pub fn new(options: Option<CacheOptions>, settings: &str, simd: bool) -> ModuleCache {
        ModuleCache {
            options,
            settings: settings.to_owned(),
            simd,
            ready: OnceLock::new(),
            state: Mutex::default(),
            known: Known::default(),
            counters: Counters::default(),
            warnings: Warnings::default(),
        }
    }

    /// Whether there is a cache at all.
    pub fn enabled(&self) -> bool {
        self.options.is_some()
    }

    /// Reads or makes the key now, so that a bad option fails when an engine is made and not with
    /// its first load.
    ///
    /// # Errors
    /// As of [`ModuleCache::load`], without those of compiling.
    pub fn prepare(&self, engine: &Engine) -> Result<()> {
        match &self.options {
            Some(options) => self.ready(options, engine).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Code for these bytes, from the nearest tier that has it. Blocks.
    ///
    /// Loads of the same bytes at once compile once: the others wait, and count as hits of the
    /// memory tier. They share the leader's error; if its thread panics, one of them starts over.
    ///
    /// # Errors
    /// [`ErrorCode::Compile`] and [`ErrorCode::SimdDisabled`] as of [`compile`];
    /// [`ErrorCode::BadOption`] for an unusable key file, and for owner trust where it does not
    /// exist; [`ErrorCode::Internal`] for a second engine. A cache that cannot be read, trusted or
    /// written is never an error.
    pub fn load(&self, engine: &Engine, bytes: &[u8]) -> Result<Loaded> {
        self.load_guest(engine, &Guest::Bytes(bytes.into()), None)
    }

    /// The same for a file as well, which is read whole only where it is compiled; where `expected` is
    /// given, of that kind.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load`], [`ErrorCode::Read`] and [`ErrorCode::WrongKind`].
    pub fn load_guest(
        &self,
        engine: &Engine,
        guest: &Guest<'_>,
        expected: Option<Kind>,
    ) -> Result<Loaded> {
        let Some(options) = &self.options else {
            let bytes = guest.bytes()?;
            expect_kind(kind_of(&bytes)?, expected)?;
            let compiled = compile(engine, self.simd, &bytes)?;
            return Ok(Loaded {
                compiled,
                tier: Tier::Compiled,
            });
        };
        let ready = self.ready(options, engine)?;
        let key = guest.key(&self.known)?;
        expect_kind(key.kind, expected)?;
        loop {
            let flight = match self.board(key) {
                Boarding::Have(compiled) => return Ok(self.memory_hit(compiled)),
                Boarding::Lead(landing) => return self.lead(ready, landing, guest, expected),
                Boarding::Wait(flight) => flight,
            };
            match flight.wait() {
                Outcome::Done(outcome) => return outcome.map(|compiled| self.memory_hit(compiled)),
                Outcome::Abandoned => {}
            }
        }
    }

    /// What the cache did so far: a copy. Takes no lock.
    pub fn stats(&self) -> CacheStats {
        self.counters.snapshot()
    }

    /// Sentences for the operator since the last time: each cause is told once in a cache's life.
    pub fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    fn ready(&self, options: &CacheOptions, engine: &Engine) -> Result<&Ready> {
        let ready = self.ready.get_or_init(|| {
            let disk = self.open(options, engine)?;
            Ok(Ready {
                engine: engine.clone(),
                disk,
            })
        });
        let ready = ready.as_ref().map_err(Clone::clone)?;
        if !Engine::same(&ready.engine, engine) {
            return Err(Error::new(
                ErrorCode::Internal,
                "a module cache serves one engine",
            ));
        }
        Ok(ready)
    }

    fn open(&self, options: &CacheOptions, engine: &Engine) -> Result<Option<DiskTier>> {
        let compat = Compat::of(engine, &self.settings, options.trust);
        let secret = match (options.trust, &options.key_file) {
            (Trust::Owner, _) if cfg!(unix) => None,
            (Trust::Owner, _) => {
                return Err(Error::new(
                    ErrorCode::BadOption,
                    "cache.trust: this system has no owner trust",
                )
                .text("option", "cache.trust")
                .text("value", "owner")
                .text("allowed", "key"));
            }
            (Trust::Key, Some(file)) => Some(Secret::from_file(file)?),
            (Trust::Key, None) => match Secret::own() {
                Ok(secret) => Some(secret),
                Err(error) => {
                    self.warnings.add(Cause::Secret, || {
                        format!("the compile cache keeps nothing on disk, having no key: {error}")
                    });
                    return Ok(None);
                }
            },
        };
        Ok(Some(DiskTier::new(&options.directory, compat, secret)))
    }

    fn board(&self, key: ModuleKey) -> Boarding<'_> {
        let mut state = self.state();
        if let Some(compiled) = state.memory.get(&key) {
            return Boarding::Have(compiled);
        }
        match state.flights.entry(key) {
            Entry::Occupied(flight) => Boarding::Wait(flight.get().clone()),
            Entry::Vacant(free) => {
                let flight = free.insert(Arc::default()).clone();
                Boarding::Lead(Landing {
                    cache: self,
                    key,
                    flight,
                    outcome: Outcome::Abandoned,
                })
            }
        }
    }

    fn lead(
        &self,
        ready: &Ready,
        mut landing: Landing<'_>,
        guest: &Guest<'_>,
        expected: Option<Kind>,
    ) -> Result<Loaded> {
        let key = landing.key;
        let mut disk = ready.disk.as_ref();
        let mut turn = None;
        // Once more with the turn: another process may have compiled it meanwhile.
        while let Some(tier) = disk {
            match tier.load(&ready.engine, &key) {
                Found::Loaded(compiled) => {
                    self.counters.disk_hits.fetch_add(1, Relaxed);
                    landing.outcome = Outcome::Done(Ok(compiled.clone()));
                    return Ok(Loaded {
                        compiled,
                        tier: Tier::Disk,
                    });
                }
                // Counted once: the second look finds the same file.
                Found::Rejected if turn.is_none() => {
                    self.counters.rejected.fetch_add(1, Relaxed);
                }
                Found::Rejected => {}
                Found::Closed(error) => {
                    // Writing would fail the same way: once said is enough.
                    disk = None;
                    self.warnings.add(Cause::Directory, || {
                        format!("the compile cache's directory is not used: {error}")
                    });
                }
                Found::Missing => {}
            }
            if disk.is_none() || turn.is_some() {
                break;
            }
            turn = tier.turn(&key);
            if turn.is_none() {
                break;
            }
        }
        let bytes = guest.bytes()?;
        if matches!(guest, Guest::File(_)) && ModuleKey::of(kind_of(&bytes)?, &bytes) != key {
            // The file changed since it was hashed. What it holds now is what was asked for.
            drop(landing);
            return self.load_guest(&ready.engine, &Guest::Bytes(bytes), expected);
        }
        self.counters.misses.fetch_add(1, Relaxed);
        let outcome = compile(&ready.engine, self.simd, &bytes);
        landing.outcome = Outcome::Done(outcome.clone());
        // Nobody waits for the disk but this call, whose process may end with it.
        drop(landing);
        let compiled = outcome?;
        if let Some(disk) = disk {
            self.store(disk, &key, &compiled);
        }
        drop(turn);
        Ok(Loaded {
            compiled,
            tier: Tier::Compiled,
        })
    }

    fn store(&self, disk: &DiskTier, key: &ModuleKey, compiled: &Compiled) {
        let written = compiled
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|artefact| {
                disk.store(key, &artefact)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = written {
            self.counters.write_failures.fetch_add(1, Relaxed);
            self.warnings.add(Cause::Write, || {
                format!("the compile cache could not be written: {error}")
            });
        }
    }

    fn memory_hit(&self, compiled: Compiled) -> Loaded {
        self.counters.memory_hits.fetch_add(1, Relaxed);
        Loaded {
            compiled,
            tier: Tier::Memory,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a load does next.
enum Boarding<'a> {
    Have(Compiled),
    Wait(Arc<Flight>),
    Lead(Landing<'a>),
}

/// Ends a flight when dropped, a panic included: code goes to the memory tier before the flight is
/// forgotten, so that no load between the two compiles again.
struct Landing<'a> {
    cache: &'a ModuleCache,
    key: ModuleKey,
    flight: Arc<Flight>,
    outcome: Outcome,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        let evicted = match &self.outcome {
            Outcome::Done(Ok(compiled)) => state.memory.put(self.key, compiled.clone()),
            _ => None,
        };
        state.flights.remove(&self.key);
        drop(state);
        drop(evicted);
        self.flight.land(self.outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_whose_leader_panics_is_started_over_by_one_that_waits() {
        let folder = tempfile::tempdir().expect("folder");
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, [7; 32]).expect("key");
        let options = CacheOptions {
            directory: folder.path().join("cache"),
            key_file: Some(key_file),
            trust: Trust::Key,
        };
        let (cache, engine) = (ModuleCache::new(Some(options), "", true), Engine::default());
        let bytes = b"\0asm\x01\0\0\0";
        let key = ModuleKey::of(kind_of(bytes).expect("kind"), bytes);
        std::thread::scope(|scope| {
            let Boarding::Lead(landing) = cache.board(key) else {
                panic!("nobody else leads")
            };
            let waiting: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| cache.load(&engine, bytes).expect("load").tier))
                .collect();
            let leader = scope.spawn(move || {
                let _landing = landing;
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
