//! What the tests of pools share.

#![allow(dead_code, missing_docs)] // each test file uses its part

use riptide_wasm_runtime::abi::Limits;
use riptide_wasm_runtime::compile::Cpu;
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::{Detail, Error, Result};
use riptide_wasm_runtime::instance::GuestOptions;
use riptide_wasm_runtime::module::{Code, Source, wat2wasm};
use riptide_wasm_runtime::pool::{Call, Pool, PoolOptions, Ticket};
use riptide_wasm_runtime::value::Value;
use std::sync::mpsc;
use std::time::Duration;

/// Long enough that only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn engine_options() -> EngineOptions {
    EngineOptions {
        simd: true,
        metrics: false,
        workers: 2,
        max_instances: 32,
        max_memory_pages: 64,
        max_table_elements: 1000,
        memory_budget_bytes: None,
        fuel: false,
        signals_based_traps: true,
        cpu: Cpu::Native,
        compile: Default::default(),
        cache: None,
        shared_tier: None,
        cold_start_target_millis: None,
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(engine_options()).expect("an engine")
}

pub(crate) fn wait<T: Send + 'static>(begin: impl FnOnce(Box<dyn FnOnce(T) + Send>)) -> T {
    let (sender, receiver) = mpsc::channel();
    begin(Box::new(move |outcome| {
        sender.send(outcome).expect("the test listens")
    }));
    receiver.recv_timeout(PATIENCE).expect("an answer")
}

pub(crate) fn load(text: &str) -> Code {
    load_on(&engine(), text)
}

pub(crate) fn load_on(engine: &Engine, text: &str) -> Code {
    let bytes = wat2wasm(text).expect("valid text");
    wait(|done| engine.load(Source::Bytes(bytes), None, done)).expect("valid code")
}

pub(crate) fn guest_options() -> GuestOptions {
    GuestOptions {
        max_memory_pages: 4,
        max_table_elements: 100,
        fuel: None,
        limits: Limits {
            max_bytes: 1 << 20,
            max_values: 1 << 16,
        },
        wasi: None,
    }
}

pub(crate) fn options() -> PoolOptions {
    PoolOptions {
        min: 0,
        max: 4,
        reuse: false,
        max_queue: None,
        acquire_timeout: None,
        idle_timeout: None,
        max_uses: None,
        recycle_above_pages: None,
        timeout: Some(PATIENCE),
        breaker: None,
        guest: guest_options(),
        imports: Vec::new(),
        listener: None,
        context: 0,
    }
}

pub(crate) fn submit(
    pool: &Pool,
    code: &Code,
    name: &str,
    params: Vec<Value>,
    timeout: Option<u64>,
) -> mpsc::Receiver<Result<Vec<Value>>> {
    submit_ticket(pool, code, name, params, timeout).1
}

pub(crate) fn submit_ticket(
    pool: &Pool,
    code: &Code,
    name: &str,
    params: Vec<Value>,
    timeout: Option<u64>,
) -> (Ticket, mpsc::Receiver<Result<Vec<Value>>>) {
    let (call, receiver) = make_call(code, name, params, timeout);
    (pool.call(call), receiver)
}

/// A call, and where its answer arrives.
pub(crate) fn make_call(
    code: &Code,
    name: &str,
    params: Vec<Value>,
    timeout: Option<u64>,
) -> (Call, mpsc::Receiver<Result<Vec<Value>>>) {
    let (sender, receiver) = mpsc::channel();
    let call = Call {
        function: code.function(name).expect("exported"),
        params,
        timeout: timeout.map(Duration::from_millis),
        context: 0,
        nested: false,
        measured: false,
        done: Box::new(move |result| {
            sender
                .send(result.map(|answer| answer.values))
                .expect("answered once, while the test listens");
        }),
    };
    (call, receiver)
}

pub(crate) fn call(
    pool: &Pool,
    code: &Code,
    name: &str,
    params: Vec<Value>,
    timeout: Option<u64>,
) -> Result<Vec<Value>> {
    submit(pool, code, name, params, timeout)
        .recv_timeout(PATIENCE)
        .expect("an answer")
}

pub(crate) fn detail<'a>(error: &'a Error, key: &str) -> &'a Detail {
    &error
        .details
        .iter()
        .find(|(own, _)| *own == key)
        .unwrap_or_else(|| panic!("{key} in {error:?}"))
        .1
}

pub(crate) fn text(value: &str) -> Detail {
    Detail::Text(value.into())
}

pub(crate) fn ended(pool: &Pool) {
    wait(|done| pool.close(done)).expect("closes");
    assert_eq!(pool.tracker().current_bytes, 0);
    let stats = pool.stats();
    assert_eq!(
        (stats.size, stats.active, stats.waiting),
        (0, 0, 0),
        "{stats:?}"
    );
    assert_eq!(
        stats.created,
        stats.destroyed.iter().sum::<u64>(),
        "{stats:?}"
    );
}

pub(crate) const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (global $count (mut i32) (i32.const 0))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "count") (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow-or-trap") (param i32)
        (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable)))
    (func (export "trap") unreachable)
    (func $deep (export "deep") (call $deep))
    (func (export "loop") (loop (br 0))))"#;
