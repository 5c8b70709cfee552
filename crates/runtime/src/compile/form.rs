//! Compiled code as Wasmtime has it.

use wasmtime::component::Component;

/// Code as Wasmtime has it.
#[derive(Clone)]
pub(crate) enum Form {
    Module(wasmtime::Module),
    Component(Component),
}
