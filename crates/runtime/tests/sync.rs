//! Instances that are called on the caller's thread.

use riptide_wasm_runtime::abi::Limits;
use riptide_wasm_runtime::compile::Cpu;
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::ErrorCode;
use riptide_wasm_runtime::instance::{GuestOptions, SyncInstance, SyncInstanceOptions};
use riptide_wasm_runtime::module::{Code, Source, wat2wasm};
use riptide_wasm_runtime::value::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

fn load(text: &str) -> Code {
    let engine = Engine::new(EngineOptions {
        simd: true,
        metrics: false,
        workers: 1,
        max_instances: 8,
        max_memory_pages: 16,
        max_table_elements: 1000,
        memory_budget_bytes: None,
        fuel: false,
        signals_based_traps: true,
        cpu: Cpu::Native,
        compile: Default::default(),
        cache: None,
        shared_tier: None,
        cold_start_target_millis: None,
    })
    .expect("an engine");
    let (sender, receiver) = mpsc::channel();
    let source = Source::Bytes(wat2wasm(text).expect("valid text"));
    engine.load(
        source,
        None,
        Box::new(move |loaded| sender.send(loaded).expect("the test listens")),
    );
    receiver.recv().expect("an answer").expect("valid code")
}

fn options(timeout: u64) -> SyncInstanceOptions {
    SyncInstanceOptions {
        guest: GuestOptions {
            max_memory_pages: 2,
            max_table_elements: 100,
            fuel: None,
            limits: Limits {
                max_bytes: 1 << 20,
                max_values: 1 << 16,
            },
            wasi: None,
        },
        timeout: Some(Duration::from_millis(timeout)),
        wanted: None,
        imports: Vec::new(),
    }
}

const GUEST: &str = r#"(module (memory 1)
    (func (export "size") (result i32) (memory.size))
    (func $deep (export "deep") (call $deep))
    (func (export "grow-then-loop") (drop (memory.grow (i32.const 9))) (loop (br 0))))"#;

#[test]
fn a_loop_after_a_refused_growth_is_a_time_out() {
    let code = load(GUEST);
    let mut instance = SyncInstance::new(&code, options(20)).expect("an instance");
    let function = code.function("grow-then-loop").expect("exported");
    assert_eq!(
        instance.call(&function, Vec::new()).expect_err("late").code,
        ErrorCode::Timeout
    );
    assert_eq!(instance.tracker().current_pages, 0);
    let size = code.function("size").expect("exported");
    assert_eq!(
        instance.call(&size, Vec::new()).expect_err("ended").code,
        ErrorCode::Closed
    );
}

#[test]
fn a_guest_is_not_entered_where_the_stack_would_not_hold_it() {
    let code = load(GUEST);
    for (size, deep, enters) in [
        (256 << 10, "deep", false),
        (4 << 20, "deep", true),
        (4 << 20, "size", true),
    ] {
        let code = code.clone();
        let call = move || {
            let mut instance = SyncInstance::new(&code, options(10_000))?;
            let function = code.function(deep)?;
            instance.call(&function, Vec::new())
        };
        let thread = std::thread::Builder::new()
            .stack_size(size)
            .spawn(call)
            .expect("a thread");
        let result = thread.join().expect("no panic");
        match deep {
            "size" => assert_eq!(result.expect("a value"), [Value::S32(1)]),
            _ => {
                let error = result.expect_err("too deep");
                assert_eq!(error.code, ErrorCode::StackOverflow);
                assert_eq!(error.message.contains("caller"), !enters, "{error}");
            }
        }
    }
}

#[test]
fn a_loop_that_nobody_wants_any_more_ends() {
    let code = load(GUEST);
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let mut instance = SyncInstance::new(
        &code,
        SyncInstanceOptions {
            timeout: None,
            wanted: Some(Arc::new(move || counted.fetch_add(1, Ordering::SeqCst) < 3)),
            ..options(0)
        },
    )
    .expect("an instance");
    let function = code.function("grow-then-loop").expect("exported");
    instance
        .call(&function, Vec::new())
        .expect_err("interrupted");
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}
