//! The AOT cache: which tier answers, what is believed, and what a broken one costs.

#![cfg(unix)]

#[path = "cache/compile.rs"]
mod compile;
#[path = "cache/secret.rs"]
mod secret;
#[path = "cache/tiers.rs"]
mod tiers;
#[path = "cache/trust.rs"]
mod trust;

use riptide_wasm_runtime::cache::{
    CacheLimits, CacheOptions, ModuleCache, Tier, Trust, WasmSource,
};
use riptide_wasm_runtime::compile::{
    CompileOptions, Compiled, Compiler, Cpu, Settings, kind_of, wat2wasm,
};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use wasmtime::{Engine, Instance, Store};

const MODULE: &str = r#"(module (func (export "answer") (result i32) i32.const 42))"#;
const OTHER: &str = r#"(module (func (export "answer") (result i32) i32.const 43))"#;
const COMPONENT: &str = r#"(component
    (core module $m (func (export "answer") (result i32) i32.const 42))
    (core instance $i (instantiate $m))
    (func (export "answer") (result s32) (canon lift (core func $i "answer"))))"#;
const SIMD: &str = r#"(module (func (export "answer") (result i32)
    i32.const 1 i32x4.splat i32x4.extract_lane 0))"#;

const LIMITS: CacheLimits = CacheLimits {
    max_bytes: 1 << 30,
    max_entries: 1000,
    max_age: Duration::from_secs(1_000_000),
};
const SETTINGS: Settings = Settings {
    simd: true,
    signals: true,
    fuel: false,
    reservation: 4 << 30,
    cpu: Cpu::Native,
};
/// Another folder's.
const OTHERS: Settings = Settings {
    fuel: true,
    ..SETTINGS
};

fn cache(options: Option<CacheOptions>, settings: Settings) -> ModuleCache {
    ModuleCache::new(
        options,
        settings,
        Compiler::new(settings, CompileOptions::default()),
    )
}

fn wasm(text: &str) -> Vec<u8> {
    wat2wasm(text).expect("fixture")
}

/// A folder of this user alone, with a key file of its own.
struct Place {
    folder: TempDir,
    trust: Trust,
}

impl Place {
    fn new(trust: Trust) -> Place {
        let folder = tempfile::Builder::new()
            .prefix("riptide-cache-")
            .tempdir()
            .expect("folder");
        fs::write(folder.path().join("key"), [7; 32]).expect("key");
        Place { folder, trust }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self) -> CacheOptions {
        let key_file = (self.trust == Trust::Key).then(|| self.path("key"));
        CacheOptions {
            directory: self.path("cache"),
            key_file,
            trust: self.trust,
            readable: false,
            limits: LIMITS,
        }
    }

    /// As a new process would make it.
    fn cache(&self) -> ModuleCache {
        cache(Some(self.options()), SETTINGS)
    }

    /// The artefacts, without what is being written.
    fn artefacts(&self) -> Vec<PathBuf> {
        let Ok(compats) = fs::read_dir(self.path("cache")) else {
            return Vec::new();
        };
        compats
            .flat_map(|compat| fs::read_dir(compat.expect("entry").path()).expect("compat"))
            .map(|file| file.expect("entry").path())
            .filter(|path| !path.to_string_lossy().contains("/.lock-"))
            .collect()
    }

    fn artefact(&self) -> PathBuf {
        let all = self.artefacts();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

fn rejections(cache: &ModuleCache) -> u64 {
    cache.stats().rejected.iter().sum()
}

fn tier(cache: &ModuleCache, engine: &Engine, bytes: &[u8]) -> Tier {
    let loaded = cache.load(engine, bytes).expect("load");
    assert_eq!(loaded.compiled.kind(), kind_of(bytes).expect("kind"));
    loaded.tier
}

fn answer(engine: &Engine, compiled: &Compiled) -> i32 {
    let mut store = Store::new(engine, ());
    match (compiled.module(), compiled.component()) {
        (Some(module), _) => Instance::new(&mut store, module, &[])
            .and_then(|instance| instance.get_typed_func::<(), i32>(&mut store, "answer"))
            .and_then(|answer| answer.call(&mut store, ()))
            .expect("answer"),
        (_, Some(component)) => {
            let linker = wasmtime::component::Linker::new(engine);
            let instance = linker.instantiate(&mut store, component).expect("instance");
            let answer = instance
                .get_typed_func::<(), (i32,)>(&mut store, "answer")
                .expect("function");
            answer.call(&mut store, ()).expect("answer").0
        }
        _ => unreachable!("it is one of the two"),
    }
}
