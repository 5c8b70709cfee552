//! What a guest imports and nobody provides.

use crate::compile::{Form, Kind};
use crate::error::{Error, ErrorCode};
use crate::module::{Code, Import};
use crate::store::State;
use crate::value::{Field, FunctionType};
use crate::wasi;
use wasmtime::component::ResourceType;
use wasmtime::{FuncType, component};

/// The failure behind what Wasmtime says of the first import that does not fit: with every one that is missing.
/// `hosts`: the names that host functions have.
pub(crate) fn failure(
    code: &Code,
    hosts: &[&str],
    with_wasi: bool,
    error: &wasmtime::Error,
) -> Error {
    let mut offered = with_wasi.then(|| Offered::new(&code.compiled().form));
    let mut provided = |import: &Import| {
        hosts.contains(&import.name.as_str())
            || offered.as_mut().is_some_and(|wasi| wasi.has(import))
            // A component's types come with the functions that use them.
            || (code.kind() != Kind::Module && matches!(import.kind, "type" | "interface"))
    };
    let describe = |import: &Import| match &import.function {
        Some(ty) => format!("{}: {}", import.name, signature(ty)),
        None => format!("{}: {}", import.name, import.kind),
    };
    let missing: Vec<String> = code
        .imports()
        .iter()
        .filter(|import| !provided(import))
        .map(describe)
        .collect();
    let message = if missing.is_empty() {
        format!("the imports could not be linked: {error:#}")
    } else {
        let missing = missing.join("; ");
        format!("nobody provides what the guest imports: {missing}")
    };
    Error::new(ErrorCode::Link, message).list("missing", missing)
}

/// A function's type as WIT writes it.
fn signature(ty: &FunctionType) -> String {
    let param = |param: &Field| match param.name.as_str() {
        "" => param.ty.to_string(),
        name => format!("{name}: {}", param.ty),
    };
    let params: Vec<String> = ty.params.iter().map(param).collect();
    let results: Vec<String> = ty.results.iter().map(ToString::to_string).collect();
    let results = match results.as_slice() {
        [] => String::new(),
        [one] => format!(" -> {one}"),
        several => format!(" -> ({})", several.join(", ")),
    };
    format!("func({}){results}", params.join(", "))
}

/// What WASI offers guests of one kind. Wasmtime's linkers do not tell what is defined in them, but refuse to define it
/// again: each import that is asked for is defined here unless it was, so it is missing once.
enum Offered {
    Module(wasmtime::Linker<State>),
    Component(component::Linker<State>),
}

impl Offered {
    fn new(form: &Form) -> Offered {
        // A linker that WASI cannot be defined in has nothing of it.
        match form {
            Form::Module(module) => {
                let mut linker = wasmtime::Linker::new(module.engine());
                let _ = wasi::offer_modules(&mut linker, true);
                Offered::Module(linker)
            }
            Form::Component(component) => {
                let mut linker = component::Linker::new(component.engine());
                let _ = wasi::offer_components(&mut linker, true);
                Offered::Component(linker)
            }
        }
    }

    fn has(&mut self, import: &Import) -> bool {
        let Some((outer, name)) = import.name.split_once('#') else {
            return false;
        };
        match self {
            Offered::Module(linker) => {
                let ty = FuncType::new(linker.engine(), [], []);
                let defined = linker.func_new(outer, name, ty, |_, _, _| Ok(()));
                defined.is_err()
            }
            Offered::Component(linker) => {
                let Some(interface) = wasi::offered_name(outer) else {
                    return false;
                };
                let defined = linker.instance(&interface).and_then(|mut interface| {
                    if import.kind == "resource" {
                        interface.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))
                    } else {
                        interface.func_new(name, |_, _, _, _| Ok(()))
                    }
                });
                defined.is_err()
            }
        }
    }
}
