//! Instances that are checked out to one caller for several calls.

mod support;

use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{Checkout, Outcome, Pool, PoolOptions};
use riptide_wasm_runtime::value::Value;
use std::sync::mpsc;
use std::time::Duration;
use support::*;

fn pool(code: &Code, max: u32) -> Pool {
    let options = PoolOptions {
        max,
        reuse: true,
        ..options()
    };
    Pool::new(code, options).expect("a pool")
}

fn lend(pool: &Pool, nested: bool) -> Result<Checkout, Error> {
    let (sender, receiver) = mpsc::channel();
    let done = Box::new(move |begun: Result<_, Error>| {
        sender.send(begun.map(|_| ())).expect("the test listens");
    });
    let (checkout, _) = pool.acquire(None, 0, nested, done);
    receiver.recv_timeout(PATIENCE).expect("an answer")?;
    Ok(checkout)
}

fn call_lent(checkout: &Checkout, code: &Code, name: &str) -> Result<Vec<Value>, Error> {
    let (call, answer) = make_call(code, name, vec![], None);
    checkout.call(call);
    answer.recv_timeout(PATIENCE).expect("an answer")
}

#[test]
fn its_calls_share_one_instance_and_nobody_else_calls_it() {
    let code = load(GUEST);
    let pool = pool(&code, 2);
    let checkout = lend(&pool, false).expect("lent");
    for expected in 1..=3 {
        let count = call_lent(&checkout, &code, "count").expect("a value");
        assert_eq!(count, [Value::S32(expected)]);
        let other = call(&pool, &code, "count", vec![], None).expect("a value");
        assert_eq!(other, [Value::S32(expected)]);
    }
    assert_eq!((pool.stats().active, pool.stats().size), (1, 2));
    assert_eq!(checkout.tracker().current_pages, 1);
    checkout.release(false);
    ended(&pool);
    assert_eq!(pool.stats().ended(Outcome::Ok), 6);
}

#[test]
fn given_back_it_serves_others_and_its_loan_no_more() {
    let code = load(GUEST);
    let pool = pool(&code, 1);
    let checkout = lend(&pool, false).expect("lent");
    call_lent(&checkout, &code, "count").expect("a value");
    checkout.release(false);
    let count = call(&pool, &code, "count", vec![], None).expect("a value");
    assert_eq!(count, [Value::S32(2)]);
    let after = call_lent(&checkout, &code, "count").expect_err("given back");
    assert_eq!(after.code, ErrorCode::Closed);
    assert_eq!(checkout.tracker().current_pages, 0);
    ended(&pool);
}

#[test]
fn discarded_it_serves_nobody() {
    let code = load(GUEST);
    let pool = pool(&code, 1);
    let checkout = lend(&pool, false).expect("lent");
    call_lent(&checkout, &code, "count").expect("a value");
    checkout.release(true);
    let count = call(&pool, &code, "count", vec![], None).expect("a value");
    assert_eq!(count, [Value::S32(1)]);
    ended(&pool);
}

#[test]
fn it_is_busy_while_it_works_and_closed_after_a_failure() {
    let code = load(GUEST);
    let pool = pool(&code, 1);
    let checkout = lend(&pool, false).expect("lent");
    call_lent(&checkout, &code, "count").expect("a value");
    let (long, answer) = make_call(&code, "loop", vec![], None);
    let ticket = checkout.call(long);
    let busy = call_lent(&checkout, &code, "count").expect_err("busy");
    assert_eq!(busy.code, ErrorCode::Busy);
    std::thread::sleep(Duration::from_millis(20)); // until it surely runs
    ticket.abort();
    let aborted = answer.recv_timeout(PATIENCE).expect("an answer");
    assert_eq!(aborted.expect_err("aborted").code, ErrorCode::Aborted);
    let after = call_lent(&checkout, &code, "count").expect_err("ended");
    assert_eq!(after.code, ErrorCode::Closed, "{after:?}");
    // Its place is free again, though nobody gave it back.
    let count = call(&pool, &code, "count", vec![], None).expect("a value");
    assert_eq!(count, [Value::S32(1)]);
    ended(&pool);
}

#[test]
fn a_bad_argument_leaves_it_as_it_was() {
    let code = load(GUEST);
    let pool = pool(&code, 1);
    let checkout = lend(&pool, false).expect("lent");
    let bad = call_lent(&checkout, &code, "add").expect_err("two arguments are missing");
    assert_eq!(bad.code, ErrorCode::BadArgument);
    let count = call_lent(&checkout, &code, "count").expect("a value");
    assert_eq!(count, [Value::S32(1)]);
    drop(checkout);
    ended(&pool);
}

#[test]
fn it_ends_with_its_pool_in_a_call_or_without() {
    let code = load(GUEST);
    for busy in [false, true] {
        let pool = pool(&code, 1);
        let checkout = lend(&pool, false).expect("lent");
        let running = busy.then(|| {
            let (long, answer) = make_call(&code, "loop", vec![], None);
            checkout.call(long);
            answer
        });
        wait(|done| pool.destroy(done)).expect("destroyed");
        if let Some(answer) = running {
            let aborted = answer.recv_timeout(PATIENCE).expect("an answer");
            assert_eq!(aborted.expect_err("aborted").code, ErrorCode::Aborted);
        }
        let after = call_lent(&checkout, &code, "count").expect_err("destroyed");
        assert_eq!(after.code, ErrorCode::Closed);
        ended(&pool);
    }
}

#[test]
fn one_that_nobody_can_wait_for_is_refused() {
    let code = load(GUEST);
    let pool = pool(&code, 1);
    let checkout = lend(&pool, false).expect("lent");
    let nested = lend(&pool, true).err().expect("would wait for itself");
    assert_eq!(nested.code, ErrorCode::Reentrant);
    drop(checkout);
    drop(lend(&pool, true).expect("there is room now"));
    wait(|done| pool.close(done)).expect("closes");
    let closed = lend(&pool, false).err().expect("closed");
    assert_eq!(closed.code, ErrorCode::Closed);
    ended(&pool);
}
