//! Compiled code as JavaScript holds it.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use riptide_wasm_runtime::module::{Code, Kind};
use riptide_wasm_runtime::value::FunctionType;

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
    /// What the bytes were.
    #[napi(getter, ts_return_type = "'module' | 'component'")]
    pub fn kind(&self) -> &'static str {
        match self.code.kind() {
            Kind::Module => "module",
            Kind::Component => "component",
        }
    }

    /// What the code offers.
    #[napi(getter)]
    pub fn exports(&self) -> Vec<BindingExtern> {
        self.code
            .exports()
            .iter()
            .map(|export| item(&export.name, export.kind, &export.function))
            .collect()
    }

    /// What the code needs.
    #[napi(getter)]
    pub fn imports(&self) -> Vec<BindingExtern> {
        self.code
            .imports()
            .iter()
            .map(|import| item(&import.name, import.kind, &import.function))
            .collect()
    }

    /// What the shared tier is to keep, once, where this load compiled and there is one.
    #[napi(ts_return_type = "Buffer | null")]
    pub fn take_sealed(&self) -> Option<Buffer> {
        self.code.take_sealed().map(Buffer::from)
    }

    /// Whether it came without compiling.
    #[napi(getter)]
    pub fn cache_hit(&self) -> bool {
        self.code.cache_hit()
    }

    /// How long loading took.
    #[napi(getter)]
    pub fn load_millis(&self) -> f64 {
        self.code.load_millis()
    }
}

fn item(name: &str, kind: &str, function: &Option<FunctionType>) -> BindingExtern {
    BindingExtern {
        name: name.into(),
        kind: kind.into(),
        ty: function.as_ref().map(written),
    }
}

/// A function's type as WIT writes it.
fn written(function: &FunctionType) -> String {
    let params: Vec<String> = function
        .params
        .iter()
        // Parameters of a module have no names.
        .map(|param| {
            if param.name.is_empty() {
                param.ty.to_string()
            } else {
                param.to_string()
            }
        })
        .collect();
    let results: Vec<String> = function.results.iter().map(ToString::to_string).collect();
    let results = match &*results {
        [] => String::new(),
        [one] => format!(" -> {one}"),
        several => format!(" -> ({})", several.join(", ")),
    };
    format!("func({}){results}", params.join(", "))
}
