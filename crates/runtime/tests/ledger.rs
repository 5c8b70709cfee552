//! Whatever guests do and however they end, no byte of theirs stays in any sum.

mod support;

use proptest::prelude::*;
use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::ErrorCode;
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{Pool, PoolOptions};
use riptide_wasm_runtime::value::Value;
use std::sync::LazyLock;
use std::time::Duration;
use support::*;

/// What a caller does, in one order or another with what the others do.
#[derive(Clone, Debug)]
enum Step {
    Good,
    /// Grows by so many pages, politely: the instance may hold four.
    Grow(i32),
    GrowOrTrap(i32),
    Trap,
    /// Loops until its time is up.
    Late,
    /// Loops until its caller gives up.
    Aborted,
    /// Never starts: its memory is larger than its limit.
    TooLarge,
    /// Never starts: its start function traps, after growing.
    BadStart,
    /// Lets a little time pass, so that calls end in another order.
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Good),
        3 => (0..6i32).prop_map(Step::Grow),
        2 => (0..6i32).prop_map(Step::GrowOrTrap),
        1 => Just(Step::Trap),
        1 => Just(Step::Late),
        1 => Just(Step::Aborted),
        1 => Just(Step::TooLarge),
        1 => Just(Step::BadStart),
        1 => Just(Step::Pause),
    ]
}

struct World {
    engine: Engine,
    guest: Code,
    too_large: Code,
    bad_start: Code,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let engine = Engine::new(EngineOptions {
        // Less than all instances together may hold, so that it refuses some growths.
        memory_budget_bytes: Some(10 * 65_536),
        max_instances: 12,
        ..engine_options()
    })
    .expect("an engine");
    World {
        guest: load_on(&engine, GUEST),
        too_large: load_on(&engine, "(module (memory 5) (func (export \"f\")))"),
        bad_start: load_on(
            &engine,
            "(module (memory 1) (func (export \"f\")) (func $s (drop (memory.grow (i32.const 2))) unreachable) (start $s))",
        ),
        engine,
    }
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn nothing_stays(
        steps in proptest::collection::vec(step(), 1..60),
        reuse in any::<bool>(),
        destroy in any::<bool>(),
    ) {
        let world = &*WORLD;
        let pool = |code, max| {
            let options = PoolOptions { max, reuse, ..options() };
            Pool::new(code, options).expect("a pool")
        };
        let pools = [pool(&world.guest, 3), pool(&world.too_large, 2), pool(&world.bad_start, 2)];
        let mut answers = Vec::new();
        for step in &steps {
            let (pool, code, name, params, timeout) = match *step {
                Step::Good => (0, &world.guest, "count", vec![], None),
                Step::Grow(pages) => (0, &world.guest, "grow", vec![Value::S32(pages)], None),
                Step::GrowOrTrap(pages) => (0, &world.guest, "grow-or-trap", vec![Value::S32(pages)], None),
                Step::Trap => (0, &world.guest, "trap", vec![], None),
                Step::Late => (0, &world.guest, "loop", vec![], Some(3)),
                Step::Aborted => (0, &world.guest, "loop", vec![], None),
                Step::TooLarge => (1, &world.too_large, "f", vec![], None),
                Step::BadStart => (2, &world.bad_start, "f", vec![], None),
                Step::Pause => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
            };
            let (ticket, answer) = submit_ticket(&pools[pool], code, name, params, timeout);
            if matches!(step, Step::Aborted) {
                ticket.abort();
            }
            answers.push((step, answer));
        }
        if destroy {
            for pool in &pools {
                wait(|done| pool.destroy(done)).expect("destroyed");
            }
        }
        for (step, answer) in answers {
            let result = answer.recv_timeout(PATIENCE).expect("an answer");
            let code = result.as_ref().err().map(|error| error.code);
            let expected: &[Option<ErrorCode>] = match step {
                // Its first page may be one too many for the budget.
                Step::Good | Step::Grow(_) | Step::GrowOrTrap(_) => &[None, Some(ErrorCode::MemoryLimit)],
                Step::Trap => &[Some(ErrorCode::Trap), Some(ErrorCode::MemoryLimit)],
                Step::Late => &[Some(ErrorCode::Timeout), Some(ErrorCode::MemoryLimit)],
                Step::Aborted => &[Some(ErrorCode::Aborted), Some(ErrorCode::MemoryLimit)],
                Step::TooLarge => &[Some(ErrorCode::MemoryLimit)],
                Step::BadStart => &[Some(ErrorCode::Trap), Some(ErrorCode::MemoryLimit)],
                Step::Pause => unreachable!("it has no answer"),
            };
            let destroyed = destroy && matches!(code, Some(ErrorCode::Aborted | ErrorCode::Timeout));
            prop_assert!(destroyed || expected.contains(&code), "{:?}: {:?}", step, result);
        }
        for pool in &pools {
            ended(pool);
            let tracker = pool.tracker();
            prop_assert!(tracker.grow_failures <= tracker.grow_requests);
            prop_assert!(tracker.peak_pages <= tracker.max_pages);
        }
        let tracker = world.engine.tracker();
        prop_assert_eq!((tracker.current_bytes, world.engine.stats().instances), (0, 0));
        prop_assert!(tracker.peak_pages <= 10);
    }
}
