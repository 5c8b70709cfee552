//! How code is compiled for an engine: within which limits, by which threads, and in which process.

use super::compiled::{Compiled, compile};
use super::initial::InstanceLimits;
use super::kind::kind_of;
use super::options::CompileOptions;
use super::settings::Settings;
use super::threads::with_threads;
use super::{isolated, limits};
use crate::error::{Error, ErrorCode, Result};
use crate::metrics::{Histogram, HistogramSnapshot};
use std::borrow::Cow;
use std::time::Instant;
use wasmtime::Engine;

/// The compiler of one engine.
pub struct Compiler {
    options: CompileOptions,
    settings: Settings,
    instances: Option<InstanceLimits>,
    took: Histogram,
}

/// Code that was compiled just now.
pub(crate) struct Fresh {
    pub(crate) compiled: Compiled,
    /// The artefact, if a compiling process made it.
    artefact: Option<Vec<u8>>,
}

impl Fresh {
    /// Its artefact.
    pub(crate) fn artefact(&self) -> Result<Cow<'_, [u8]>> {
        match &self.artefact {
            Some(artefact) => Ok(Cow::Borrowed(artefact)),
            None => self.compiled.serialize().map(Cow::Owned),
        }
    }
}

impl Compiler {
    /// A compiler for engines of these settings.
    pub fn new(settings: Settings, options: CompileOptions) -> Compiler {
        Compiler {
            options,
            settings,
            instances: None,
            took: Histogram::new(),
        }
    }

    /// A compiler that also refuses code with which no instance within these limits could start.
    pub(crate) fn for_instances(self, limits: InstanceLimits) -> Compiler {
        Compiler {
            instances: Some(limits),
            ..self
        }
    }

    /// Refuses a guest of `bytes` bytes if that is too large.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub(crate) fn check_size(&self, bytes: u64) -> Result<()> {
        limits::check_size(&self.options, bytes)
    }

    /// Refuses a guest that is larger, has more functions or nests deeper than it may, and one whose instances would
    /// begin with more than they may hold.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`] and [`ErrorCode::MemoryLimit`].
    pub(crate) fn check(&self, engine: &Engine, bytes: &[u8]) -> Result<()> {
        limits::check_size(&self.options, bytes.len() as u64)?;
        limits::check_shape(&self.options, bytes)?;
        match &self.instances {
            Some(limits) => limits.check_bytes(engine, bytes),
            None => Ok(()),
        }
    }

    /// Whether each compilation runs in a process of its own.
    pub(crate) fn is_isolated(&self) -> bool {
        self.options.isolated.is_some()
    }

    /// Compiles; blocks for up to seconds, on threads of its own that give way to running guests.
    ///
    /// # Errors
    /// Those of [`compile`], and [`ErrorCode::CompileLimit`] with `option` and `limit`.
    pub(crate) fn compile(&self, engine: &Engine, bytes: &[u8]) -> Result<Fresh> {
        let kind = kind_of(bytes)?;
        let began = Instant::now();
        let fresh = match &self.options.isolated {
            Some(options) => {
                let artefact = isolated::compile(options, &self.settings, bytes)?;
                // SAFETY: our own compiling process made it just now, and no other process holds the file it came in.
                let loaded = unsafe { super::native::from_memory(engine, kind, &artefact) };
                Fresh {
                    compiled: loaded.map_err(|error| {
                        let message = format!("what was compiled cannot be loaded: {error:#}");
                        Error::new(ErrorCode::Internal, message)
                    })?,
                    artefact: Some(artefact),
                }
            }
            None => Fresh {
                compiled: with_threads(bytes.len(), || compile(engine, bytes))?,
                artefact: None,
            },
        };
        self.took.observe(began.elapsed());
        Ok(fresh)
    }

    /// How long compiling took, each time that it succeeded.
    pub(crate) fn took(&self) -> HistogramSnapshot {
        self.took.snapshot()
    }
}
