//! The imports of a guest that neither host functions nor WASI provide.

use super::data::StoreData;
use super::wasi_linker;
use crate::compile::{Form, Kind};
use crate::error::{Error, ErrorCode};
use crate::module::{Code, Import};
use crate::value::Text;
use std::collections::HashSet;
use std::fmt::Write;
use wasmtime::component::ResourceType;
use wasmtime::{FuncType, component};

/// Beyond this many bytes, the list of missing imports no longer writes out the types of functions.
const TYPED_BYTES: usize = 64 << 10;

/// The failure for a guest that cannot be linked, with every missing import: Wasmtime's `error` names only the first.
/// `is_given`: whether a host function has this name.
pub(crate) fn failure(
    code: &Code,
    is_given: impl Fn(&str) -> bool,
    with_wasi: bool,
    error: &wasmtime::Error,
) -> Error {
    let mut offered = with_wasi.then(|| Offered::new(&code.compiled().form));
    let mut provided = |import: &Import| {
        is_given(&import.name)
            || offered.as_mut().is_some_and(|wasi| wasi.has(import))
            // A component's types come with the functions that use them.
            || (code.kind() != Kind::Module && matches!(import.kind, "type" | "interface"))
    };
    let mut typed = TYPED_BYTES;
    let mut describe = |import: &Import| {
        let described = match &import.function {
            Some(ty) if typed > 0 => format!("{}: {ty}", import.name),
            _ => format!("{}: {}", import.name, import.kind),
        };
        typed = typed.saturating_sub(described.len());
        described
    };
    let mut seen = HashSet::new();
    let missing: Vec<String> = code
        .imports()
        .iter()
        // A module may import one function any number of times.
        .filter(|import| seen.insert(&import.name) && !provided(import))
        .map(&mut describe)
        .collect();
    let message = if missing.is_empty() {
        format!("the imports could not be linked: {error:#}")
    } else {
        Text::of(|text| {
            text.write_str("nobody provides what the guest imports: ")?;
            missing.iter().enumerate().try_for_each(|(at, import)| {
                let before = if at == 0 { "" } else { "; " };
                write!(text, "{before}{import}")
            })
        })
    };
    Error::new(ErrorCode::Link, message).list("missing", missing)
}

/// The functions that WASI offers guests of one kind. A Wasmtime linker cannot be asked what is defined in it, but
/// refuses to define a name twice. So `has` defines the import: an error means that WASI has it. A missing import is
/// defined by then, so ask only once for each.
enum Offered {
    Module(wasmtime::Linker<StoreData>),
    Component(component::Linker<StoreData>),
}

impl Offered {
    fn new(form: &Form) -> Offered {
        // If defining WASI in the linker fails, none of it counts as offered.
        match form {
            Form::Module(module) => {
                let mut linker = wasmtime::Linker::new(module.engine());
                let _ = wasi_linker::offer_modules(&mut linker, true);
                Offered::Module(linker)
            }
            Form::Component(component) => {
                let mut linker = component::Linker::new(component.engine());
                let _ = wasi_linker::offer_components(&mut linker, true);
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
                let Some(interface) = wasi_linker::offered_name(outer) else {
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
