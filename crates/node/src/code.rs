//! Compiled code as JavaScript holds it.

use crate::failure;
use crate::js::Js;
use napi::Env;
use napi::bindgen_prelude::Uint32Array;
use napi_derive::napi;
use riptide_wasm_runtime::module::{Code, Export, Kind};
use riptide_wasm_runtime::value::FunctionType;
use std::collections::HashSet;

/// An export or import.
#[napi(object)]
pub struct BindingExtern {
    pub name: String,
    /// `function`, `memory`, `table`, `global`, …
    pub kind: String,
    /// The type of a function, as WIT writes it.
    #[napi(js_name = "type")]
    pub ty: Option<String>,
}

/// Compiled code.
#[napi]
pub struct BindingCode {
    code: Code,
}

impl From<Code> for BindingCode {
    fn from(code: Code) -> BindingCode {
        BindingCode { code }
    }
}

impl BindingCode {
    pub(crate) fn code(&self) -> &Code {
        &self.code
    }
}

#[napi]
impl BindingCode {
    /// Whether it is a module or a component.
    #[napi(getter, ts_return_type = "'module' | 'component'")]
    pub fn kind(&self) -> &'static str {
        match self.code.kind() {
            Kind::Module => "module",
            Kind::Component => "component",
        }
    }

    /// The exports, with their types as text.
    #[napi]
    pub fn exports(&self, env: Env) -> napi::Result<Vec<BindingExtern>> {
        described(env, self.code.exports())
    }

    /// The imports, with their types as text.
    #[napi]
    pub fn imports(&self, env: Env) -> napi::Result<Vec<BindingExtern>> {
        described(env, self.code.imports())
    }

    /// The full names of the exported functions.
    #[napi]
    pub fn functions(&self, env: Env) -> napi::Result<Vec<String>> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            let functions = self.code.functions().iter();
            Ok(functions.map(|function| function.name.clone()).collect())
        })
    }

    /// Matches imports with these names, which are full or without the version of their interface. Three numbers for
    /// each import that has a match: the index of the first name that matches, the index of the import, and 1 if it is
    /// a function that returns a `result`, else 0.
    #[napi]
    pub fn match_imports(&self, env: Env, names: Vec<String>) -> napi::Result<Uint32Array> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            let mut matched = HashSet::new();
            let mut triples = Vec::new();
            for (place, name) in names.iter().enumerate() {
                for &import in self.code.imports_named(name) {
                    if matched.insert(import) {
                        let function = self.code.imports()[import].function.as_ref();
                        let fallible = function.is_some_and(|ty| ty.is_fallible());
                        triples.extend([place as u32, import as u32, fallible.into()]);
                    }
                }
            }
            Ok(triples.into())
        })
    }

    /// Whether the code was loaded without compiling.
    #[napi(getter)]
    pub fn cache_hit(&self) -> bool {
        self.code.cache_hit()
    }

    /// How long loading took, in milliseconds.
    #[napi(getter)]
    pub fn load_millis(&self) -> f64 {
        self.code.load_millis()
    }
}

/// The most bytes of all types of exports, or of imports, as text. Beyond that, a type is shown as `…`.
const MAX_WORDS: usize = 4 << 20;

fn described(env: Env, items: &[Export]) -> napi::Result<Vec<BindingExtern>> {
    // SAFETY: napi gave the environment for this call.
    failure::throwing(unsafe { Js::new(env.raw()) }, || {
        let mut left = MAX_WORDS;
        let mut words = |ty: &FunctionType| {
            if left == 0 {
                return "…".into();
            }
            let words = ty.to_string();
            left = left.saturating_sub(words.len());
            words
        };
        let item = |item: &Export| BindingExtern {
            name: item.name.clone(),
            kind: item.kind.into(),
            ty: item.function.as_deref().map(&mut words),
        };
        Ok(items.iter().map(item).collect())
    })
}
