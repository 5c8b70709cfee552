//! The system that a guest sees through WASI: arguments and an environment, no files, no network. Its output is kept up
//! to a bound.

use super::output::Output;
use crate::compile::Kind;
use crate::module::Code;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder};

/// Host resources (streams, pollables) that a guest may hold at once.
const MAX_RESOURCES: usize = 10_000;

/// The namespace of WASI for modules.
pub(super) const MODULES: &str = "wasi_snapshot_preview1";

/// What WASI gives the guest.
#[derive(Clone, Debug, Default)]
pub struct WasiOptions {
    /// Arguments, the program's name first.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The most bytes kept of a call's output, for standard output and standard error each.
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

/// Whether the guest imports anything of WASI.
pub(crate) fn is_imported(code: &Code) -> bool {
    code.imports().iter().any(|import| match code.kind() {
        Kind::Module => import.name.split('#').next() == Some(MODULES),
        Kind::Component => import.name.starts_with("wasi:"),
    })
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
