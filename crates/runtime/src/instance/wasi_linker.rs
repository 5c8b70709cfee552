//! WASI's functions in Wasmtime's linkers, over the WASI state in a store's data.

use super::data::StoreData;
use super::wasi::{MODULES, Wasi};
use wasmtime::component;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{I32Exit, WasiCtxView, WasiView};

/// Defines WASI's functions for modules.
pub(crate) fn offer_modules(
    linker: &mut wasmtime::Linker<StoreData>,
    sync: bool,
) -> wasmtime::Result<()> {
    if sync {
        wasmtime_wasi::p1::add_to_linker_sync(linker, StoreData::p1)?;
    } else {
        wasmtime_wasi::p1::add_to_linker_async(linker, StoreData::p1)?;
    }
    // Wasmtime's own `proc_exit` accepts only statuses below 126. The others belong to shells, but programs use them.
    linker.allow_shadowing(true);
    linker.func_wrap(
        MODULES,
        "proc_exit",
        |status: i32| -> wasmtime::Result<()> { Err(I32Exit(status).into()) },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Defines WASI 0.2 for components.
pub(crate) fn offer_components(
    linker: &mut component::Linker<StoreData>,
    sync: bool,
) -> wasmtime::Result<()> {
    if sync {
        wasmtime_wasi::p2::add_to_linker_sync(linker)
    } else {
        wasmtime_wasi::p2::add_to_linker_async(linker)
    }
}

/// The name under which `offer_components` defines an interface, if it does: a guest may import it as any version
/// 0.2.x.
pub(crate) fn offered_name(interface: &str) -> Option<String> {
    let (name, version) = interface.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    patch.parse::<u32>().ok()?;
    Some(format!("{name}@0.2.12"))
}

impl StoreData {
    /// The state behind the WASI functions that a linker offers modules.
    ///
    /// # Panics
    /// If the linker has WASI and the store has not, which cannot be: `InstanceTemplate` makes both from one option.
    pub(crate) fn p1(&mut self) -> &mut WasiP1Ctx {
        match &mut self.wasi {
            Some(Wasi::One(context)) => context,
            _ => unreachable!("WASI preview 1 is linked only where the store has it"),
        }
    }
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match &mut self.wasi {
            Some(Wasi::Two(state)) => WasiCtxView {
                ctx: &mut state.0,
                table: &mut state.1,
            },
            _ => unreachable!("WASI 0.2 is linked only where the store has it"),
        }
    }
}
