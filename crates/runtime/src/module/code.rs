//! Compiled code of an engine: where it came from, and how a caller's name finds a function.

use crate::cache::{Loaded, Tier};
use crate::compile::{Compiled, Description, Export, Function, Import, Kind, Lookup};
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::value::Text;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A compiled module or component of an engine.
#[derive(Clone)]
pub struct Code(Arc<Inner>);

struct Inner {
    engine: Engine,
    compiled: Compiled,
    description: Arc<Description>,
    tier: Tier,
    took: Duration,
    started: AtomicBool,
}

impl Code {
    /// Also reads its description, which takes too long for the event loop.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`] if names and types take more memory than they may.
    pub(crate) fn new(engine: &Engine, loaded: Loaded, took: Duration) -> Result<Code> {
        let Loaded { compiled, tier } = loaded;
        let described = Instant::now();
        let description = compiled.describe(engine.core().options.compile.max_type_bytes)?;
        Ok(Code(Arc::new(Inner {
            engine: engine.clone(),
            description,
            tier,
            started: AtomicBool::new(false),
            took: took + described.elapsed(),
            compiled,
        })))
    }

    /// Whether it is a module or a component.
    pub fn kind(&self) -> Kind {
        self.0.compiled.kind()
    }

    /// What it exports.
    pub fn exports(&self) -> &[Export] {
        &self.0.description.exports
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.0.description.imports
    }

    /// The exported functions.
    pub fn functions(&self) -> &[Arc<Function>] {
        &self.0.description.functions
    }

    /// The indices in [`Code::imports`] of the imports with this name, in full or without the interface's version.
    pub fn imports_named(&self, name: &str) -> &[usize] {
        let found = self.0.description.imports_by_name.get(name);
        found.map_or(&[], Lookup::indices)
    }

    /// Whether the load was answered without compiling.
    pub fn cache_hit(&self) -> bool {
        self.0.tier != Tier::Compiled
    }

    /// How long the load took, in milliseconds.
    pub fn load_millis(&self) -> f64 {
        self.0.took.as_secs_f64() * 1e3
    }

    /// Finds a function by its full name, or by its own name, in kebab-case or camelCase, where no
    /// other export has it.
    ///
    /// # Errors
    /// `ERR_MISSING_EXPORT` if none or several match, `ERR_UNSUPPORTED` for types that do not cross.
    pub fn function(&self, name: &str) -> Result<Arc<Function>> {
        let description = &self.0.description;
        let names = |indices: &[usize]| {
            indices
                .iter()
                .map(|&index| description.functions[index].name.clone())
                .collect()
        };
        let missing = |message: String, exports: Vec<String>| {
            Err(Error::new(ErrorCode::MissingExport, message)
                .text("name", name)
                .list("exports", exports))
        };
        match description.by_name.get(name) {
            Some(Lookup::One(index)) => supported(&description.functions[*index]),
            Some(Lookup::Several(indices)) => {
                let exports: Vec<String> = names(indices);
                let message = Text::of(|text| {
                    write!(text, "several exports are called {name:?}: ")?;
                    text.write_str(&exports.join(", "))
                });
                missing(message, exports)
            }
            None => {
                let all: Vec<usize> = (0..description.functions.len()).collect();
                missing(
                    format!("no exported function is called {name:?}"),
                    names(&all),
                )
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Which tier of the cache it came from.
    pub(crate) fn tier(&self) -> Tier {
        self.0.tier
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.0.compiled
    }

    /// Notes that an instance is ready, `took` after it was asked for. The first one completes the cold start, and its
    /// time is returned: the load plus the making of the instance, without the caller's time in between.
    pub(crate) fn note_instance(&self, took: Duration) -> Option<Duration> {
        if self.0.started.swap(true, Ordering::Relaxed) {
            return None;
        }
        let total = self.0.took + took;
        self.0.engine.core().note_start(total, self.cache_hit());
        Some(total)
    }
}

/// Refuses a function whose values cannot cross, before its guest runs in vain.
fn supported(function: &Arc<Function>) -> Result<Arc<Function>> {
    match function.ty.unsupported() {
        None => Ok(function.clone()),
        Some(feature) => {
            let message = format!(
                "{} takes or gives a value that cannot cross yet: {feature}",
                function.name
            );
            Err(Error::new(ErrorCode::Unsupported, message).text("feature", feature))
        }
    }
}
