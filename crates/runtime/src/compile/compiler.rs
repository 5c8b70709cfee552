//! How code is compiled for an engine: within which limits, by which threads, and in which process.

use super::{Compiled, InstanceLimits, compile, isolated, kind_of, limits};
use crate::error::{Error, ErrorCode, Result};
use crate::histogram::{Histogram, HistogramSnapshot};
use crate::settings::Settings;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// How much a compiler thread gives way to running guests, in the system's steps of niceness.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Bytes of WebAssembly that are worth a thread's start.
const WORTH: usize = 16 << 10;

/// Limits of compiling. They hold for every engine: code that exceeds one is refused before it costs more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CompileOptions {
    /// Bytes of WebAssembly.
    pub max_bytes: u64,
    /// What is compiled as functions, over all modules of a component: those with a body, and those of the canonical
    /// ABI.
    pub max_functions: u32,
    /// How deep modules, components and their types, and the blocks of a function, may lie in each other.
    pub max_nesting: u32,
    /// Bytes of memory that names and types of imports and exports take.
    pub max_type_bytes: u64,
    /// In a process of its own, since Cranelift cannot be interrupted.
    pub isolated: Option<IsolatedOptions>,
}

impl Default for CompileOptions {
    fn default() -> CompileOptions {
        CompileOptions {
            max_bytes: 64 << 20,
            max_functions: 100_000,
            max_nesting: 1000,
            max_type_bytes: 4 << 20,
            isolated: None,
        }
    }
}

/// The compiling process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsolatedOptions {
    /// The program, which calls [`super::child::serve`] with what follows its arguments here.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// It is ended after so long.
    pub timeout: Duration,
    /// It is ended where it holds more memory than this, in bytes.
    pub memory_bytes: u64,
}

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
    /// Where the compiling process gave it already.
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

    /// The same for code that instances within these limits can start with.
    pub(crate) fn for_instances(self, limits: InstanceLimits) -> Compiler {
        Compiler {
            instances: Some(limits),
            ..self
        }
    }

    /// Refuses a guest of so many bytes.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub(crate) fn check_size(&self, bytes: u64) -> Result<()> {
        limits::check_size(&self.options, bytes)
    }

    /// Refuses a guest that is larger, has more functions or nests deeper than it may, and one that begins with more than
    /// an instance may hold.
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

    /// Whether it compiles in processes of their own.
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
                // SAFETY: our own compiling process made it just now, and nobody else holds the file it came in.
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

/// Runs the compilation of so many bytes on as many threads as there are cores, of lower priority, which end with it;
/// on fewer where there is not enough to do for them.
pub(super) fn with_threads<T: Send>(
    bytes: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(cores.min(1 + bytes / WORTH))
        .thread_name(|_| "wasm-compiler".into())
        .start_handler(|_| give_way())
        .build();
    match threads {
        // A panic there is the compiler's, about this code: nothing of it is kept.
        Ok(threads) => {
            catch_unwind(AssertUnwindSafe(|| threads.install(work))).unwrap_or_else(|_| {
                let message = "the code could not be compiled: the compiler panicked";
                Err(Error::new(ErrorCode::Compile, message))
            })
        }
        Err(error) => {
            let message = format!("the compiler's threads could not be started: {error}");
            Err(Error::new(ErrorCode::Internal, message))
        }
    }
}

/// Lowers this thread's priority. Where the system does not, guests only have less of the machine meanwhile.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}
