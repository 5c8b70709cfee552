//! WASI reactors: modules whose `_initialize` runs once, before any of their other exports.

use crate::error::{Error, ErrorCode, Result};
use wasmtime::{AsContextMut, Func, Instance, Module, ModuleExport};

/// The export that makes a module a reactor.
pub(crate) const INITIALIZE: &str = "_initialize";

/// The export that makes a module a command.
const START: &str = "_start";

/// The `_initialize` of a module that is a reactor. Tells commands and reactors apart like Wasmtime's `Linker::module`,
/// except that a function with such a name that takes or gives values is an export like any other.
///
/// # Errors
/// `ERR_UNSUPPORTED` for a module that is a command, too: it cannot be both.
pub(crate) fn initializer(module: &Module) -> Result<Option<ModuleExport>> {
    let runs = |name| {
        let export = module.get_export(name);
        let ty = export.as_ref().and_then(|export| export.func());
        ty.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0)
    };
    match (runs(START), runs(INITIALIZE)) {
        (_, false) => Ok(None),
        (false, true) => Ok(module.get_export_index(INITIALIZE)),
        (true, true) => {
            let message = format!(
                "the module exports {START} and {INITIALIZE}: it cannot be a command and a reactor"
            );
            let feature = "a command that is a reactor";
            Err(Error::new(ErrorCode::Unsupported, message).text("feature", feature))
        }
    }
}

/// The function that `initializer` found.
pub(crate) fn find(
    store: impl AsContextMut,
    instance: Instance,
    initializer: &ModuleExport,
) -> wasmtime::Result<Func> {
    instance
        .get_module_export(store, initializer)
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| wasmtime::Error::msg("the module has lost its _initialize"))
}
