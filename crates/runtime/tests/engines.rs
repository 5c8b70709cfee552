//! Engines of one process: what they share, and what each has for itself.

mod support;

use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::{ErrorCode, Result};
use riptide_wasm_runtime::instance::{SyncInstance, SyncInstanceOptions};
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{Pool, PoolOptions};
use riptide_wasm_runtime::value::Value;
use support::*;

fn engine_of(options: EngineOptions) -> Engine {
    Engine::new(options).expect("an engine")
}

fn instance(code: &Code) -> Result<SyncInstance> {
    let options = SyncInstanceOptions {
        guest: guest_options(),
        timeout: None,
        wanted: None,
        imports: Vec::new(),
    };
    SyncInstance::new(code, options)
}

/// As many instances as there may be at once.
fn all(code: &Code) -> Vec<SyncInstance> {
    let mut made = Vec::new();
    loop {
        match instance(code) {
            Ok(instance) => made.push(instance),
            Err(error) => {
                assert_eq!(error.code, ErrorCode::NoSlot, "{error}");
                return made;
            }
        }
    }
}

#[test]
fn each_engine_has_all_of_its_instances_at_the_same_time() {
    // Sizes that do and do not fit beside each other in one allocator.
    let sizes = [100, 100, 56, 1, 200, 255, 300, 2];
    let engines = sizes.map(|max_instances| {
        engine_of(EngineOptions {
            max_instances,
            max_memory_pages: 63,
            ..engine_options()
        })
    });
    // Two memories and eight tables each is what an engine has for its instances.
    let text = format!(
        "(module {} {})",
        "(memory 0)".repeat(2),
        "(table 1 funcref)".repeat(8)
    );
    let codes = engines.each_ref().map(|engine| load_on(engine, &text));
    let made = codes.each_ref().map(all);
    for ((engine, made), max_instances) in engines.iter().zip(&made).zip(sizes) {
        assert_eq!(made.len(), max_instances as usize);
        let stats = engine.stats();
        assert_eq!(stats.instances, u64::from(max_instances));
        assert_eq!(
            (stats.slots, stats.allocation),
            (max_instances, "pooling-4gib")
        );
    }
    drop(made);
    for engine in &engines {
        assert_eq!(engine.stats().instances, 0);
    }
}

#[test]
fn guests_with_many_memories_take_those_of_their_own_engine_alone() {
    let options = || EngineOptions {
        max_instances: 64,
        max_memory_pages: 62,
        ..engine_options()
    };
    let engines = [(); 4].map(|()| engine_of(options()));
    let many = format!("(module {})", "(memory 0)".repeat(16));
    let hoards = engines[..3]
        .iter()
        .map(|engine| all(&load_on(engine, &many)));
    let hoards: Vec<_> = hoards.collect();
    assert_eq!(hoards.iter().map(Vec::len).collect::<Vec<_>>(), [8, 8, 8]);
    let code = load_on(&engines[3], "(module (memory 0) (memory 0))");
    assert_eq!(all(&code).len(), 64);
}

#[test]
fn an_engine_that_is_gone_gives_its_slots_back() {
    let keep = engine();
    let workers = keep.stats().workers;
    // Far more than the address space has room for at once.
    for round in 0..1_500 {
        let engine = engine_of(EngineOptions {
            max_instances: 100,
            ..engine_options()
        });
        let stats = engine.stats();
        assert_eq!(
            (stats.allocation, stats.workers),
            ("pooling-4gib", workers),
            "{round}"
        );
    }
}

#[test]
fn an_engine_lives_as_long_as_its_code() {
    let options = || EngineOptions {
        max_instances: 1,
        max_memory_pages: 61,
        ..engine_options()
    };
    let code = load_on(&engine_of(options()), GUEST);
    let held = instance(&code).expect("its slot");
    let other = load_on(&engine_of(options()), GUEST);
    let _beside = instance(&other).expect("another slot");
    assert_eq!(instance(&code).err().expect("full").code, ErrorCode::NoSlot);
    drop(held);
    instance(&code).expect("its slot again");
}

#[test]
fn budget_and_tracker_belong_to_one_engine() {
    let options = || EngineOptions {
        memory_budget_bytes: Some(2 * 65_536),
        max_memory_pages: 60,
        ..engine_options()
    };
    let [one, other] = [engine_of(options()), engine_of(options())];
    let pools = [&one, &other].map(|engine| {
        let code = load_on(engine, GUEST);
        let options = PoolOptions {
            max: 1,
            reuse: true,
            ..support::options()
        };
        (Pool::new(&code, options).expect("a pool"), code)
    });
    let grow = |(pool, code): &(Pool, Code)| call(pool, code, "grow", vec![Value::S32(1)], None);
    let granted = |result: Result<Vec<Value>>| result.expect("polite");
    assert_eq!(granted(grow(&pools[0])), [Value::S32(1)]);
    assert_eq!(granted(grow(&pools[0])), [Value::S32(-1)]);
    assert_eq!(granted(grow(&pools[1])), [Value::S32(1)]);
    let numbers = |engine: &Engine| {
        let tracker = engine.tracker();
        (
            tracker.current_pages,
            tracker.grow_requests,
            tracker.budget_refusals,
        )
    };
    assert_eq!((numbers(&one), numbers(&other)), ((2, 3, 1), (2, 2, 0)));
    for (pool, _) in &pools {
        ended(pool);
    }
    assert_eq!((numbers(&one).0, numbers(&other).0), (0, 0));
}
