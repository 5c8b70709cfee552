//! Bytes to compiled code, in this process or in one of its own, with failures told apart.
//!
//! Nothing is cached here, and nothing is read from a file: see [`crate::cache`].

pub mod child;
mod compiler;
mod description;
mod diagnosis;
mod initial;
mod isolated;
mod limits;
pub(crate) mod native;

pub use compiler::{CompileOptions, Compiler, IsolatedOptions};
pub use description::{Description, Export, Function, Import};
pub(crate) use description::{Lookup, Target};
pub(crate) use initial::InstanceLimits;

use crate::error::{Error, ErrorCode, Result};
use diagnosis::{classify, looks_like, refused};
use std::fmt;
use std::sync::{Arc, OnceLock};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The four bytes every WebAssembly binary begins with.
const MAGIC: &[u8; 4] = b"\0asm";
/// Version and layer of a core module, after the magic bytes.
const MODULE: [u8; 4] = [1, 0, 0, 0];
/// Version and layer of a component, after the magic bytes.
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// Which of the two things WebAssembly bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl Kind {
    /// `"module"` or `"component"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Module => "module",
            Kind::Component => "component",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Code ready to be instantiated, in the engine that compiled it. A clone shares it all.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) form: Form,
    description: Arc<OnceLock<Result<Arc<Description>>>>,
}

/// Code as Wasmtime has it.
#[derive(Clone)]
pub(crate) enum Form {
    Module(wasmtime::Module),
    Component(Component),
}

impl Compiled {
    fn new(form: Form) -> Compiled {
        Compiled {
            form,
            description: Arc::default(),
        }
    }

    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        match self.form {
            Form::Module(_) => Kind::Module,
            Form::Component(_) => Kind::Component,
        }
    }

    /// The module, where it is one.
    pub fn module(&self) -> Option<&wasmtime::Module> {
        match &self.form {
            Form::Module(module) => Some(module),
            Form::Component(_) => None,
        }
    }

    /// The component, where it is one.
    pub fn component(&self) -> Option<&Component> {
        match &self.form {
            Form::Module(_) => None,
            Form::Component(component) => Some(component),
        }
    }

    /// Bytes of its native code and what belongs to it.
    pub(crate) fn bytes(&self) -> usize {
        let range = match &self.form {
            Form::Module(module) => module.image_range(),
            Form::Component(component) => component.image_range(),
        };
        (range.end as usize).saturating_sub(range.start as usize)
    }

    /// What it offers and needs: found out once, for one engine, whose limit this is in bytes.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub fn describe(&self, limit: u64) -> Result<Arc<Description>> {
        self.description
            .get_or_init(|| Description::of(&self.form, limit).map(Arc::new))
            .clone()
    }

    /// The artefact: native code and tables as an ELF file, a copy.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] where Wasmtime cannot serialize it.
    pub fn serialize(&self) -> Result<Vec<u8>> {
        match &self.form {
            Form::Module(module) => module.serialize(),
            Form::Component(component) => component.serialize(),
        }
        .map_err(|error| {
            Error::new(
                ErrorCode::Internal,
                format!("compiled code could not be serialized: {error:#}"),
            )
        })
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compiled({})", self.kind())
    }
}

/// Tells module from component by the eight bytes of the header.
///
/// # Errors
/// [`ErrorCode::Compile`] with `offset`: 0 where the bytes are not WebAssembly, their length where
/// they end inside the header, 4 for a version or layer that is neither.
pub fn kind_of(bytes: &[u8]) -> Result<Kind> {
    let start = &bytes[..bytes.len().min(MAGIC.len())];
    if bytes.is_empty() {
        return Err(refused("no bytes were given", 0));
    }
    if !MAGIC.starts_with(start) {
        return Err(refused(format!("not WebAssembly{}", looks_like(bytes)), 0));
    }
    match bytes.get(4..8) {
        None => Err(refused(
            "the bytes end inside the WebAssembly header",
            bytes.len(),
        )),
        Some(rest) if rest == MODULE => Ok(Kind::Module),
        Some(rest) if rest == COMPONENT => Ok(Kind::Component),
        Some(rest) => Err(refused(
            format!("WebAssembly of an unknown version: {rest:02x?} after the magic bytes"),
            MAGIC.len(),
        )),
    }
}

/// Refuses a guest of the other kind.
///
/// # Errors
/// [`ErrorCode::WrongKind`] with both.
pub(crate) fn expect_kind(kind: Kind, expected: Option<Kind>) -> Result<()> {
    match expected {
        Some(expected) if expected != kind => {
            let (expected, received) = (expected.as_str(), kind.as_str());
            Err(Error::new(
                ErrorCode::WrongKind,
                format!("a {expected} was wanted, and this is a {received}"),
            )
            .text("expected", expected)
            .text("received", received))
        }
        _ => Ok(()),
    }
}

/// Compiles a module or component for this engine. Takes from milliseconds to seconds, on the cores of
/// the thread's own rayon pool.
///
/// # Errors
/// [`ErrorCode::Compile`] for what is not valid; for what is, and needs a feature that the engine lacks,
/// [`ErrorCode::Unsupported`], or [`ErrorCode::SimdDisabled`]. With `offset` in bytes where it is known.
pub fn compile(engine: &Engine, bytes: &[u8]) -> Result<Compiled> {
    let compiled = match kind_of(bytes)? {
        // `from_binary`, never `new`: text must not be compiled silently, even if the `wat` feature
        // comes in through another crate.
        Kind::Module => wasmtime::Module::from_binary(engine, bytes).map(Form::Module),
        Kind::Component => Component::from_binary(engine, bytes).map(Form::Component),
    };
    compiled
        .map(Compiled::new)
        .map_err(|error| classify(engine, bytes, &error))
}

/// The text format to bytes.
///
/// # Errors
/// [`ErrorCode::Compile`]; the message names line and column.
pub fn wat2wasm(text: &str) -> Result<Vec<u8>> {
    wat::parse_str(text).map_err(|error| {
        Error::new(
            ErrorCode::Compile,
            format!("the text is not WebAssembly: {error}"),
        )
    })
}
