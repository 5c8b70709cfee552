//! From a guest to its code: the nearest tier that has it, or the compiler, once for all who ask at the same time.

use super::disk::{DiskTier, Found};
use super::flight::{Flight, Outcome};
use super::key::ModuleKey;
use super::warnings::Cause;
use super::{Guest, Loaded, ModuleCache, Offer, Ready, Rejection, Tier};
use crate::compile::{Compiled, Kind, expect_kind, kind_of};
use crate::error::{Error, ErrorCode, Result};
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use wasmtime::Engine;

impl ModuleCache {
    /// Code for these bytes, from the nearest tier that has it. Blocks.
    ///
    /// Loads of the same bytes at once compile once: the others wait, and count as hits of the
    /// memory tier. They share the leader's error; if its thread panics, one of them starts over.
    ///
    /// # Errors
    /// [`ErrorCode::Compile`], [`ErrorCode::SimdDisabled`] and [`ErrorCode::CompileLimit`] of compiling;
    /// [`ErrorCode::BadOption`] for an unusable key file, and for owner trust where it does not
    /// exist; [`ErrorCode::Internal`] for a second engine. A cache that cannot be read, trusted or
    /// written is never an error.
    pub fn load(&self, engine: &Engine, bytes: &[u8]) -> Result<Loaded> {
        self.load_guest(engine, &Guest::Bytes(bytes.into()), None, false, None)
    }

    /// The same for a file as well, which is read whole only where it is compiled; where `expected` is
    /// given, of that kind. `looked`: after [`ModuleCache::find_guest`] found nothing. Before it compiles, it looks at
    /// what the shared tier offers.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load`], [`ErrorCode::Read`] and [`ErrorCode::WrongKind`].
    pub fn load_guest(
        &self,
        engine: &Engine,
        guest: &Guest<'_>,
        expected: Option<Kind>,
        looked: bool,
        offer: Option<Offer>,
    ) -> Result<Loaded> {
        self.compiler.check_size(guest.size()?)?;
        let Some(options) = &self.options else {
            let bytes = guest.bytes()?;
            expect_kind(kind_of(&bytes)?, expected)?;
            let fresh = self.compiler.compile(engine, &bytes)?;
            return Ok(Loaded::from(Tier::Compiled, fresh.compiled));
        };
        let ready = self.ready(options, engine)?;
        let key = guest.key(&self.known)?;
        expect_kind(key.kind, expected)?;
        loop {
            let flight = match self.board(key) {
                Boarding::Have(compiled) => return Ok(self.memory_hit(compiled)),
                Boarding::Lead(landing) => {
                    return self.lead(ready, landing, guest, expected, looked, offer);
                }
                Boarding::Wait(flight) => flight,
            };
            match flight.wait() {
                Outcome::Done(outcome) => return outcome.map(|compiled| self.memory_hit(compiled)),
                Outcome::Abandoned => {}
            }
        }
    }

    /// The same from memory and disk alone, where nobody else is loading it: never compiles, and waits for nobody who
    /// does.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load_guest`].
    pub fn find_guest(
        &self,
        engine: &Engine,
        guest: &Guest<'_>,
        expected: Option<Kind>,
    ) -> Result<Option<Loaded>> {
        self.compiler.check_size(guest.size()?)?;
        let Some(options) = &self.options else {
            return Ok(None);
        };
        let ready = self.ready(options, engine)?;
        let key = guest.key(&self.known)?;
        expect_kind(key.kind, expected)?;
        match (self.board(key), &ready.disk) {
            (Boarding::Have(compiled), _) => Ok(Some(self.memory_hit(compiled))),
            (Boarding::Lead(mut landing), Some(disk)) => {
                let found = self.look(disk, &ready.engine, &mut landing, true);
                Ok(found.ok().flatten())
            }
            _ => Ok(None),
        }
    }

    /// A guest's name in the shared tier.
    ///
    /// # Errors
    /// Those of [`ModuleCache::load_guest`]; [`ErrorCode::BadOption`] for a cache without a key.
    pub fn shared_name(&self, engine: &Engine, guest: &Guest<'_>) -> Result<String> {
        let disk = match &self.options {
            Some(options) => self.ready(options, engine)?.disk.as_ref(),
            None => None,
        };
        let Some(disk) = disk else {
            let message = "a shared tier needs a cache with a key";
            return Err(Error::new(ErrorCode::BadOption, message).text("option", "cache.shared"));
        };
        Ok(disk.shared_name(&guest.key(&self.known)?))
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
        looked: bool,
        offer: Option<Offer>,
    ) -> Result<Loaded> {
        let key = landing.key;
        let mut disk = ready.disk.as_ref();
        let mut turn = None;
        // What is in disorder is counted once.
        let mut first = !looked;
        // Once more with the turn: another process may have compiled it meanwhile.
        while let Some(tier) = disk {
            match self.look(tier, &ready.engine, &mut landing, first) {
                Ok(Some(loaded)) => return Ok(loaded),
                // Writing would fail the same way: once said is enough.
                Err(Closed) => disk = None,
                Ok(None) if turn.is_some() => break,
                Ok(None) => {
                    turn = tier.turn(&key);
                    if turn.is_none() {
                        break;
                    }
                }
            }
            first = false;
        }
        let offered = offer.as_ref().and_then(|offer| offer.sealed.as_deref());
        if let (Some(tier), Some(sealed)) = (&ready.disk, offered)
            && let Some(loaded) = self.accept(tier, &ready.engine, &mut landing, sealed)
        {
            // Nobody waits for the disk but this call.
            drop(landing);
            if let Some(tier) = disk {
                self.write(tier, || tier.keep(&key, sealed));
            }
            return Ok(loaded);
        }
        let bytes = guest.bytes()?;
        if matches!(guest, Guest::File(_)) && ModuleKey::of(kind_of(&bytes)?, &bytes) != key {
            // The file changed since it was hashed. What it holds now is what was asked for.
            drop(landing);
            return self.load_guest(&ready.engine, &Guest::Bytes(bytes), expected, false, None);
        }
        self.counters.misses.fetch_add(1, Relaxed);
        let fresh = self.compiler.compile(&ready.engine, &bytes);
        landing.outcome = Outcome::Done(match &fresh {
            Ok(fresh) => Ok(fresh.compiled.clone()),
            Err(error) => Err(error.clone()),
        });
        // Nor for what follows, whose process may end with it.
        drop(landing);
        let fresh = fresh?;
        let artefact = fresh.artefact()?;
        if let Some(tier) = disk {
            self.write(tier, || tier.store(&key, &artefact));
        }
        let sealed = match (&ready.disk, offer) {
            (Some(tier), Some(_)) => tier.seal(&key, &artefact),
            _ => None,
        };
        drop(artefact);
        Ok(Loaded {
            sealed,
            ..Loaded::from(Tier::Compiled, fresh.compiled)
        })
    }

    /// Looks at the disk. `first`: what is found in disorder was not counted yet.
    fn look(
        &self,
        disk: &DiskTier,
        engine: &Engine,
        landing: &mut Landing<'_>,
        first: bool,
    ) -> std::result::Result<Option<Loaded>, Closed> {
        let began = Instant::now();
        let reject = |why| {
            if first {
                self.counters.reject(why);
            }
        };
        match disk.load(engine, &landing.key, reject) {
            Found::Loaded(compiled) => {
                self.counters.disk_hits.fetch_add(1, Relaxed);
                self.counters.load.observe(began.elapsed());
                landing.outcome = Outcome::Done(Ok(compiled.clone()));
                Ok(Some(Loaded::from(Tier::Disk, compiled)))
            }
            Found::Missing => Ok(None),
            Found::Closed(error) => {
                reject(Rejection::Directory);
                self.warnings.add(Cause::Directory, || {
                    format!("the compile cache's directory is not used: {error}")
                });
                Err(Closed)
            }
        }
    }

    fn accept(
        &self,
        disk: &DiskTier,
        engine: &Engine,
        landing: &mut Landing<'_>,
        sealed: &[u8],
    ) -> Option<Loaded> {
        let began = Instant::now();
        match disk.accept(engine, &landing.key, sealed) {
            Ok(compiled) => {
                self.counters.shared_hits.fetch_add(1, Relaxed);
                self.counters.load.observe(began.elapsed());
                landing.outcome = Outcome::Done(Ok(compiled.clone()));
                Some(Loaded::from(Tier::Shared, compiled))
            }
            Err(why) => {
                self.counters.reject(why);
                None
            }
        }
    }

    fn write(&self, disk: &DiskTier, write: impl FnOnce() -> std::io::Result<()>) {
        match write() {
            Ok(()) => self.keep_limits(disk),
            Err(error) => {
                self.counters.write_failures.fetch_add(1, Relaxed);
                self.warnings.add(Cause::Write, || {
                    format!("the compile cache could not be written: {error}")
                });
            }
        }
    }

    fn memory_hit(&self, compiled: Compiled) -> Loaded {
        self.counters.memory_hits.fetch_add(1, Relaxed);
        Loaded::from(Tier::Memory, compiled)
    }
}

/// The directory cannot be used.
struct Closed;

/// What a lookup does next.
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
    use super::super::{CacheLimits, CacheOptions, Trust};
    use super::*;
    use crate::compile::Compiler;
    use crate::settings::{Cpu, Settings};
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
        let cache = ModuleCache::new(Some(options), settings, Compiler::new(settings, None));
        let engine = Engine::default();
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
