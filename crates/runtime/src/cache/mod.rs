//! The AOT cache: a memory tier over a disk tier, over a shared tier, over the compiler.
//!
//! It answers one question, a guest to its code, for one engine. Loading blocks, for up to seconds where it compiles: never
//! call it on an event loop.

mod digest;
mod directory;
mod disk;
mod flight;
mod guest;
mod inventory;
mod key;
mod lookup;
mod memory;
mod private;
mod rejection;
mod seal;
mod secret;
mod stats;
mod trust;
mod turn;
mod upkeep;
mod warnings;

pub(crate) use directory::random_number;
pub(crate) use flight::Outcome;
pub use guest::{Guest, GuestFile};
pub use inventory::{CacheEntry, CacheLimits, Removed};
pub(crate) use lookup::{Duty, Step};
pub use rejection::Rejection;
pub use secret::own_key_file;
pub use stats::CacheStats;
pub use trust::Trust;

use crate::compile::{Compiled, Compiler};
use crate::error::{Error, ErrorCode, Result};
use crate::histogram::HistogramSnapshot;
use crate::settings::{Cpu, Settings};
use disk::DiskTier;
use flight::Flight;
use guest::Known;
use key::{Compat, ModuleKey};
use memory::MemoryTier;
use secret::{NoSecret, SecretFile};
use stats::Counters;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
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
    /// `/riptide-wasm/cache.key`. It is read again when it changed. Not used under owner trust.
    pub key_file: Option<PathBuf>,
    /// Why files are believed.
    pub trust: Trust,
    /// Whether other users may read what is written.
    pub readable: bool,
    /// What the directory may hold.
    pub limits: CacheLimits,
}

/// What the shared tier has to say in a load that found nothing before. It needs key trust with a key file.
pub struct Offer {
    /// What it keeps under the guest's name; nothing where it has nothing.
    pub sealed: Option<Vec<u8>>,
    /// How long it took to ask it.
    pub spent: Duration,
}

/// Code, and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The code.
    pub compiled: Compiled,
    /// Where it came from.
    pub tier: Tier,
    /// For the shared tier: the artefact, where this load compiled and there was an offer.
    pub sealed: Option<Vec<u8>>,
}

impl Loaded {
    fn from(tier: Tier, compiled: Compiled) -> Loaded {
        Loaded {
            compiled,
            tier,
            sealed: None,
        }
    }
}

/// Where code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// This process had it, or another thread was loading it.
    Memory,
    /// An artefact on disk.
    Disk,
    /// An artefact of the shared tier.
    Shared,
    /// The compiler.
    Compiled,
}

/// The cache of one engine: its numbers and its compiler, over tiers that other engines may share.
pub struct ModuleCache {
    compiler: Compiler,
    counters: Counters,
    tiers: Arc<Tiers>,
}

/// Where code is looked for, on behalf of one engine or several.
struct Tiers {
    options: Option<CacheOptions>,
    settings: Settings,
    ready: OnceLock<Result<Ready>>,
    state: Arc<Mutex<State>>,
    known: Known,
    warnings: Arc<Warnings>,
    on_disk: OnDisk,
}

/// What was on the disk when it was last counted.
struct OnDisk {
    entries: AtomicU64,
    bytes: AtomicU64,
    /// Whether nobody counted yet.
    uncounted: AtomicBool,
}

/// What the first load finds out.
struct Ready {
    engine: Engine,
    /// What this engine writes, first, and what else it can run.
    compats: Vec<Compat>,
    /// `None` under owner trust.
    secret: Option<SecretFile>,
}

#[derive(Default)]
struct State {
    memory: MemoryTier,
    flights: HashMap<ModuleKey, Arc<Flight>>,
}

impl ModuleCache {
    /// A cache, or none (`None`): then every load compiles, and nothing is counted. Touches no
    /// file. `settings` are those of the engine; caches with others share no artefacts.
    pub fn new(
        options: Option<CacheOptions>,
        settings: Settings,
        compiler: Compiler,
    ) -> ModuleCache {
        ModuleCache::telling(options, settings, compiler, Arc::default())
    }

    fn telling(
        options: Option<CacheOptions>,
        settings: Settings,
        compiler: Compiler,
        warnings: Arc<Warnings>,
    ) -> ModuleCache {
        ModuleCache {
            compiler,
            counters: Counters::default(),
            tiers: Arc::new(Tiers {
                options,
                settings,
                ready: OnceLock::new(),
                state: Arc::default(),
                known: Known::default(),
                warnings,
                on_disk: OnDisk {
                    entries: AtomicU64::new(0),
                    bytes: AtomicU64::new(0),
                    uncounted: AtomicBool::new(true),
                },
            }),
        }
    }

    /// Another one over the same tiers, with numbers of its own. `compiler` has the same limits.
    pub(crate) fn beside(&self, compiler: Compiler) -> ModuleCache {
        ModuleCache {
            compiler,
            counters: Counters::default(),
            tiers: self.tiers.clone(),
        }
    }

    /// Another one with the same options for another Wasmtime engine, which code cannot be shared with. What both warn of
    /// is told once.
    pub(crate) fn apart(&self, settings: Settings, compiler: Compiler) -> ModuleCache {
        let Tiers {
            options, warnings, ..
        } = &*self.tiers;
        ModuleCache::telling(options.clone(), settings, compiler, warnings.clone())
    }

    /// What the cache did so far: a copy. Takes no lock.
    pub fn stats(&self) -> CacheStats {
        let OnDisk { entries, bytes, .. } = &self.tiers.on_disk;
        CacheStats {
            entries: entries.load(Relaxed),
            bytes: bytes.load(Relaxed),
            ..self.counters.snapshot()
        }
    }

    /// Whether there is a cache at all.
    pub fn enabled(&self) -> bool {
        self.tiers.options.is_some()
    }

    /// How long compiling took, with a cache or without.
    pub fn compiling(&self) -> HistogramSnapshot {
        self.compiler.took()
    }

    /// Sentences for the operator since the last time: each cause is told once in the life of the tiers, and of those
    /// [`ModuleCache::apart`] from them.
    pub fn take_warnings(&self) -> Vec<String> {
        self.tiers.warnings.take()
    }
}

impl Tiers {
    fn ready(&self, options: &CacheOptions, engine: &Engine) -> Result<&Ready> {
        let ready = self.ready.get_or_init(|| self.open(options, engine));
        let ready = ready.as_ref().map_err(Clone::clone)?;
        if !Engine::same(&ready.engine, engine) {
            return Err(Error::new(
                ErrorCode::Internal,
                "a module cache serves one engine",
            ));
        }
        Ok(ready)
    }

    fn open(&self, options: &CacheOptions, engine: &Engine) -> Result<Ready> {
        let (settings, trust) = (&self.settings, options.trust);
        let mut compats = vec![Compat::of(engine, settings, trust)];
        if settings.cpu == Cpu::Native {
            compats.push(Compat::baseline(settings, trust));
        }
        let secret = match trust {
            Trust::Owner if cfg!(unix) => None,
            Trust::Owner => {
                return Err(Error::new(
                    ErrorCode::BadOption,
                    "cache.trust: this system has no owner trust",
                )
                .text("option", "cache.trust")
                .text("value", "owner")
                .text("allowed", "key"));
            }
            Trust::Key => Some(SecretFile::new(options.key_file.clone())),
        };
        Ok(Ready {
            engine: engine.clone(),
            compats,
            secret,
        })
    }

    /// The disk tier with the key of this moment; `None` before the first load, and where there is no key, which a
    /// warning says.
    ///
    /// # Errors
    /// [`ErrorCode::BadOption`] for a key file that could never be used.
    fn disk_tier(&self) -> Result<Option<DiskTier<'_>>> {
        let (Some(options), Some(Ok(ready))) = (&self.options, self.ready.get()) else {
            return Ok(None);
        };
        let secret = match ready.secret.as_ref().map(SecretFile::current) {
            None => None,
            Some(Ok(secret)) => Some(secret),
            Some(Err(NoSecret::Refused(error))) => return Err(error),
            Some(Err(NoSecret::Unusable(reason))) => {
                self.warnings.add(Cause::Secret, || {
                    format!("the compile cache keeps nothing on disk, having no key: {reason}")
                });
                return Ok(None);
            }
        };
        Ok(Some(DiskTier::new(options, &ready.compats, secret)))
    }
}
