//! Compiled code, and the compiling of it.

use super::description::Description;
use super::diagnosis::classify;
use super::form::Form;
use super::kind::{Kind, kind_of};
use crate::error::{Error, ErrorCode, Result};
use std::fmt;
use std::sync::{Arc, OnceLock};
use wasmtime::component::Component;
use wasmtime::{Engine, ResourcesRequired};

/// Code ready to be instantiated, in the engine that compiled it. A clone shares it all.
#[derive(Clone)]
pub struct Compiled {
    pub(crate) form: Form,
    description: Arc<OnceLock<Result<Arc<Description>>>>,
}

impl Compiled {
    pub(super) fn new(form: Form) -> Compiled {
        Compiled {
            form,
            description: Arc::default(),
        }
    }

    /// Whether it is a module or a component.
    pub fn kind(&self) -> Kind {
        match self.form {
            Form::Module(_) => Kind::Module,
            Form::Component(_) => Kind::Component,
        }
    }

    /// The module, if it is one.
    pub fn module(&self) -> Option<&wasmtime::Module> {
        match &self.form {
            Form::Module(module) => Some(module),
            Form::Component(_) => None,
        }
    }

    /// The component, if it is one.
    pub fn component(&self) -> Option<&Component> {
        match &self.form {
            Form::Module(_) => None,
            Form::Component(component) => Some(component),
        }
    }

    /// The resources that each instance takes; `None` if they depend on the code's imports.
    pub(crate) fn resources_required(&self) -> Option<ResourcesRequired> {
        match &self.form {
            Form::Module(module) => Some(module.resources_required()),
            Form::Component(component) => component.resources_required(),
        }
    }

    /// Bytes of its native code and the tables that belong to it.
    pub(crate) fn bytes(&self) -> usize {
        let range = match &self.form {
            Form::Module(module) => module.image_range(),
            Form::Component(component) => component.image_range(),
        };
        (range.end as usize).saturating_sub(range.start as usize)
    }

    /// Its exports and imports, which are read once. `limit`: the most bytes that the description may take.
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
    /// [`ErrorCode::Internal`] if Wasmtime cannot serialize it.
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

/// Compiles a module or component for this engine. Takes from milliseconds to seconds, on the cores of
/// the thread's own rayon pool.
///
/// # Errors
/// [`ErrorCode::Compile`] for code that is not valid; [`ErrorCode::Unsupported`] or [`ErrorCode::SimdDisabled`] for
/// valid code that needs a feature that the engine lacks. With `offset` in bytes if it is known.
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
