//! The execution contract, proved without Node: every way a call can end.

mod support;

use riptide_wasm_runtime::error::{Detail, Error, ErrorCode};
use riptide_wasm_runtime::instance::{GuestOptions, HostFunction, WasiOptions};
use riptide_wasm_runtime::module::Source;
use riptide_wasm_runtime::pool::{Outcome, Pool, PoolOptions};
use riptide_wasm_runtime::value::Value;
use std::sync::Arc;

use support::*;

#[test]
fn good_calls_give_their_values_and_a_pool_ends_empty() {
    let code = load(GUEST);
    let pool = Pool::new(
        &code,
        PoolOptions {
            min: 2,
            reuse: true,
            ..options()
        },
    )
    .expect("a pool");
    wait(|done| pool.ready(done)).expect("warm");
    assert_eq!(pool.stats().idle, 2);
    let answers: Vec<_> = (0..500)
        .map(|number| {
            submit(
                &pool,
                &code,
                "add",
                vec![Value::S32(number), Value::S32(1)],
                None,
            )
        })
        .collect();
    for (number, answer) in answers.into_iter().enumerate() {
        let values = answer
            .recv_timeout(PATIENCE)
            .expect("an answer")
            .expect("a value");
        assert_eq!(values, [Value::S32(number as i32 + 1)]);
    }
    assert_eq!(pool.stats().ended(Outcome::Ok), 500);
    assert!(pool.stats().created <= 4);
    ended(&pool);
    let refused = call(
        &pool,
        &code,
        "add",
        vec![Value::S32(1), Value::S32(1)],
        None,
    )
    .expect_err("closed");
    assert_eq!(refused.code, ErrorCode::Closed);
}

#[test]
fn state_stays_with_reuse_and_only_then() {
    let code = load(GUEST);
    for (reuse, last) in [(true, 5), (false, 1)] {
        let pool = Pool::new(
            &code,
            PoolOptions {
                max: 1,
                reuse,
                ..options()
            },
        )
        .expect("a pool");
        let mut value = Vec::new();
        for _ in 0..5 {
            value = call(&pool, &code, "count", Vec::new(), None).expect("a value");
        }
        assert_eq!(value, [Value::S32(last)]);
        ended(&pool);
    }
}

#[test]
fn a_refused_growth_gives_minus_one_counts_once_and_changes_nothing_else() {
    let code = load(GUEST);
    let pool = Pool::new(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            ..options()
        },
    )
    .expect("a pool");
    assert_eq!(
        call(&pool, &code, "grow", vec![Value::S32(2)], None).expect("grown"),
        [Value::S32(1)]
    );
    let before = pool.tracker();
    assert_eq!(
        (
            before.current_pages,
            before.peak_pages,
            before.grow_failures
        ),
        (3, 3, 0)
    );
    assert_eq!(
        call(&pool, &code, "grow", vec![Value::S32(2)], None).expect("refused"),
        [Value::S32(-1)]
    );
    let after = pool.tracker();
    assert_eq!(
        (after.current_pages, after.peak_pages, after.grow_failures),
        (3, 3, 1)
    );
    assert_eq!(after.grow_requests, before.grow_requests + 1);
    ended(&pool);
}

#[test]
fn every_failure_has_its_own_code_and_the_next_call_works() {
    let code = load(GUEST);
    let pool = Pool::new(
        &code,
        PoolOptions {
            max: 1,
            reuse: true,
            ..options()
        },
    )
    .expect("a pool");
    let cases: [(&str, Vec<Value>, Option<u64>, ErrorCode); 5] = [
        ("trap", vec![], None, ErrorCode::Trap),
        ("deep", vec![], None, ErrorCode::StackOverflow),
        (
            "grow-or-trap",
            vec![Value::S32(60)],
            None,
            ErrorCode::MemoryLimit,
        ),
        ("loop", vec![], Some(30), ErrorCode::Timeout),
        ("add", vec![Value::S32(1)], None, ErrorCode::BadArgument),
    ];
    for (name, params, timeout, code_wanted) in cases {
        let error = call(&pool, &code, name, params, timeout).expect_err(name);
        assert_eq!(error.code, code_wanted, "{error:?}");
        let sum = call(
            &pool,
            &code,
            "add",
            vec![Value::S32(2), Value::S32(2)],
            None,
        )
        .expect("the next call works");
        assert_eq!(sum, [Value::S32(4)]);
    }
    ended(&pool);
    assert_eq!(
        (pool.stats().failed(), pool.stats().ended(Outcome::Timeout)),
        (4, 1)
    );
}

#[test]
fn a_loop_is_ended_by_time_and_by_abort_and_says_that_it_computed() {
    let code = load(GUEST);
    let pool = Pool::new(&code, options()).expect("a pool");
    let late = call(&pool, &code, "loop", vec![], Some(20)).expect_err("a time-out");
    assert_eq!(
        (late.code, detail(&late, "phase")),
        (ErrorCode::Timeout, &text("computing"))
    );
    let (ticket, answer) = submit_ticket(&pool, &code, "loop", vec![], None);
    while pool.stats().active == 0 {
        std::thread::yield_now();
    }
    ticket.abort();
    let error = answer
        .recv_timeout(PATIENCE)
        .expect("an answer")
        .expect_err("aborted");
    assert_eq!(error.code, ErrorCode::Aborted);
    ended(&pool);
}

#[test]
fn calls_that_wait_end_on_time_too() {
    let code = load(GUEST);
    let pool = Pool::new(
        &code,
        PoolOptions {
            max: 1,
            ..options()
        },
    )
    .expect("a pool");
    let (running, ran) = submit_ticket(&pool, &code, "loop", vec![], None);
    let late = call(
        &pool,
        &code,
        "add",
        vec![Value::S32(1), Value::S32(1)],
        Some(20),
    )
    .expect_err("queued");
    assert_eq!(
        (late.code, detail(&late, "phase")),
        (ErrorCode::Timeout, &text("queued"))
    );
    let (ticket, waited) = submit_ticket(
        &pool,
        &code,
        "add",
        vec![Value::S32(1), Value::S32(1)],
        None,
    );
    ticket.abort();
    let error = waited
        .recv_timeout(PATIENCE)
        .expect("an answer")
        .expect_err("aborted");
    assert_eq!(
        (error.code, detail(&error, "phase")),
        (ErrorCode::Aborted, &text("queued"))
    );
    running.abort();
    ran.recv_timeout(PATIENCE)
        .expect("an answer")
        .expect_err("aborted");
    ended(&pool);
}

#[test]
fn a_guest_asleep_in_wasi_holds_no_worker_and_ends_on_time() {
    // Subscribes to the clock for an hour.
    let code = load(
        r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "sleep") (result i32)
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 3600000000000))
            (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))))"#,
    );
    let refused = Pool::new(&code, options())
        .err()
        .expect("WASI is not given unasked");
    assert_eq!(refused.code, ErrorCode::Link);
    let sleepers = Pool::new(
        &code,
        PoolOptions {
            max: 8,
            guest: GuestOptions {
                wasi: Some(WasiOptions::default()),
                ..guest_options()
            },
            ..options()
        },
    )
    .expect("a pool");
    let asleep: Vec<_> = (0..8)
        .map(|_| submit(&sleepers, &code, "sleep", vec![], Some(300)))
        .collect();
    let other = load(GUEST);
    let pool = Pool::new(&other, options()).expect("a pool");
    call(
        &pool,
        &other,
        "add",
        vec![Value::S32(1), Value::S32(1)],
        None,
    )
    .expect("the workers are free");
    for answer in asleep {
        let error = answer
            .recv_timeout(PATIENCE)
            .expect("an answer")
            .expect_err("a time-out");
        assert_eq!(
            (error.code, detail(&error, "phase")),
            (ErrorCode::Timeout, &text("asleep"))
        );
    }
    ended(&sleepers);
    ended(&pool);
}

#[test]
fn a_guest_that_waits_on_a_host_function_ends_on_time() {
    let code = load(
        r#"(module (import "env" "wait" (func $wait (param i32) (result i32)))
        (func (export "wait") (param i32) (result i32) (call $wait (local.get 0))))"#,
    );
    let host = HostFunction {
        name: "env#wait".into(),
        call: Arc::new(|_, params| match params.as_slice() {
            [Value::S32(0)] => Box::pin(std::future::pending()),
            [Value::S32(1)] => {
                Box::pin(async { Err(Error::new(ErrorCode::HostFunction, "thrown")) })
            }
            _ => Box::pin(async { Ok(vec![Value::S32(7)]) }),
        }),
    };
    let missing = Pool::new(&code, options())
        .err()
        .expect("an import is missing");
    assert_eq!(missing.code, ErrorCode::Link);
    assert_eq!(
        detail(&missing, "missing"),
        &Detail::List(vec!["env#wait: func(i32) -> i32".into()])
    );
    let pool = Pool::new(
        &code,
        PoolOptions {
            imports: vec![host],
            ..options()
        },
    )
    .expect("a pool");
    let late = call(&pool, &code, "wait", vec![Value::S32(0)], Some(30)).expect_err("a time-out");
    assert_eq!(
        (late.code, detail(&late, "phase")),
        (ErrorCode::Timeout, &text("host"))
    );
    let thrown =
        call(&pool, &code, "wait", vec![Value::S32(1)], None).expect_err("the host's error");
    assert_eq!(thrown.code, ErrorCode::HostFunction);
    assert_eq!(
        call(&pool, &code, "wait", vec![Value::S32(2)], None).expect("a value"),
        [Value::S32(7)]
    );
    ended(&pool);
}

#[test]
fn destroy_ends_running_and_waiting_calls_at_once() {
    let code = load(GUEST);
    let pool = Pool::new(
        &code,
        PoolOptions {
            max: 2,
            ..options()
        },
    )
    .expect("a pool");
    let answers: Vec<_> = (0..6)
        .map(|_| submit(&pool, &code, "loop", vec![], None))
        .collect();
    wait(|done| pool.destroy(done)).expect("destroyed");
    for answer in answers {
        assert_eq!(
            answer
                .recv_timeout(PATIENCE)
                .expect("an answer")
                .expect_err("ended")
                .code,
            ErrorCode::Aborted
        );
    }
    ended(&pool);
    assert_eq!(pool.stats().ended(Outcome::Aborted), 6);
}

#[test]
fn a_guest_too_large_for_its_limit_is_a_memory_limit_error() {
    let code = load(r#"(module (memory 5) (func (export "f")))"#);
    let pool = Pool::new(
        &code,
        PoolOptions {
            min: 1,
            ..options()
        },
    )
    .expect("a pool");
    let failure = wait(|done| pool.ready(done)).expect_err("too large");
    assert_eq!(failure.code, ErrorCode::MemoryLimit);
    let error = call(&pool, &code, "f", vec![], None).expect_err("too large");
    assert_eq!(error.code, ErrorCode::MemoryLimit);
    assert_eq!(detail(&error, "limitedBy"), &text("instance"));
    ended(&pool);
}

#[test]
fn options_beyond_the_engine_are_refused_by_name() {
    let code = load(GUEST);
    let too_many = Pool::new(
        &code,
        PoolOptions {
            max: 33,
            ..options()
        },
    )
    .err()
    .expect("refused");
    assert_eq!(
        (too_many.code, detail(&too_many, "option")),
        (ErrorCode::BadOption, &text("max"))
    );
    let too_large = Pool::new(
        &code,
        PoolOptions {
            guest: GuestOptions {
                max_memory_pages: 65,
                ..guest_options()
            },
            ..options()
        },
    )
    .err()
    .expect("refused");
    assert_eq!(detail(&too_large, "option"), &text("maxMemoryPages"));
}

#[test]
fn a_pool_is_ready_also_where_calls_took_its_first_instances() {
    let code = load(GUEST);
    for _ in 0..50 {
        let pool = Pool::new(
            &code,
            PoolOptions {
                min: 3,
                reuse: true,
                ..options()
            },
        )
        .expect("a pool");
        let calls: Vec<_> = (0..20)
            .map(|_| submit(&pool, &code, "count", vec![], None))
            .collect();
        wait(|done| pool.ready(done)).expect("ready");
        for answer in calls {
            answer
                .recv_timeout(PATIENCE)
                .expect("an answer")
                .expect("a value");
        }
        ended(&pool);
    }
}

#[test]
fn a_start_function_that_never_ends_is_ended_by_the_calls_time() {
    let code = load(r#"(module (func $start (loop (br 0))) (start $start) (func (export "f")))"#);
    let pool = Pool::new(&code, options()).expect("a pool");
    let late = call(&pool, &code, "f", vec![], Some(20)).expect_err("a time-out");
    assert_eq!(
        (late.code, detail(&late, "phase")),
        (ErrorCode::Timeout, &text("computing"))
    );
    ended(&pool);
}

#[test]
fn a_warm_up_that_never_ends_ends_with_its_pool() {
    let code = load(r#"(module (func $start (loop (br 0))) (start $start) (func (export "f")))"#);
    for destroy in [true, false] {
        let pool = Pool::new(
            &code,
            PoolOptions {
                min: 2,
                timeout: None,
                ..options()
            },
        )
        .expect("a pool");
        if destroy {
            wait(|done| pool.destroy(done)).expect("destroyed");
        }
        ended(&pool);
        wait(|done| pool.ready(done)).expect_err("never ready");
    }
}

#[test]
fn a_pool_that_could_not_warm_up_is_ready_once_it_can() {
    // Its start function fails until the host lets it.
    let code = load(
        r#"(module (import "env" "may" (func $may)) (func $start (call $may)) (start $start) (func (export "f")))"#,
    );
    let may = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let host = HostFunction {
        name: "env#may".into(),
        call: Arc::new({
            let may = may.clone();
            move |_, _| {
                let may = may.load(std::sync::atomic::Ordering::SeqCst);
                Box::pin(async move {
                    if may {
                        Ok(vec![])
                    } else {
                        Err(Error::new(ErrorCode::HostFunction, "not yet"))
                    }
                })
            }
        }),
    };
    let pool = Pool::new(
        &code,
        PoolOptions {
            min: 1,
            reuse: true,
            imports: vec![host],
            ..options()
        },
    )
    .expect("a pool");
    assert_eq!(
        wait(|done| pool.ready(done)).expect_err("not yet").code,
        ErrorCode::HostFunction
    );
    may.store(true, std::sync::atomic::Ordering::SeqCst);
    call(&pool, &code, "f", vec![], None).expect("now");
    wait(|done| pool.ready(done)).expect("ready");
    ended(&pool);
}

#[test]
fn what_is_not_a_file_is_not_read() {
    for path in ["/dev/zero", "/", "/does-not-exist"] {
        let loaded = wait(|done| engine().load(Source::Path(path.into()), None, done));
        assert_eq!(loaded.err().expect("refused").code, ErrorCode::Read);
    }
}
