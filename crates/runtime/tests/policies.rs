//! What a pool keeps, for how long, and which calls it does not take.

mod support;

use riptide_wasm_runtime::engine::{Engine, EngineOptions};
use riptide_wasm_runtime::error::{Detail, Error, ErrorCode, Result};
use riptide_wasm_runtime::instance::GuestOptions;
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{
    BreakerOptions, BreakerState, CallStats, Event, Outcome, Pool, PoolOptions, Reason,
};
use riptide_wasm_runtime::value::Value;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::*;

fn pool(code: &Code, options: PoolOptions) -> Pool {
    Pool::new(code, options).expect("a pool")
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn count(pool: &Pool, code: &Code) -> Value {
    let mut values = call(pool, code, "count", vec![], None).expect("a value");
    values.remove(0)
}

/// Calls with one of them marked as something another call of the pool waits for.
fn nested(pool: &Pool, code: &Code) -> Result<Vec<Value>> {
    let (mut call, answer) = make_call(code, "count", vec![], None);
    call.nested = true;
    pool.call(call);
    answer.recv_timeout(PATIENCE).expect("an answer")
}

#[test]
fn a_full_queue_refuses_the_next_call_and_takes_one_again_when_there_is_room() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 2,
            max_queue: Some(3),
            ..options()
        },
    );
    let tickets: Vec<_> = (0..5)
        .map(|_| submit_ticket(&pool, &code, "loop", vec![], None))
        .collect();
    let full = call(&pool, &code, "count", vec![], None).expect_err("full");
    assert_eq!(full.code, ErrorCode::QueueFull);
    assert_eq!(detail(&full, "maxQueue"), &Detail::Number(3.0));
    assert_eq!(pool.stats().ended(Outcome::Rejected), 1);
    for (ticket, answer) in tickets {
        ticket.abort();
        let aborted = answer.recv_timeout(PATIENCE).expect("an answer");
        assert_eq!(aborted.expect_err("aborted").code, ErrorCode::Aborted);
    }
    eventually("the lanes let go", || pool.stats().active == 0);
    assert_eq!(count(&pool, &code), Value::S32(1));
    ended(&pool);
}

#[test]
fn a_call_that_waits_too_long_for_an_instance_is_told_so_and_one_that_runs_is_not() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 1,
            acquire_timeout: Some(Duration::from_millis(250)),
            ..options()
        },
    );
    let running = submit(&pool, &code, "loop", vec![], Some(1_000));
    let late = call(&pool, &code, "count", vec![], None).expect_err("no instance");
    assert_eq!(late.code, ErrorCode::AcquireTimeout);
    assert_eq!(
        detail(&late, "acquireTimeoutMillis"),
        &Detail::Number(250.0)
    );
    let timed_out = running.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(timed_out.expect_err("too long").code, ErrorCode::Timeout);
    assert_eq!(pool.stats().ended(Outcome::Timeout), 2);
    // The answer is there at once; the guest is let go of at its next turn.
    eventually("the lane lets go", || pool.stats().active == 0);
    assert_eq!(count(&pool, &code), Value::S32(1));
    ended(&pool);
}

#[test]
fn a_call_that_another_waits_for_never_waits_itself() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 2,
            ..options()
        },
    );
    let (ticket, answer) = submit_ticket(&pool, &code, "loop", vec![], None);
    nested(&pool, &code).expect("there is another instance");
    let (second, second_answer) = submit_ticket(&pool, &code, "loop", vec![], None);
    let refused = nested(&pool, &code).expect_err("all are taken");
    assert_eq!(refused.code, ErrorCode::Reentrant);
    assert_eq!(detail(&refused, "max"), &Detail::Number(2.0));
    for (ticket, answer) in [(ticket, answer), (second, second_answer)] {
        ticket.abort();
        let aborted = answer.recv_timeout(PATIENCE).expect("an answer");
        assert_eq!(aborted.expect_err("aborted").code, ErrorCode::Aborted);
    }
    ended(&pool);
}

#[test]
fn an_instance_serves_so_many_calls_and_no_more() {
    let code = load(GUEST);
    let (sender, events) = mpsc::channel();
    let pool = pool(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            max_uses: Some(3),
            listener: Some(Box::new(move |event| {
                sender.send(event).expect("the test listens");
            })),
            ..options()
        },
    );
    pool.listen(Event::InstanceCreated.bit() | Event::InstanceDestroyed(Reason::Idle).bit());
    let counts: Vec<Value> = (0..7).map(|_| count(&pool, &code)).collect();
    assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1].map(Value::S32));
    ended(&pool);
    let created = Event::InstanceCreated;
    let worn = Event::InstanceDestroyed(Reason::MaxUses);
    let closed = Event::InstanceDestroyed(Reason::Closed);
    let expected = [created, worn, created, worn, created, closed];
    assert_eq!(events.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn an_instance_that_grew_too_large_is_not_kept() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            recycle_above_pages: Some(2),
            ..options()
        },
    );
    let grow = |pages| {
        let grown = call(&pool, &code, "grow", vec![Value::S32(pages)], None);
        assert_eq!(grown.expect("a value"), [Value::S32(1)]);
    };
    grow(1);
    assert_eq!(count(&pool, &code), Value::S32(1));
    assert_eq!((pool.stats().created, pool.tracker().current_pages), (1, 2));
    let grown = call(&pool, &code, "grow", vec![Value::S32(1)], None);
    assert_eq!(grown.expect("a value"), [Value::S32(2)]);
    assert_eq!(pool.tracker().current_pages, 0);
    assert_eq!(count(&pool, &code), Value::S32(1));
    ended(&pool);
}

#[test]
fn idle_instances_above_min_go_after_their_time() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            min: 1,
            max: 4,
            reuse: true,
            idle_timeout: Some(Duration::from_millis(30)),
            ..options()
        },
    );
    for _ in 0..3 {
        let calls: Vec<_> = (0..4)
            .map(|_| submit_ticket(&pool, &code, "loop", vec![], None))
            .collect();
        eventually("four instances", || pool.stats().active == 4);
        let good: Vec<_> = (0..8)
            .map(|_| submit(&pool, &code, "count", vec![], None))
            .collect();
        for (ticket, _answer) in &calls {
            ticket.abort();
        }
        for answer in good {
            answer
                .recv_timeout(PATIENCE)
                .expect("an answer")
                .expect("a value");
        }
        eventually("only the least is left", || {
            let stats = pool.stats();
            (stats.size, stats.idle, stats.active) == (1, 1, 0)
        });
    }
    ended(&pool);
}

fn with_breaker(code: &Code, reset: Duration) -> (Pool, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let pool = pool(
        code,
        PoolOptions {
            max: 2,
            breaker: Some(BreakerOptions {
                error_threshold_percentage: 50.0,
                volume_threshold: 4,
                reset_timeout: reset,
                rolling_count_timeout: Duration::from_secs(60),
                rolling_count_buckets: 10,
                error_filter: Vec::new(),
            }),
            listener: Some(Box::new(move |event| {
                sender.send(event).expect("the test listens");
            })),
            ..options()
        },
    );
    pool.listen(Event::Breaker(BreakerState::Open).bit());
    (pool, events)
}

fn code_of(result: Result<Vec<Value>>) -> Option<ErrorCode> {
    result.err().map(|error: Error| error.code)
}

#[test]
fn a_breaker_opens_tries_once_and_closes_again() {
    let code = load(GUEST);
    let (pool, events) = with_breaker(&code, Duration::from_millis(50));
    for _ in 0..4 {
        // A caller's mistake is no failure of the guest.
        let mistake = call(&pool, &code, "add", vec![], None);
        assert_eq!(code_of(mistake), Some(ErrorCode::BadArgument));
    }
    for _ in 0..4 {
        let trap = call(&pool, &code, "trap", vec![], None);
        assert_eq!(code_of(trap), Some(ErrorCode::Trap));
    }
    let refused = call(&pool, &code, "count", vec![], None).expect_err("open");
    assert_eq!(refused.code, ErrorCode::BreakerOpen);
    assert!(matches!(detail(&refused, "resetMillis"), Detail::Number(left) if *left <= 50.0));
    std::thread::sleep(Duration::from_millis(60));
    // The one that tries takes its time; all others are refused meanwhile.
    let (ticket, answer) = submit_ticket(&pool, &code, "loop", vec![], None);
    for _ in 0..64 {
        let refused = call(&pool, &code, "count", vec![], None);
        assert_eq!(code_of(refused), Some(ErrorCode::BreakerOpen));
    }
    ticket.abort(); // says nothing about the guest: the next one tries
    let aborted = answer.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(code_of(aborted), Some(ErrorCode::Aborted));
    assert_eq!(count(&pool, &code), Value::S32(1));
    let stats = pool.stats().breaker.expect("a breaker");
    assert_eq!(
        (stats.state, stats.opened, stats.rejected),
        (BreakerState::Closed, 1, 65)
    );
    ended(&pool);
    let states = [
        BreakerState::Open,
        BreakerState::HalfOpen,
        BreakerState::Closed,
    ];
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        states.map(Event::Breaker)
    );
    let stats = pool.stats();
    assert_eq!(
        (
            stats.ended(Outcome::Ok),
            stats.failed(),
            stats.ended(Outcome::Aborted),
            stats.ended(Outcome::Rejected)
        ),
        (1, 8, 1, 65)
    );
}

fn fuelled() -> Engine {
    Engine::new(EngineOptions {
        fuel: true,
        ..engine_options()
    })
    .expect("an engine")
}

fn measured(pool: &Pool, code: &Code, name: &str, params: Vec<Value>) -> CallStats {
    let (mut call, _) = make_call(code, name, params, None);
    call.measured = true;
    let (sender, receiver) = mpsc::channel();
    call.done = Box::new(move |result| sender.send(result).expect("the test listens"));
    pool.call(call);
    let answer = receiver.recv_timeout(PATIENCE).expect("an answer");
    *answer.expect("a value").stats.expect("measured")
}

#[test]
fn fuel_is_given_to_each_call_and_its_rest_told() {
    let code = load_on(&fuelled(), GUEST);
    let limited = |fuel| PoolOptions {
        reuse: true,
        max: 1,
        guest: GuestOptions {
            fuel,
            ..guest_options()
        },
        ..options()
    };
    let pool = pool(&code, limited(Some(1_000)));
    for _ in 0..3 {
        let fuel = measured(&pool, &code, "count", vec![])
            .fuel
            .expect("counted");
        assert!(fuel.consumed > 0);
        assert_eq!(fuel.remaining, Some(1_000 - fuel.consumed));
    }
    let spent = call(&pool, &code, "loop", vec![], None).expect_err("no fuel is left");
    assert_eq!(spent.code, ErrorCode::OutOfFuel);
    assert_eq!(count(&pool, &code), Value::S32(1));
    ended(&pool);
    let unlimited = Pool::new(&code, limited(None)).expect("a pool");
    let fuel = measured(&unlimited, &code, "count", vec![])
        .fuel
        .expect("counted");
    assert!(fuel.consumed > 0 && fuel.remaining.is_none());
    ended(&unlimited);
    let plain = load(GUEST);
    let refused = Pool::new(&plain, limited(Some(1)))
        .err()
        .expect("no fuel there");
    assert_eq!(refused.code, ErrorCode::BadOption);
}

#[test]
fn a_measured_call_says_what_it_took() {
    let code = load(GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            ..options()
        },
    );
    let running = submit(&pool, &code, "loop", vec![], Some(30));
    let stats = measured(&pool, &code, "grow", vec![Value::S32(2)]);
    let timed_out = running.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(code_of(timed_out), Some(ErrorCode::Timeout));
    assert_eq!(
        (stats.pages_before, stats.pages_after, stats.pages_peak),
        (1, 3, 3)
    );
    assert!(stats.queued > Duration::from_millis(15), "{stats:?}");
    assert!(stats.wall >= stats.queued, "{stats:?}");
    assert!(
        stats
            .cpu
            .is_none_or(|cpu| cpu > Duration::ZERO && cpu < stats.wall),
        "{stats:?}"
    );
    assert_eq!(stats.fuel, None);
    ended(&pool);
}

#[test]
fn the_budget_of_an_engine_is_told_apart_from_the_limit_of_an_instance() {
    let engine = Engine::new(EngineOptions {
        memory_budget_bytes: Some(3 * 65_536),
        ..engine_options()
    })
    .expect("an engine");
    let code = load_on(&engine, GUEST);
    let pool = pool(
        &code,
        PoolOptions {
            max: 2,
            reuse: true,
            ..options()
        },
    );
    let limited_by = |pages| {
        let error =
            call(&pool, &code, "grow-or-trap", vec![Value::S32(pages)], None).expect_err("refused");
        assert_eq!(error.code, ErrorCode::MemoryLimit);
        detail(&error, "limitedBy").clone()
    };
    assert_eq!(limited_by(9), text("instance"));
    assert_eq!(limited_by(3), text("engine"));
    let tracker = pool.tracker();
    assert_eq!((tracker.grow_failures, tracker.budget_refusals), (2, 1));
    assert_eq!(engine.tracker().max_pages, 3);
    assert_eq!(engine.tracker().budget_refusals, 1);
    ended(&pool);
    assert_eq!(engine.tracker().current_bytes, 0);
}

#[test]
fn there_are_no_more_instances_than_slots() {
    let engine = Engine::new(EngineOptions {
        max_instances: 2,
        ..engine_options()
    })
    .expect("an engine");
    let code = load_on(&engine, GUEST);
    let make = |min| {
        pool(
            &code,
            PoolOptions {
                min,
                max: 2,
                reuse: true,
                ..options()
            },
        )
    };
    let first = make(2);
    wait(|done| first.ready(done)).expect("two instances");
    let second = make(0);
    let refused = call(&second, &code, "count", vec![], None).expect_err("no slot");
    assert_eq!(refused.code, ErrorCode::NoSlot);
    assert_eq!(detail(&refused, "slots"), &Detail::Number(2.0));
    ended(&first);
    assert_eq!(count(&second, &code), Value::S32(1));
    assert_eq!(engine.stats().instances, 1);
    ended(&second);
}

#[test]
fn tables_have_a_limit_of_their_own() {
    let code = load(
        r#"(module (table $t 60 1000 funcref) (table $u 10 funcref)
            (func (export "grow") (param i32) (result i32)
                (table.grow $t (ref.null func) (local.get 0)))
            (func (export "grow-or-trap") (param i32)
                (if (i32.eq (table.grow $u (ref.null func) (local.get 0)) (i32.const -1)) (then unreachable))))"#,
    );
    let pool = pool(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            ..options()
        },
    );
    let grow = |elements| {
        let grown = call(&pool, &code, "grow", vec![Value::S32(elements)], None);
        grown.expect("a value").remove(0)
    };
    assert_eq!(grow(31), Value::S32(-1));
    assert_eq!(grow(30), Value::S32(60));
    let error = call(&pool, &code, "grow-or-trap", vec![Value::S32(1)], None).expect_err("full");
    assert_eq!(error.code, ErrorCode::MemoryLimit);
    assert_eq!(detail(&error, "limitedBy"), &text("tables"));
    assert_eq!(detail(&error, "limitElements"), &Detail::Number(100.0));
    ended(&pool);
    let large = load("(module (table 101 funcref) (func (export \"f\")))");
    let pool = Pool::new(&large, options()).expect("a pool");
    let error = call(&pool, &large, "f", vec![], None).expect_err("too large");
    assert_eq!(error.code, ErrorCode::MemoryLimit, "{error:?}");
    ended(&pool);
}
