//! The engine as JavaScript holds it.

use crate::bridge::{self, Bridge};
use crate::failure;
use crate::info::{BindingTracker, metrics_object};
use crate::js::{Js, JsResult, Kind as JsKind, Raw};
use crate::queue::Outcome;
use napi::bindgen_prelude::Unknown;
use napi::sys::TypedarrayType;
use napi::{Env, JsValue};
use napi_derive::napi;
use riptide_wasm_runtime::cache::{CacheOptions, Trust};
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::module::{Kind, Source};

/// The options of an engine: checked and complete.
#[napi(object)]
pub struct BindingEngineOptions {
    pub simd: bool,
    pub metrics: bool,
    pub workers: u32,
    pub max_instances: u32,
    pub max_memory_pages: u32,
    pub max_table_elements: u32,
    pub memory_budget_bytes: Option<f64>,
    pub fuel: bool,
    pub signals_based_traps: bool,
    pub cache: Option<BindingCacheOptions>,
    pub cold_start_target_millis: Option<u32>,
}

/// Where compiled code is kept, and why it is trusted.
#[napi(object)]
pub struct BindingCacheOptions {
    pub directory: String,
    pub key_file: Option<String>,
    #[napi(ts_type = "'key' | 'owner'")]
    pub trust: String,
}

/// The numbers of an engine.
#[napi(object)]
pub struct BindingEngineStats {
    pub workers: u32,
    pub allocation: String,
    pub slots: u32,
    pub instances: f64,
    pub cache_hits: f64,
    pub cache_misses: f64,
    pub memory_hits: f64,
    pub disk_hits: f64,
    pub cold_start_millis: f64,
    pub slow_cold_starts: f64,
}

/// An engine.
#[napi]
pub struct BindingEngine {
    engine: Engine,
}

#[napi]
impl BindingEngine {
    #[napi(constructor)]
    pub fn new(env: Env, options: BindingEngineOptions) -> napi::Result<BindingEngine> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let cache = options.cache.map(cache_options).transpose()?;
            let engine = Engine::new(EngineOptions {
                simd: options.simd,
                metrics: options.metrics,
                workers: options.workers,
                max_instances: options.max_instances,
                max_memory_pages: options.max_memory_pages,
                max_table_elements: options.max_table_elements,
                memory_budget_bytes: options.memory_budget_bytes.map(|bytes| bytes as u64),
                fuel: options.fuel,
                signals_based_traps: options.signals_based_traps,
                cache,
                cold_start_target_millis: options.cold_start_target_millis,
            })?;
            Ok(BindingEngine { engine })
        })
    }

    /// Loads code from a file's path or from bytes, which are copied.
    #[napi(
        ts_args_type = "source: string | Uint8Array, kind?: 'module' | 'component'",
        ts_return_type = "Promise<BindingCode>"
    )]
    pub fn load(&self, env: Env, source: Unknown, kind: Option<String>) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let bridge = Bridge::of(js)?;
            match load_source(js, source.raw()).and_then(|source| Ok((source, load_kind(kind)?))) {
                Ok((source, kind)) => bridge.submit(js, None, |reply| {
                    self.engine.load(
                        source,
                        kind,
                        Box::new(move |code| reply.settle(Outcome::Code(code))),
                    );
                }),
                Err(fault) => bridge::rejected(js, fault),
            }
        })
    }

    /// The numbers of now.
    #[napi(getter)]
    pub fn stats(&self, env: Env) -> napi::Result<BindingEngineStats> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || {
            let stats = self.engine.stats();
            Ok(BindingEngineStats {
                workers: stats.workers,
                allocation: stats.allocation.into(),
                slots: stats.slots,
                instances: stats.instances as f64,
                cache_hits: stats.cache.hits as f64,
                cache_misses: stats.cache.misses as f64,
                memory_hits: stats.cache.memory_hits as f64,
                disk_hits: stats.cache.disk_hits as f64,
                cold_start_millis: stats.cold_start_millis,
                slow_cold_starts: stats.slow_cold_starts as f64,
            })
        })
    }

    /// What is to be said once, and was not said yet.
    #[napi]
    pub fn take_warnings(&self, env: Env) -> napi::Result<Vec<String>> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.engine.take_warnings())
        })
    }

    /// The memory of all its instances.
    #[napi]
    pub fn tracker(&self, env: Env) -> napi::Result<BindingTracker> {
        // SAFETY: napi gave the environment for this call.
        failure::throwing(unsafe { Js::new(env.raw()) }, || {
            Ok(self.engine.tracker().into())
        })
    }

    /// The metrics of the specification over this engine.
    #[napi(ts_return_type = "Record<string, number>")]
    pub fn metrics(&self, env: Env) -> napi::Result<Raw> {
        // SAFETY: napi gave the environment for this call.
        let js = unsafe { Js::new(env.raw()) };
        failure::throwing(js, || metrics_object(js, self.engine.metrics()))
    }
}

fn cache_options(options: BindingCacheOptions) -> JsResult<CacheOptions> {
    let trust = match &*options.trust {
        "key" => Trust::Key,
        "owner" => Trust::Owner,
        other => return Err(bad_option("cache.trust", other, "key, owner").into()),
    };
    Ok(CacheOptions {
        directory: options.directory.into(),
        key_file: options.key_file.map(Into::into),
        trust,
    })
}

fn load_kind(kind: Option<String>) -> JsResult<Option<Kind>> {
    match kind.as_deref() {
        None => Ok(None),
        Some("module") => Ok(Some(Kind::Module)),
        Some("component") => Ok(Some(Kind::Component)),
        Some(other) => Err(bad_option("kind", other, "module, component").into()),
    }
}

fn bad_option(option: &str, value: &str, allowed: &str) -> Error {
    Error::new(
        ErrorCode::BadOption,
        format!("{option}: {value:?} is none of {allowed}"),
    )
    .text("option", option)
    .text("value", value)
    .text("allowed", allowed)
}

fn load_source(js: Js, source: Raw) -> JsResult<Source> {
    if js.kind(source)? == JsKind::String {
        return Ok(Source::Path(js.as_text(source)?.into()));
    }
    if js.kind(source)? == JsKind::Object
        && let Some(array) = js.as_typed_array(source)?
        && array.kind == TypedarrayType::uint8_array
    {
        return Ok(Source::Bytes(array.copy()?));
    }
    Err(Error::new(
        ErrorCode::BadArgument,
        "source: expected a path or a Uint8Array",
    )
    .text("path", "source")
    .text("expected", "a path or a Uint8Array")
    .text("received", "another value")
    .into())
}
