//! What a guest sees of a system: arguments and an environment, no files, no network, no console.

use crate::store::State;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// What WASI tells the guest.
#[derive(Clone, Debug, Default)]
pub struct WasiOptions {
    /// Arguments, the program's name first.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}

impl WasiOptions {
    fn builder(&self) -> WasiCtxBuilder {
        let mut builder = WasiCtx::builder();
        builder
            .args(&self.args)
            .envs(&self.env)
            .allow_tcp(false)
            .allow_udp(false);
        builder
    }
}

/// The WASI state of one store.
pub(crate) enum Wasi {
    /// The guest has none.
    Off,
    /// `wasi_snapshot_preview1`, for modules.
    P1(Box<WasiP1Ctx>),
    /// WASI 0.2, for components.
    P2(Box<(WasiCtx, ResourceTable)>),
}

impl Wasi {
    pub(crate) fn for_module(options: Option<&WasiOptions>) -> Wasi {
        options.map_or(Wasi::Off, |options| {
            Wasi::P1(Box::new(options.builder().build_p1()))
        })
    }

    pub(crate) fn for_component(options: Option<&WasiOptions>) -> Wasi {
        options.map_or(Wasi::Off, |options| {
            Wasi::P2(Box::new((options.builder().build(), ResourceTable::new())))
        })
    }

    /// The state behind the WASI functions that a linker offers modules.
    ///
    /// # Panics
    /// Where the linker has WASI and the store has not: `Blueprint` makes both from one option.
    pub(crate) fn p1(&mut self) -> &mut WasiP1Ctx {
        match self {
            Wasi::P1(context) => context,
            _ => unreachable!("WASI preview 1 is linked only where the store has it"),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match &mut self.wasi {
            Wasi::P2(state) => WasiCtxView {
                ctx: &mut state.0,
                table: &mut state.1,
            },
            _ => unreachable!("WASI 0.2 is linked only where the store has it"),
        }
    }
}
