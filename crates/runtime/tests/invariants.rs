//! What holds between the threads of a pool at every moment, and stands nowhere else than in the order of its steps.

mod support;

use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::instance::HostFunction;
use riptide_wasm_runtime::module::Code;
use riptide_wasm_runtime::pool::{Call, Pool, PoolOptions};
use riptide_wasm_runtime::value::Value;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;
use support::*;
use tokio::sync::oneshot;

fn pool(code: &Code, options: PoolOptions) -> Pool {
    Pool::new(code, options).expect("a pool")
}

/// A call whose answer `done` looks at, on whichever thread gives it.
fn call_then(code: &Code, name: &str, done: impl FnOnce() + Send + 'static) -> Call {
    Call {
        done: Box::new(move |_| done()),
        ..make_call(code, name, vec![], None).0
    }
}

/// The end of a call, in this order: the guest's bytes, its place among the active, its place in the queue, the answer.
#[test]
fn whoever_hears_the_answer_finds_the_call_gone_and_its_place_free() {
    let code = load(GUEST);
    for (name, reuse, kept) in [("count", true, 1), ("count", false, 0), ("trap", true, 0)] {
        let options = PoolOptions {
            max: 1,
            max_queue: Some(0),
            reuse,
            ..options()
        };
        let pool = pool(&code, options);
        for _ in 0..50 {
            let (sender, seen) = mpsc::channel();
            let (inside, code_inside) = (pool.clone(), code.clone());
            pool.call(call_then(&code, name, move || {
                let (next, answer) = make_call(&code_inside, "count", vec![], None);
                let before = (
                    inside.stats().active,
                    inside.stats().size,
                    inside.tracker().current_pages,
                );
                inside.call(next);
                sender.send((before, answer)).expect("the test listens");
            }));
            let (before, answer) = seen.recv_timeout(PATIENCE).expect("an answer");
            assert_eq!(before, (0, kept, kept), "{name}, reuse: {reuse}");
            let next = answer.recv_timeout(PATIENCE).expect("an answer");
            next.expect("there is room in a pool of one without a queue");
        }
        ended(&pool);
    }
}

/// A guest whose calls stay in their host function until they are let go, and what makes and lets go such calls.
struct Held {
    pool: Pool,
    code: Code,
    /// Each call that entered its host function, to be let go.
    entered: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Held {
    fn new(max: u32) -> Held {
        let code = load(
            r#"(module (import "env" "hold" (func $hold))
            (func (export "hold") (call $hold)))"#,
        );
        let (sender, entered) = mpsc::channel();
        let sender = Mutex::new(sender);
        let hold = HostFunction {
            name: "env#hold".into(),
            call: Arc::new(move |_, _| {
                let (release, released) = oneshot::channel();
                let sender = sender.lock().expect("no panic");
                sender.send(release).expect("the test listens");
                Box::pin(async {
                    released.await.expect("the test lets it go");
                    Ok(vec![])
                })
            }),
        };
        let options = PoolOptions {
            max,
            reuse: true,
            imports: vec![hold],
            ..options()
        };
        Held {
            pool: pool(&code, options),
            code,
            entered,
        }
    }

    fn submit(&self) -> mpsc::Receiver<Result<Vec<Value>, Error>> {
        submit(&self.pool, &self.code, "hold", vec![], None)
    }

    fn next(&self) -> oneshot::Sender<()> {
        self.entered.recv_timeout(PATIENCE).expect("a call runs")
    }
}

/// A call is counted as active before it stops waiting, and what is looked at first is what waits.
#[test]
fn a_call_is_never_seen_as_neither_waiting_nor_active() {
    let held = Held::new(1);
    // The number of the call that is under way; 0: it may be that none is.
    let (under_way, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0;
            while !stop.load(Ordering::SeqCst) {
                let call = under_way.load(Ordering::SeqCst);
                if call == 0 {
                    continue;
                }
                let stats = held.pool.stats();
                if under_way.load(Ordering::SeqCst) == call {
                    if stats.active + stats.waiting == 0 {
                        return Err(format!("{stats:?}"));
                    }
                    looks += 1;
                }
            }
            Ok(looks)
        });
        let mut before = held.submit();
        let mut release = held.next();
        for call in 1..=10_000 {
            let after = held.submit();
            under_way.store(call, Ordering::SeqCst);
            release.send(()).expect("the call waits");
            release = held.next();
            under_way.store(0, Ordering::SeqCst);
            before = after;
        }
        stop.store(true, Ordering::SeqCst);
        release.send(()).expect("the call waits");
        let last = before.recv_timeout(PATIENCE).expect("an answer");
        last.expect("a good end");
        let looks = watcher.join().expect("no panic");
        assert!(looks.expect("a call that is neither") > 1_000);
    });
    ended(&held.pool);
}

/// A runner that leaves looks at the queue once more after it no longer counts: a call that came meanwhile saw it count
/// and sent no other. Those that pause stop counting before they look whether calls wait.
#[test]
fn no_call_is_left_in_the_queue_while_runners_come_and_go() {
    let code = load(GUEST);
    for max in [1, 2] {
        let options = PoolOptions {
            max,
            reuse: true,
            ..options()
        };
        let pool = pool(&code, options);
        let began = Instant::now();
        for round in 0..20_000_u32 {
            let answered = Arc::new(AtomicBool::new(false));
            let done = answered.clone();
            pool.call(call_then(&code, "count", move || {
                done.store(true, Ordering::SeqCst);
            }));
            // Not by a channel: the next push comes while the runner still looks around, or leaves.
            while !answered.load(Ordering::SeqCst) {
                std::hint::spin_loop();
                assert!(began.elapsed() < PATIENCE, "a call is left in the queue");
            }
            for _ in 0..round % 64 {
                std::hint::spin_loop();
            }
        }
        ended(&pool);
    }
    // Calls that wait while all runners wait for the host are taken by more.
    let held = Held::new(2);
    for _ in 0..2_000 {
        let answers = [held.submit(), held.submit()];
        let releases = [held.next(), held.next()];
        for release in releases {
            release.send(()).expect("the call waits");
        }
        for answer in answers {
            let answer = answer.recv_timeout(PATIENCE).expect("an answer");
            answer.expect("a good end");
        }
    }
    ended(&held.pool);
}

/// The state of a lent instance is locked while its calls are submitted, answered and aborted; none of what is called
/// then locks it again.
#[test]
fn a_lent_instance_is_called_given_back_and_ended_by_several_threads_at_once() {
    let code = load(GUEST);
    let options = PoolOptions {
        max: 2,
        reuse: true,
        ..options()
    };
    let pool = pool(&code, options);
    for round in 0..300 {
        let begun = Arc::new(AtomicUsize::new(0));
        let (sender, lent) = mpsc::channel();
        let done = Box::new(move |begun: Result<_, Error>| {
            sender.send(begun.map(|_| ())).expect("the test listens");
        });
        let (checkout, _) = pool.acquire(None, 0, false, done);
        lent.recv_timeout(PATIENCE)
            .expect("an answer")
            .expect("lent");
        let answers = thread::scope(|scope| {
            let callers: Vec<_> = (0..2)
                .map(|_| {
                    let (checkout, code, begun) = (&checkout, &code, begun.clone());
                    scope.spawn(move || {
                        let mut answers = Vec::new();
                        for _ in 0..20 {
                            let name = if round % 3 == 0 { "loop" } else { "count" };
                            let (call, answer) = make_call(code, name, vec![], None);
                            let ticket = checkout.call(call);
                            begun.fetch_add(1, Ordering::SeqCst);
                            if round % 3 != 1 {
                                ticket.abort();
                            }
                            checkout.tracker();
                            answers.push(answer);
                        }
                        answers
                    })
                })
                .collect();
            let (checkout, begun) = (&checkout, &begun);
            scope.spawn(move || {
                while begun.load(Ordering::SeqCst) < round % 20 {
                    std::hint::spin_loop();
                }
                checkout.release(round % 2 == 0);
            });
            let answers = callers.into_iter().map(|caller| caller.join());
            let answers: Vec<_> = answers.map(|answers| answers.expect("no panic")).collect();
            answers.into_iter().flatten()
        });
        for answer in answers {
            let answer = answer.recv_timeout(PATIENCE).expect("an answer");
            if let Err(error) = answer {
                let codes = [ErrorCode::Aborted, ErrorCode::Busy, ErrorCode::Closed];
                assert!(codes.contains(&error.code), "{error:?}");
            }
        }
    }
    ended(&pool);
}
