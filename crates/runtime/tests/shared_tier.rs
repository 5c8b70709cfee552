//! The shared tier: asked once for all loads of a guest, and nothing that it does or leaves undone fails a load.

#![cfg(unix)]

mod support;

use riptide_wasm_runtime::cache::{CacheLimits, CacheOptions, SharedAnswer, SharedTier, Trust};
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::module::{Code, Source, wat2wasm};
use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;
use tempfile::TempDir;

/// What a store does with a question.
#[derive(Clone, Copy, Debug)]
enum Manner {
    AtOnce,
    FromAnotherThread,
    /// Drops it.
    Silent,
    /// Keeps it, and never answers.
    Hanging,
    Lying,
}

#[derive(Debug)]
struct Store {
    manner: Manner,
    kept: Mutex<HashMap<String, Vec<u8>>>,
    asked: AtomicUsize,
    hanging: Mutex<Vec<Unanswered>>,
}

struct Unanswered(#[allow(dead_code)] SharedAnswer);

impl std::fmt::Debug for Unanswered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Unanswered")
    }
}

impl Store {
    fn new(manner: Manner) -> Arc<Store> {
        Arc::new(Store {
            manner,
            kept: Mutex::default(),
            asked: AtomicUsize::new(0),
            hanging: Mutex::default(),
        })
    }

    fn kept(&self) -> HashMap<String, Vec<u8>> {
        self.kept.lock().expect("lock").clone()
    }
}

impl SharedTier for Store {
    fn get(&self, name: &str, answer: SharedAnswer) {
        self.asked.fetch_add(1, SeqCst);
        let sealed = self.kept().remove(name);
        match self.manner {
            Manner::AtOnce => answer.give(sealed),
            Manner::FromAnotherThread => {
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(100));
                    answer.give(sealed);
                });
            }
            Manner::Silent => {}
            Manner::Hanging => self.hanging.lock().expect("lock").push(Unanswered(answer)),
            Manner::Lying => answer.give(Some(vec![0; 10_000])),
        }
    }

    fn put(&self, name: &str, sealed: Vec<u8>) {
        let mut kept = self.kept.lock().expect("lock");
        kept.insert(name.to_owned(), sealed);
    }
}

/// A machine: its directory is its own, its key is everybody's.
struct Machine {
    engine: Engine,
    folder: TempDir,
}

impl Machine {
    fn new(store: &Arc<Store>) -> Machine {
        Machine::of(Some(store), Trust::Key)
    }

    fn of(store: Option<&Arc<Store>>, trust: Trust) -> Machine {
        let folder = tempfile::tempdir().expect("folder");
        let engine = Machine::engine(&folder, store, trust);
        Machine { engine, folder }
    }

    fn engine(folder: &TempDir, store: Option<&Arc<Store>>, trust: Trust) -> Engine {
        let key_file = folder.path().join("key");
        fs::write(&key_file, [7; 32]).expect("key");
        let cache = CacheOptions {
            directory: folder.path().join("cache"),
            key_file: Some(key_file),
            trust,
            readable: false,
            limits: CacheLimits {
                max_bytes: 1 << 30,
                max_entries: 1000,
                max_age: Duration::from_secs(1_000_000),
            },
        };
        Engine::new(EngineOptions {
            cache: Some(cache),
            shared_tier: store.map(|store| store.clone() as Arc<dyn SharedTier>),
            ..engine_options()
        })
        .expect("an engine")
    }

    fn load(&self) -> Code {
        load_on(&self.engine, GUEST)
    }

    /// Hits of the shared tier and of the disk, and compilations.
    fn numbers(&self) -> (u64, u64, u64) {
        let stats = self.engine.stats().cache;
        (stats.shared_hits, stats.disk_hits, stats.misses)
    }
}

const GUEST: &str = r#"(module (func (export "n") (result i32) i32.const 9))"#;

#[test]
fn one_machine_compiles_and_the_others_have_it_from_the_store() {
    for manner in [Manner::AtOnce, Manner::FromAnotherThread] {
        let store = Store::new(manner);
        let one = Machine::new(&store);
        assert!(!one.load().cache_hit(), "{manner:?}");
        assert_eq!(one.numbers(), (0, 0, 1), "{manner:?}");
        assert_eq!(store.kept().len(), 1, "{manner:?}");
        let two = Machine::new(&store);
        assert!(two.load().cache_hit(), "{manner:?}");
        assert_eq!(two.numbers(), (1, 0, 0), "{manner:?}");
        // It is on the disk of the second one, too: a new process of it does not ask.
        let later = Machine::engine(&two.folder, Some(&store), Trust::Key);
        drop(two.engine);
        load_on(&later, GUEST);
        assert_eq!(store.asked.load(SeqCst), 2, "{manner:?}");
    }
}

#[test]
fn loads_of_one_guest_ask_once() {
    let store = Store::new(Manner::FromAnotherThread);
    let machine = Machine::new(&store);
    // An engine of the same directory without a store waits for the one that asks.
    let beside = Machine::engine(&machine.folder, None, Trust::Key);
    let (sender, receiver) = std::sync::mpsc::channel();
    for engine in [&machine.engine; 10].into_iter().chain([&beside; 10]) {
        let bytes = wat2wasm(GUEST).expect("valid text");
        let sender = sender.clone();
        engine.load(Source::Bytes(bytes), None, move |loaded| {
            sender.send(loaded.map(|_| ())).expect("the test listens");
        });
    }
    for _ in 0..20 {
        let loaded = receiver.recv_timeout(PATIENCE).expect("an answer");
        loaded.expect("valid code");
    }
    assert_eq!(store.asked.load(SeqCst), 1);
    let hits = machine.engine.stats().cache.memory_hits + beside.stats().cache.memory_hits;
    assert_eq!((machine.numbers(), hits), ((0, 0, 1), 19));
}

#[test]
fn a_store_that_gives_nothing_of_use_costs_a_compile() {
    for manner in [Manner::Silent, Manner::Lying, Manner::Hanging] {
        let store = Store::new(manner);
        let machine = Machine::new(&store);
        assert!(!machine.load().cache_hit(), "{manner:?}");
        assert_eq!(machine.numbers(), (0, 0, 1), "{manner:?}");
        // What was compiled is put in place of what was of no use.
        assert_eq!(store.kept().len(), 1, "{manner:?}");
        let rejected: u64 = machine.engine.stats().cache.rejected.iter().sum();
        assert_eq!(rejected, u64::from(matches!(manner, Manner::Lying)));
    }
}

#[test]
fn an_answer_that_comes_too_late_is_ignored() {
    let store = Store::new(Manner::Hanging);
    let machine = Machine::new(&store);
    machine.load();
    let artefact = store.kept().into_values().next();
    for Unanswered(answer) in store.hanging.lock().expect("lock").drain(..) {
        answer.give(artefact.clone());
    }
    assert!(machine.load().cache_hit());
    assert_eq!(machine.numbers(), (0, 0, 1));
}

#[test]
fn without_a_key_the_store_is_not_asked() {
    let store = Store::new(Manner::AtOnce);
    let machine = Machine::of(Some(&store), Trust::Owner);
    machine.load();
    assert_eq!((store.asked.load(SeqCst), store.kept().len()), (0, 0));
}
