//! Limits of compiling.

use std::path::PathBuf;
use std::time::Duration;

/// Limits of compiling. They hold for every engine: code that exceeds one is refused before it costs more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CompileOptions {
    /// Bytes of WebAssembly.
    pub max_bytes: u64,
    /// Functions that are compiled, over all modules of a component: those with a body, and those of the canonical ABI.
    pub max_functions: u32,
    /// How deep modules, components and their types, and the blocks of a function, may be nested.
    pub max_nesting: u32,
    /// Bytes of memory that names and types of imports and exports take.
    pub max_type_bytes: u64,
    /// If given, compiles in a process of its own, since Cranelift cannot be interrupted.
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
    /// The program, which must call [`super::child::serve`] with the two arguments that follow `arguments`.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The process is ended after this time.
    pub timeout: Duration,
    /// The process is ended if it holds more memory than this, in bytes.
    pub memory_bytes: u64,
}
