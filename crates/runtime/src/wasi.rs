//! What a guest sees of a system: arguments and an environment, no files, no network. What it writes
//! is kept up to a bound.

use crate::output::{Output, Written};
use crate::store::State;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Host resources (streams, pollables) that a guest may hold at once.
const MAX_RESOURCES: usize = 10_000;

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

/// The WASI state of one store that has it.
pub(crate) struct Wasi {
    context: Preview,
    output: Output,
}

enum Preview {
    /// `wasi_snapshot_preview1`, for modules.
    One(Box<WasiP1Ctx>),
    /// WASI 0.2, for components.
    Two(Box<(WasiCtx, ResourceTable)>),
}

impl Wasi {
    pub(crate) fn for_module(options: &WasiOptions) -> Wasi {
        let output = Output::new(options.max_output_bytes);
        let context = Preview::One(Box::new(options.builder(&output).build_p1()));
        Wasi { context, output }
    }

    pub(crate) fn for_component(options: &WasiOptions) -> Wasi {
        let output = Output::new(options.max_output_bytes);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let context = Preview::Two(Box::new((options.builder(&output).build(), table)));
        Wasi { context, output }
    }

    /// What the guest wrote since the last time.
    pub(crate) fn written(&self) -> Written {
        self.output.take()
    }
}

impl State {
    /// The state behind the WASI functions that a linker offers modules.
    ///
    /// # Panics
    /// Where the linker has WASI and the store has not: `Blueprint` makes both from one option.
    pub(crate) fn p1(&mut self) -> &mut WasiP1Ctx {
        match self.wasi.as_mut().map(|wasi| &mut wasi.context) {
            Some(Preview::One(context)) => context,
            _ => unreachable!("WASI preview 1 is linked only where the store has it"),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        match self.wasi.as_mut().map(|wasi| &mut wasi.context) {
            Some(Preview::Two(state)) => WasiCtxView {
                ctx: &mut state.0,
                table: &mut state.1,
            },
            _ => unreachable!("WASI 0.2 is linked only where the store has it"),
        }
    }
}
