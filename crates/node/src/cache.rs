//! Options, numbers and entries of compiling and of the cache, as they cross to JavaScript.

use crate::engine::bad_option;
use crate::guest::duration;
use crate::js::JsResult;
use napi_derive::napi;
use riptide_wasm_runtime::cache::{CacheEntry, CacheLimits, CacheOptions, Rejection, Trust};
use riptide_wasm_runtime::compile::{CompileOptions, IsolatedOptions};
use riptide_wasm_runtime::metrics::{BOUNDS, HistogramSnapshot};
use std::time::{Duration, SystemTime};

/// Where compiled code is kept, and why it is trusted.
#[napi(object)]
pub struct BindingCacheOptions {
    pub directory: String,
    pub key_file: Option<String>,
    #[napi(ts_type = "'key' | 'owner'")]
    pub trust: String,
    pub readable: bool,
    pub limits: BindingCacheLimits,
}

/// What the cache's directory may hold.
#[napi(object)]
pub struct BindingCacheLimits {
    pub max_bytes: f64,
    pub max_entries: f64,
    pub max_age_millis: f64,
}

/// Limits of compiling.
#[napi(object)]
pub struct BindingCompileOptions {
    pub max_bytes: f64,
    pub max_functions: u32,
    pub max_nesting: u32,
    pub max_type_bytes: f64,
    pub isolated: Option<BindingIsolatedOptions>,
}

/// The compiling process.
#[napi(object)]
pub struct BindingIsolatedOptions {
    pub program: String,
    pub arguments: Vec<String>,
    pub timeout_millis: f64,
    pub memory_bytes: f64,
}

/// A histogram of durations.
#[napi(object)]
pub struct BindingHistogram {
    /// Observations in each bucket, not cumulative.
    pub buckets: Vec<f64>,
    pub sum: f64,
}

/// An artefact on the disk.
#[napi(object)]
pub(crate) struct BindingCacheEntry {
    pub compat: String,
    pub name: String,
    pub bytes: f64,
    /// Milliseconds since 1970.
    pub used: f64,
    pub current: bool,
    /// Why a load would reject it, if it would.
    pub rejection: Option<String>,
}

/// What was removed from the disk.
#[napi(object)]
pub(crate) struct BindingRemoved {
    pub entries: f64,
    pub bytes: f64,
}

pub(crate) fn cache_options(options: BindingCacheOptions) -> JsResult<CacheOptions> {
    let trust = match &*options.trust {
        "key" => Trust::Key,
        "owner" => Trust::Owner,
        other => return Err(bad_option("cache.trust", other, "key, owner").into()),
    };
    Ok(CacheOptions {
        directory: options.directory.into(),
        key_file: options.key_file.map(Into::into),
        trust,
        readable: options.readable,
        limits: cache_limits(options.limits),
    })
}

pub(crate) fn cache_limits(limits: BindingCacheLimits) -> CacheLimits {
    CacheLimits {
        max_bytes: limits.max_bytes as u64,
        max_entries: limits.max_entries as u64,
        max_age: duration(limits.max_age_millis).unwrap_or(Duration::MAX),
    }
}

pub(crate) fn compile_options(options: BindingCompileOptions) -> CompileOptions {
    CompileOptions {
        max_bytes: options.max_bytes as u64,
        max_functions: options.max_functions,
        max_nesting: options.max_nesting,
        max_type_bytes: options.max_type_bytes as u64,
        isolated: options.isolated.map(|isolated| IsolatedOptions {
            program: isolated.program.into(),
            arguments: isolated.arguments,
            timeout: duration(isolated.timeout_millis).unwrap_or(Duration::MAX),
            memory_bytes: isolated.memory_bytes as u64,
        }),
    }
}

/// Upper bounds of every histogram's buckets in seconds; the last bucket has none.
#[napi]
pub(crate) fn histogram_bounds() -> Vec<f64> {
    BOUNDS.to_vec()
}

pub(crate) fn histogram(snapshot: &HistogramSnapshot) -> BindingHistogram {
    BindingHistogram {
        buckets: snapshot.buckets.iter().map(|count| *count as f64).collect(),
        sum: snapshot.sum,
    }
}

pub(crate) fn cache_entry(
    (entry, rejection): (CacheEntry, Option<Rejection>),
) -> BindingCacheEntry {
    let used = entry.used.duration_since(SystemTime::UNIX_EPOCH);
    BindingCacheEntry {
        compat: entry.compat,
        name: entry.name,
        bytes: entry.bytes as f64,
        used: used.map_or(0.0, |used| used.as_secs_f64() * 1e3),
        current: entry.current,
        rejection: rejection.map(|why| why.as_str().into()),
    }
}
