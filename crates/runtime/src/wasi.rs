//! What a guest sees of a system: arguments and an environment, no files, no network. What it writes
//! is kept up to a bound.

use crate::compile::Kind;
use crate::module::Code;
use crate::output::Output;
use crate::store::State;
use wasmtime::component;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{I32Exit, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Host resources (streams, pollables) that a guest may hold at once.
const MAX_RESOURCES: usize = 10_000;

/// The namespace of WASI for modules.
const MODULES: &str = "wasi_snapshot_preview1";

/// What WASI tells the guest.
#[derive(Clone, Debug, Default)]
pub struct WasiOptions {
    /// Arguments, the program's name first.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Bytes kept of what a call writes, of standard output and standard error each.
    pub max_output_bytes: usize,
}

impl WasiOptions {
    fn builder(&self, output: &Output) -> WasiCtxBuilder {
        let mut builder = WasiCtx::builder();
        builder
            .args(&self.args)
            .envs(&self.env)
            .stdout(output.stdout.clone())
            .stderr(output.stderr.clone())
            .allow_tcp(false)
            .allow_udp(false);
        builder
    }
}

/// Whether the guest asks for anything of WASI.
pub(crate) fn is_imported(code: &Code) -> bool {
    code.imports().iter().any(|import| match code.kind() {
        Kind::Module => import.name.split('#').next() == Some(MODULES),
        Kind::Component => import.name.starts_with("wasi:"),
    })
}

/// Defines WASI's functions for modules.
pub(crate) fn offer_modules(
    linker: &mut wasmtime::Linker<State>,
    sync: bool,
) -> wasmtime::Result<()> {
    if sync {
        wasmtime_wasi::p1::add_to_linker_sync(linker, State::p1)?;
    } else {
        wasmtime_wasi::p1::add_to_linker_async(linker, State::p1)?;
    }
    // Wasmtime's own takes only statuses below 126: the rest are a shell's, but programs use them.
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
    linker: &mut component::Linker<State>,
    sync: bool,
) -> wasmtime::Result<()> {
    if sync {
        wasmtime_wasi::p2::add_to_linker_sync(linker)
    } else {
        wasmtime_wasi::p2::add_to_linker_async(linker)
    }
}

/// The name that `offer_components` defines an interface by, if it does: a guest may ask for any 0.2.
pub(crate) fn offered_name(interface: &str) -> Option<String> {
    let (name, version) = interface.split_once('@')?;
    let patch = version.strip_prefix("0.2.")?;
    patch.parse::<u32>().ok()?;
    Some(format!("{name}@0.2.12"))
}

/// The WASI state of one store that has it.
pub(crate) enum Wasi {
    /// `wasi_snapshot_preview1`, for modules.
    One(Box<WasiP1Ctx>),
    /// WASI 0.2, for components.
    Two(Box<(WasiCtx, ResourceTable)>),
}

impl Wasi {
    pub(crate) fn for_module(options: &WasiOptions, output: &Output) -> Wasi {
        Wasi::One(Box::new(options.builder(output).build_p1()))
    }

    pub(crate) fn for_component(options: &WasiOptions, output: &Output) -> Wasi {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Wasi::Two(Box::new((options.builder(output).build(), table)))
    }
}

impl State {
    /// The state behind the WASI functions that a linker offers modules.
    ///
    /// # Panics
    /// Where the linker has WASI and the store has not: `Blueprint` makes both from one option.
    pub(crate) fn p1(&mut self) -> &mut WasiP1Ctx {
        match &mut self.wasi {
            Some(Wasi::One(context)) => context,
            _ => unreachable!("WASI preview 1 is linked only where the store has it"),
        }
    }
}

impl WasiView for State {
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
