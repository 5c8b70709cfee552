//! Facts about the addon, and functions that need no engine.

use crate::failure;
use crate::js::{Js, JsResult, Raw};
use napi::Env;
use napi_derive::napi;
use riptide_wasm_runtime::cache::own_key_file;
use riptide_wasm_runtime::compile::child::serve;
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::metrics::TrackerSnapshot;
use riptide_wasm_runtime::{engine, module};

/// What the addon was built from.
#[napi(object)]
pub(crate) struct BindingBuildInfo {
    /// The version of this package.
    pub version: String,
    /// The version of Wasmtime.
    pub wasmtime: String,
    /// The target triple.
    pub target: String,
    /// The hash of the sources of the guest that was there when the addon was built; empty if there was none.
    pub guest_hash: String,
}

/// The memory of an instance, a pool or an engine.
#[napi(object)]
pub struct BindingTracker {
    pub current_bytes: f64,
    pub current_pages: f64,
    pub peak_pages: f64,
    pub max_pages: f64,
    pub grow_failures: f64,
    pub budget_refusals: f64,
    pub grow_requests: f64,
    pub simd_enabled: bool,
    pub aot_cache_enabled: bool,
}

impl From<TrackerSnapshot> for BindingTracker {
    fn from(tracker: TrackerSnapshot) -> BindingTracker {
        BindingTracker {
            current_bytes: tracker.current_bytes as f64,
            current_pages: tracker.current_pages as f64,
            peak_pages: tracker.peak_pages as f64,
            max_pages: tracker.max_pages as f64,
            grow_failures: tracker.grow_failures as f64,
            budget_refusals: tracker.budget_refusals as f64,
            grow_requests: tracker.grow_requests as f64,
            simd_enabled: tracker.simd_enabled,
            aot_cache_enabled: tracker.aot_cache_enabled,
        }
    }
}

/// Metrics as an object, in their order.
pub(crate) fn metrics_object(js: Js, metrics: Vec<(&'static str, f64)>) -> JsResult<Raw> {
    let object = js.object()?;
    for (name, value) in metrics {
        js.set_named(object, name, js.number(value)?)?;
    }
    Ok(object)
}

/// Every code a failure can have.
#[napi]
pub(crate) fn error_codes() -> Vec<&'static str> {
    ErrorCode::ALL.iter().map(|code| code.as_str()).collect()
}

/// What the addon was built from.
#[napi]
pub(crate) fn build_info() -> BindingBuildInfo {
    BindingBuildInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        wasmtime: env!("RIPTIDE_WASMTIME_VERSION").into(),
        target: env!("RIPTIDE_TARGET").into(),
        guest_hash: env!("RIPTIDE_GUEST_HASH").into(),
    }
}

/// Converts the text format to a binary.
#[napi(js_name = "wat2wasm", ts_return_type = "Buffer")]
pub(crate) fn wat2wasm(env: Env, text: String) -> napi::Result<Raw> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || js.buffer(&module::wat2wasm(&text)?))
}

/// The path of this user's key file for the cache, which is made if there is none. Touches the disk.
#[napi]
pub(crate) fn own_cache_key_file(env: Env) -> napi::Result<String> {
    // SAFETY: napi gave the environment for this call.
    failure::throwing(unsafe { Js::new(env.raw()) }, || {
        let file =
            own_key_file().map_err(|error| Error::new(ErrorCode::Read, error.to_string()))?;
        Ok(file.display().to_string())
    })
}

/// The whole work of a compiling process: reads WebAssembly from standard input, and writes the answer to standard
/// output.
#[napi]
pub(crate) fn compile_standard_input(
    env: Env,
    settings: String,
    bounds: String,
) -> napi::Result<()> {
    // SAFETY: napi gave the environment for this call.
    failure::throwing(unsafe { Js::new(env.raw()) }, || {
        serve(&settings, &bounds)
            .map_err(|error| Error::new(ErrorCode::Read, error.to_string()))?;
        Ok(())
    })
}

/// The metrics of the specification over the whole process.
#[napi(ts_return_type = "Record<string, number>")]
pub(crate) fn process_metrics(env: Env) -> napi::Result<Raw> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || metrics_object(js, engine::process_metrics()))
}
