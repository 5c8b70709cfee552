//! The cache of one engine: a memory tier over a disk tier, over a shared tier, over the compiler.

use super::disk::DiskTier;
use super::key::{Compat, ModuleKey};
use super::memory::MemoryTier;
use super::options::CacheOptions;
use super::secret::{NoSecret, SecretFile};
use super::shared_tier::SharedTier;
use super::single_flight::SingleFlight;
use super::stats::{CacheStats, Counters};
use super::trust::Trust;
use super::warnings::{Cause, Warnings};
use super::wasm_source::HashCache;
use crate::compile::{Compiler, Cpu, Settings};
use crate::error::{Error, ErrorCode, Result};
use crate::metrics::HistogramSnapshot;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use wasmtime::Engine;

/// The cache of one engine: its numbers, its compiler and its shared tier, over tiers that other engines may share.
pub struct ModuleCache {
    pub(super) compiler: Compiler,
    pub(super) counters: Counters,
    pub(super) tiers: Arc<Tiers>,
    pub(super) shared: Option<Arc<dyn SharedTier>>,
}

/// The tiers, which the caches of several engines may share.
pub(super) struct Tiers {
    pub(super) options: Option<CacheOptions>,
    pub(super) settings: Settings,
    pub(super) ready: OnceLock<Result<Ready>>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) known: HashCache,
    pub(super) warnings: Arc<Warnings>,
    pub(super) on_disk: OnDisk,
}

/// The artefacts on the disk when they were last counted.
pub(super) struct OnDisk {
    pub(super) entries: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// Whether they were never counted.
    pub(super) uncounted: AtomicBool,
}

/// Set up by the first load.
pub(super) struct Ready {
    pub(super) engine: Engine,
    /// First the one that this engine writes under, then others whose code it can run.
    pub(super) compats: Vec<Compat>,
    /// `None` under owner trust.
    pub(super) secret: Option<SecretFile>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) memory: MemoryTier,
    pub(super) flights: HashMap<ModuleKey, Arc<SingleFlight>>,
}

impl ModuleCache {
    /// A cache. With `options` of `None` it is off: every load compiles, and nothing is counted. Touches no file.
    /// `settings` are those of the engine; caches with other settings share no artefacts.
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
            shared: None,
            tiers: Arc::new(Tiers {
                options,
                settings,
                ready: OnceLock::new(),
                state: Arc::default(),
                known: HashCache::default(),
                warnings,
                on_disk: OnDisk {
                    entries: AtomicU64::new(0),
                    bytes: AtomicU64::new(0),
                    uncounted: AtomicBool::new(true),
                },
            }),
        }
    }

    /// Another cache over the same tiers, with its own counters. `compiler` must have the same limits.
    pub(crate) fn beside(&self, compiler: Compiler) -> ModuleCache {
        ModuleCache {
            compiler,
            counters: Counters::default(),
            shared: None,
            tiers: self.tiers.clone(),
        }
    }

    /// This cache with a shared tier behind its disk. Needs key trust; without a key it is never asked.
    pub(crate) fn with_shared(mut self, shared: Option<Arc<dyn SharedTier>>) -> ModuleCache {
        self.shared = shared;
        self
    }

    /// Another cache with the same options, for another Wasmtime engine, with which it cannot share code. The two share
    /// their warnings, so that each cause warns once.
    pub(crate) fn apart(&self, settings: Settings, compiler: Compiler) -> ModuleCache {
        let Tiers {
            options, warnings, ..
        } = &*self.tiers;
        ModuleCache::telling(options.clone(), settings, compiler, warnings.clone())
    }

    /// The tier that several machines share.
    pub(crate) fn shared(&self) -> Option<&Arc<dyn SharedTier>> {
        self.shared.as_ref()
    }

    /// The cache's numbers so far: a copy. Takes no lock.
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

    /// Warnings for the operator since the last call. Each cause warns once in the life of the tiers, whichever cache
    /// over them met it.
    pub fn take_warnings(&self) -> Vec<String> {
        self.tiers.warnings.take()
    }
}

impl Tiers {
    pub(super) fn ready(&self, options: &CacheOptions, engine: &Engine) -> Result<&Ready> {
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

    /// The disk tier with the current key. Returns `None` before the first load, and, with a warning, if there is no
    /// key.
    ///
    /// # Errors
    /// [`ErrorCode::BadOption`] for a key file that could never be used.
    pub(super) fn disk_tier(&self) -> Result<Option<DiskTier<'_>>> {
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
