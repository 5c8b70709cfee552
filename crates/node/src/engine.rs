//! The engine as JavaScript holds it.

use crate::bridge::{self, Bridge};
use crate::cache::{
    BindingCacheLimits, BindingCacheOptions, BindingCompileOptions, BindingHistogram,
    BindingRemoved, cache_entry, cache_limits, cache_options, compile_options, histogram,
};
use crate::code::BindingCode;
use crate::failure;
use crate::info::{BindingTracker, metrics_object};
use crate::js::{Js, JsResult, Kind as JsKind, Raw};
use crate::queue::Reply;
use crate::shared_tier::JsSharedTier;
use napi::bindgen_prelude::{ToNapiValue, Unknown};
use napi::{Env, JsValue};
use napi_derive::napi;
use riptide_wasm_runtime::cache::{Rejection, Removed, SharedTier};
use riptide_wasm_runtime::compile::Cpu;
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::module::{Code, Kind, Source};
use std::collections::HashMap;
use std::sync::Arc;

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
    /// Whether code is compiled for every processor of this architecture.
    pub baseline: bool,
    pub compile: BindingCompileOptions,
    pub cache: Option<BindingCacheOptions>,
    /// JavaScript's number for the store behind the cache, if there is one.
    pub shared_tier: Option<u32>,
    pub cold_start_target_millis: Option<u32>,
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
    pub shared_hits: f64,
    #[napi(ts_type = "Record<string, number>")]
    pub rejected: HashMap<String, f64>,
    pub write_failures: f64,
    pub evictions: f64,
    pub clock_skews: f64,
    pub cache_entries: f64,
    pub cache_bytes: f64,
    pub cold_start_millis: f64,
    pub slow_cold_starts: f64,
    pub cold_starts_hit: BindingHistogram,
    pub cold_starts_miss: BindingHistogram,
    pub compile: BindingHistogram,
    pub cache_load: BindingHistogram,
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
            let shared_tier = match options.shared_tier {
                Some(id) => {
                    let queue = Bridge::of(js)?.queue().clone();
                    Some(Arc::new(JsSharedTier { id, queue }) as Arc<dyn SharedTier>)
                }
                None => None,
            };
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
                cpu: if options.baseline {
                    Cpu::Baseline
                } else {
                    Cpu::Native
                },
                compile: compile_options(options.compile),
                cache,
                shared_tier,
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
        submit(env, |js| {
            let source = load_source(js, source.raw())?;
            let kind = load_kind(kind)?;
            Ok(move |reply: Reply| {
                let done = move |code| {
                    reply.make(code, |js, code: Code| made(js, BindingCode::from(code)))
                };
                self.engine.load(source, kind, done);
            })
        })
    }

    /// The cache's artefacts on the disk; with `verify`, each with the reason why a load would reject it, if any.
    #[napi(ts_return_type = "Promise<BindingCacheEntry[]>")]
    pub fn cache_entries(&self, env: Env, verify: bool) -> napi::Result<Raw> {
        submit(env, |_| {
            Ok(move |reply: Reply| {
                let done = move |entries| {
                    reply.make(entries, |js, entries: Vec<_>| {
                        let entries: Vec<_> = entries.into_iter().map(cache_entry).collect();
                        made(js, entries)
                    })
                };
                self.engine.cache_entries(verify, done);
            })
        })
    }

    /// Removes the artefacts beyond these limits, or all of them without limits.
    #[napi(ts_return_type = "Promise<BindingRemoved>")]
    pub fn prune_cache(&self, env: Env, limits: Option<BindingCacheLimits>) -> napi::Result<Raw> {
        submit(env, |_| {
            let limits = limits.map(cache_limits);
            Ok(move |reply: Reply| {
                let done = move |removed| {
                    reply.make(removed, |js, removed: Removed| {
                        let (entries, bytes) = (removed.entries as f64, removed.bytes as f64);
                        made(js, BindingRemoved { entries, bytes })
                    })
                };
                self.engine.prune_cache(limits, done);
            })
        })
    }

    /// The current numbers.
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
                shared_hits: stats.cache.shared_hits as f64,
                rejected: Rejection::ALL
                    .iter()
                    .map(|why| (why.as_str().to_owned(), *why as usize))
                    .map(|(why, index)| (why, stats.cache.rejected[index] as f64))
                    .collect(),
                write_failures: stats.cache.write_failures as f64,
                evictions: stats.cache.evicted as f64,
                clock_skews: stats.cache.clock_skews as f64,
                cache_entries: stats.cache.entries as f64,
                cache_bytes: stats.cache.bytes as f64,
                cold_start_millis: stats.cold_start_millis,
                slow_cold_starts: stats.slow_cold_starts as f64,
                cold_starts_hit: histogram(&stats.cold_starts_hit),
                cold_starts_miss: histogram(&stats.cold_starts_miss),
                compile: histogram(&stats.compile),
                cache_load: histogram(&stats.cache.load),
            })
        })
    }

    /// The warnings since the last call: each is returned once.
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

/// A promise for work: `prepare` reads the arguments, and returns a function that begins the work. Arguments that do
/// not fit reject the promise.
fn submit<W: FnOnce(Reply)>(
    env: Env,
    prepare: impl FnOnce(Js) -> JsResult<W>,
) -> napi::Result<Raw> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        let bridge = Bridge::of(js)?;
        match prepare(js) {
            Ok(work) => bridge.submit(js, None, work),
            Err(fault) => bridge::rejected(js, fault),
        }
    })
}

fn made(js: Js, value: impl ToNapiValue) -> JsResult<Raw> {
    // SAFETY: alive environment on its thread.
    let made = unsafe { ToNapiValue::to_napi_value(js.raw(), value) };
    Ok(made.map_err(|error| Error::new(ErrorCode::Internal, error.reason.clone()))?)
}

fn load_kind(kind: Option<String>) -> JsResult<Option<Kind>> {
    match kind.as_deref() {
        None => Ok(None),
        Some("module") => Ok(Some(Kind::Module)),
        Some("component") => Ok(Some(Kind::Component)),
        Some(other) => Err(bad_option("kind", other, "module, component").into()),
    }
}

pub(crate) fn bad_option(option: &str, value: &str, allowed: &str) -> Error {
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
    if let Some(bytes) = js.copy_bytes(source)? {
        return Ok(Source::Bytes(bytes));
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
