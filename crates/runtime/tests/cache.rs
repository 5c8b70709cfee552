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

use riptide_wasm_runtime::cache::{CacheOptions, Guest, ModuleCache, Tier, Trust};
use riptide_wasm_runtime::compile::{Compiled, kind_of, wat2wasm};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
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
        }
    }

    /// As a new process would make it.
    fn cache(&self) -> ModuleCache {
        ModuleCache::new(Some(self.options()), "settings", true)
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

fn tier(cache: &ModuleCache, engine: &Engine, bytes: &[u8]) -> Tier {
    let loaded = cache.load(engine, bytes).expect("load");
    assert_eq!(loaded.compiled.kind(), kind_of(bytes).expect("kind"));
    loaded.tier
}

fn answer(engine: &Engine, compiled: &Compiled) -> i32 {
    let mut store = Store::new(engine, ());
    match compiled {
        Compiled::Module(module) => Instance::new(&mut store, module, &[])
            .and_then(|instance| instance.get_typed_func::<(), i32>(&mut store, "answer"))
            .and_then(|answer| answer.call(&mut store, ()))
            .expect("answer"),
        Compiled::Component(component) => {
            let linker = wasmtime::component::Linker::new(engine);
            let instance = linker.instantiate(&mut store, component).expect("instance");
            let answer = instance
                .get_typed_func::<(), (i32,)>(&mut store, "answer")
                .expect("function");
            answer.call(&mut store, ()).expect("answer").0
        }
    }
}
