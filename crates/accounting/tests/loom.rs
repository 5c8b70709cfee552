//! Model checking of the ledger: each model runs in every interleaving, and with every value that
//! the memory model lets a load see, or in all of them up to a number of preemptions where it says
//! so. `npm test` runs them, in a target folder of their own, by
//! `RUSTFLAGS="--cfg loom" cargo test -p riptide-wasm-accounting --release --test loom`.
//!
//! Loom performs one thread's writes in their order, and a write on the newest value, whatever their
//! `Ordering`: no model would notice a claim that `release` gave up with `Relaxed`. Why it must not
//! is said there.

#![cfg(loom)]

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use loom::thread::{self, JoinHandle};
use riptide_wasm_accounting::{Account, Lease, Refusal, Scope};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

const NO_LIMIT: u64 = u64::MAX;

/// Runs `model` in every interleaving, or in those where at most `preemptions` times a thread that
/// could have gone on is made to wait, and returns what came out of any.
fn outcomes<T: Ord + Send + Debug + 'static>(
    preemptions: Option<usize>,
    model: impl Fn() -> T + Send + Sync + 'static,
) -> BTreeSet<T> {
    let started = Instant::now();
    let seen = std::sync::Arc::new(Mutex::new((0, BTreeSet::new())));
    let record = seen.clone();
    // Field by field, so that nothing in the environment cuts the search short.
    let mut search = Builder::new();
    search.preemption_bound = preemptions;
    search.max_permutations = None;
    search.max_duration = None;
    search.check(move || {
        let outcome = model();
        let mut record = record.lock().expect("no panic");
        record.0 += 1;
        record.1.insert(outcome);
    });
    let (runs, outcomes) = std::mem::take(&mut *seen.lock().expect("no panic"));
    println!(
        "{}: {runs} interleavings{}, {} ms, {outcomes:?}",
        thread_name(),
        preemptions.map_or(String::new(), |most| format!(" (of {most} preemptions)")),
        started.elapsed().as_millis(),
    );
    outcomes
}

fn thread_name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

fn account(scope: Scope, limit: u64, parent: Option<&Arc<Account>>) -> Arc<Account> {
    Arc::new(Account::new(scope, limit, parent.cloned()))
}

fn instance(parent: &Arc<Account>) -> Lease {
    Lease::new(NO_LIMIT, parent.clone())
}

/// Asks for `bytes`, checks what a refusal says, and hands the lease back.
fn reserve(lease: Lease, bytes: u64) -> (Result<(), Refusal>, Lease) {
    let result = lease.account().reserve(bytes);
    if let Err(refusal) = result {
        assert_eq!(refusal.requested, bytes);
        assert!(refusal.held <= refusal.limit);
        assert!(refusal.held + bytes > refusal.limit, "{refusal:?}");
    }
    (result, lease)
}

fn end<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}

fn held<const N: usize>(accounts: [&Arc<Account>; N]) -> [u64; N] {
    accounts.map(|account| account.held())
}

fn peaks<const N: usize>(accounts: [&Arc<Account>; N]) -> [u64; N] {
    accounts.map(|account| account.peak())
}

#[test]
fn of_two_instances_racing_for_a_pools_last_bytes_one_wins() {
    let winners = outcomes(None, || {
        let engine = account(Scope::Engine, NO_LIMIT, None);
        let pool = account(Scope::Pool, 10, Some(&engine));
        let (one, two) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || reserve(one, 7));
        let (mine, two) = reserve(two, 8);
        let (theirs, one) = end(racer);

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let (granted, winner, loser) = match mine {
            Ok(()) => (8, two, one),
            Err(_) => (7, one, two),
        };
        let refusal = mine.and(theirs).expect_err("one is refused");
        assert_eq!((refusal.scope, refusal.held), (Scope::Pool, granted));
        let levels = [winner.account(), &pool, &engine];
        assert_eq!((held(levels), peaks(levels)), ([granted; 3], [granted; 3]));
        assert_eq!((loser.account().held(), loser.account().peak()), (0, 0));
        drop((winner, loser));
        assert_eq!(held([&pool, &engine]), [0; 2]);
        granted
    });
    assert_eq!(winners, BTreeSet::from([7, 8]));
}

#[test]
fn of_two_pools_racing_for_the_engines_last_bytes_one_wins_and_the_other_shows_nothing() {
    let winners = outcomes(None, || {
        let engine = account(Scope::Engine, 10, None);
        let pools = [0; 2].map(|_| account(Scope::Pool, NO_LIMIT, Some(&engine)));
        let (one, two) = (instance(&pools[0]), instance(&pools[1]));
        let racer = thread::spawn(move || reserve(one, 8));
        let (mine, two) = reserve(two, 8);
        let (theirs, one) = end(racer);

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let refusal = mine.and(theirs).expect_err("one is refused");
        assert_eq!((refusal.scope, refusal.held), (Scope::Engine, 8));
        let expected = if mine.is_ok() { [0, 8] } else { [8, 0] };
        for levels in [[one.account(), two.account()], [&pools[0], &pools[1]]] {
            assert_eq!((held(levels), peaks(levels)), (expected, expected));
        }
        assert_eq!((engine.held(), engine.peak()), (8, 8));
        drop((one, two));
        assert_eq!(held([&pools[0], &pools[1], &engine]), [0; 3]);
        expected
    });
    assert_eq!(winners, BTreeSet::from([[0, 8], [8, 0]]));
}

#[test]
fn two_threads_of_one_account_share_its_limit() {
    let winners = outcomes(None, || {
        let engine = account(Scope::Engine, NO_LIMIT, None);
        let lease = Lease::new(10, engine.clone());
        let shared = lease.account().clone();
        let racer = thread::spawn(move || shared.reserve(6).is_ok());
        let mine = lease.account().reserve(6).is_ok();
        assert!(mine != end(racer));
        assert_eq!(held([lease.account(), &engine]), [6; 2]);
        drop(lease);
        assert_eq!(engine.held(), 0);
        mine
    });
    assert_eq!(winners, BTreeSet::from([false, true]));
}

/// A pool and its engine, of which one has the limit 9, watched at one of them.
fn watched_race(limits: [u64; 2], watch: usize) {
    let seen = outcomes(Some(2), move || {
        let engine = account(Scope::Engine, limits[1], None);
        let pool = account(Scope::Pool, limits[0], Some(&engine));
        let (one, two) = (instance(&pool), instance(&pool));
        let first = thread::spawn(move || {
            let (granted, one) = reserve(one, 6);
            granted.map(|()| one.account().release(6))
        });
        let second = thread::spawn(move || reserve(two, 5));
        let watched = [&pool, &engine][watch];
        let (held, peak) = (watched.held(), watched.peak());
        assert!(held <= peak && peak <= 9, "{held} held, peak {peak}");
        let _ = end(first);
        drop(end(second));
        assert!(pool.peak() <= 9 && engine.peak() <= 9);
        held
    });
    assert_eq!(seen, BTreeSet::from([0, 5, 6]));
}

#[test]
fn nobody_sees_a_pool_beyond_its_limit_or_its_peak() {
    watched_race([9, NO_LIMIT], 0);
}

#[test]
fn nobody_sees_an_engine_beyond_the_limit_of_its_only_pool() {
    watched_race([9, NO_LIMIT], 1);
}

#[test]
fn nobody_sees_a_pool_beyond_the_limit_of_its_engine() {
    watched_race([NO_LIMIT, 9], 0);
}

#[test]
fn nobody_sees_an_engine_beyond_its_limit_or_its_peak() {
    watched_race([NO_LIMIT, 9], 1);
}

#[test]
fn what_a_child_is_seen_to_hold_its_parents_hold() {
    let seen = outcomes(None, || {
        let engine = account(Scope::Engine, NO_LIMIT, None);
        let pool = account(Scope::Pool, NO_LIMIT, Some(&engine));
        let watched = pool.clone();
        let grower = thread::spawn(move || watched.reserve(8));
        let seen = held([&pool, &engine]);
        end(grower).expect("no limit");
        assert_eq!(held([&pool, &engine]), [8; 2]);
        seen
    });
    assert_eq!(seen, BTreeSet::from([[0, 0], [0, 8], [8, 8]]));
}

#[test]
fn what_a_parent_is_seen_to_have_back_its_children_have_given() {
    let seen = outcomes(None, || {
        let engine = account(Scope::Engine, NO_LIMIT, None);
        let lease = instance(&engine);
        let watched = lease.account().clone();
        watched.reserve(8).expect("no limit");
        let ending = thread::spawn(move || drop(lease));
        let seen = held([&engine, &watched]);
        end(ending);
        assert_eq!(held([&engine, &watched]), [0; 2]);
        seen
    });
    assert_eq!(seen, BTreeSet::from([[0, 0], [8, 0], [8, 8]]));
}

#[test]
fn bytes_that_a_parent_refuses_are_never_held_and_in_no_peak() {
    let seen = outcomes(Some(3), || {
        let engine = account(Scope::Engine, 10, None);
        let pool = account(Scope::Pool, 20, Some(&engine));
        let (one, two) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || reserve(one, 8));
        let watch = pool.clone();
        let watcher = thread::spawn(move || watch.held());
        let (mine, two) = reserve(two, 3);
        let ((theirs, one), seen) = (end(racer), end(watcher));

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let expected = if mine.is_ok() { [0, 3] } else { [8, 0] };
        let levels = [one.account(), two.account()];
        assert_eq!((held(levels), peaks(levels)), (expected, expected));
        let granted = expected[0] + expected[1];
        let levels = [&pool, &engine];
        assert_eq!((held(levels), peaks(levels)), ([granted; 2], [granted; 2]));
        (granted, seen)
    });
    assert_eq!(seen, BTreeSet::from([(3, 0), (3, 3), (8, 0), (8, 8)]));
}

#[test]
fn a_request_without_room_in_a_parent_disturbs_no_sibling() {
    outcomes(None, || {
        let engine = account(Scope::Engine, 10, None);
        let pool = account(Scope::Pool, 10, Some(&engine));
        engine.reserve(6).expect("empty");
        let (greedy, modest) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || reserve(greedy, 8));
        reserve(modest, 4).0.expect("4 are free");
        assert!(end(racer).0.is_err());
        assert_eq!(peaks([&pool, &engine]), [4, 10]);
    });
}

#[test]
fn a_request_with_room_beside_everything_asked_for_is_granted() {
    outcomes(Some(2), || {
        let engine = account(Scope::Engine, 12, None);
        let pool = account(Scope::Pool, 7, Some(&engine));
        let (one, two, away) = (instance(&pool), instance(&pool), instance(&engine));
        let first = thread::spawn(move || reserve(one, 3));
        let second = thread::spawn(move || reserve(away, 5));
        let (mine, two) = reserve(two, 4);
        mine.expect("room beside 3 and 5");
        let ((first, one), (second, away)) = (end(first), end(second));
        first.expect("room beside 4 and 5");
        second.expect("room beside 3 and 4");
        assert_eq!(peaks([&pool, &engine]), [7, 12]);
        drop((one, two, away));
        assert_eq!(held([&pool, &engine]), [0; 2]);
    });
}

#[test]
fn a_request_may_be_refused_for_bytes_that_another_asks_for_in_vain() {
    let seen = outcomes(Some(3), || {
        let engine = account(Scope::Engine, 10, None);
        let pool = account(Scope::Pool, 10, Some(&engine));
        let (one, two, away) = (instance(&pool), instance(&pool), instance(&engine));
        let racer = thread::spawn(move || reserve(one, 8));
        let (outside, _away) = reserve(away, 3);
        let (mine, two) = reserve(two, 4);
        let (theirs, _one) = end(racer);
        if outside.is_ok() && theirs.is_err() && mine.is_err() {
            reserve(two, 4).0.expect("nobody got them");
        }
        [outside, theirs, mine].map(|result| result.map_or_else(|by| by.scope.as_str(), |()| "ok"))
    });
    assert_eq!(
        seen,
        BTreeSet::from([
            ["ok", "engine", "ok"],
            ["ok", "pool", "ok"],
            ["engine", "ok", "pool"],
            // The one that the documentation warns of: engine and pool have room for the third, but
            // the second still has its claim on the pool, which the engine is about to refuse.
            ["ok", "engine", "pool"],
        ])
    );
}

#[test]
fn a_lease_that_ends_beside_a_growing_sibling_leaves_room_and_nothing_else() {
    let early = outcomes(None, || {
        let engine = account(Scope::Engine, 10, None);
        let pool = account(Scope::Pool, 10, Some(&engine));
        let (ending, growing) = (instance(&pool), instance(&pool));
        ending.account().reserve(8).expect("empty");
        let ended = thread::spawn(move || drop(ending));
        let (early, growing) = reserve(growing, 4);
        end(ended);
        if early.is_err() {
            growing.account().reserve(4).expect("the lease has ended");
        }
        let levels = [growing.account(), &pool, &engine];
        assert_eq!((held(levels), peaks(levels)), ([4; 3], [4, 8, 8]));
        drop(growing);
        assert_eq!(held([&pool, &engine]), [0; 2]);
        early.map_or_else(|by| by.scope.as_str(), |()| "ok")
    });
    assert_eq!(early, BTreeSet::from(["ok", "pool", "engine"]));
}

#[test]
fn bytes_are_granted_again_only_after_all_that_their_holder_did() {
    let granted = outcomes(None, || {
        let engine = account(Scope::Engine, 10, None);
        let (ending, growing) = (instance(&engine), instance(&engine));
        ending.account().reserve(8).expect("empty");
        let unmapped = Arc::new(AtomicBool::new(false));
        let memory = unmapped.clone();
        let ended = thread::spawn(move || {
            memory.store(true, Ordering::Relaxed);
            drop(ending);
        });
        let granted = growing.account().reserve(4).is_ok();
        assert!(!granted || unmapped.load(Ordering::Relaxed));
        end(ended);
        granted
    });
    assert_eq!(granted, BTreeSet::from([false, true]));
}

#[test]
fn the_peak_is_the_most_that_was_held_at_once() {
    let seen = outcomes(Some(3), || {
        let pool = account(Scope::Pool, NO_LIMIT, None);
        let shared = pool.clone();
        let racer = thread::spawn(move || {
            shared.reserve(3).expect("no limit");
            assert!(shared.peak() >= 3);
            shared.release(3);
        });
        pool.reserve(4).expect("no limit");
        let (held, peak) = (pool.held(), pool.peak());
        assert!(held >= 4 && peak >= held, "{held} held, peak {peak}");
        end(racer);
        assert!(pool.peak() >= peak);
        let together = pool.peak();
        pool.reserve(5).expect("no limit");
        assert_eq!(pool.peak(), 9);
        (together, held)
    });
    assert_eq!(seen, BTreeSet::from([(4, 4), (7, 4), (7, 7)]));
}

#[test]
fn every_sum_is_nothing_when_all_leases_have_ended() {
    outcomes(Some(2), || {
        let process = account(Scope::Process, 14, None);
        let engine = account(Scope::Engine, 12, Some(&process));
        let pool = account(Scope::Pool, 10, Some(&engine));
        let (one, two) = (instance(&pool), instance(&engine));
        let racer = thread::spawn(move || {
            let (_, one) = reserve(one, 6);
            let (granted, one) = reserve(one, 4);
            granted.map(|()| one.account().release(4))
        });
        let (granted, two) = reserve(two, 5);
        if granted.is_ok() {
            drop(reserve(two, 4));
        }
        let _ = end(racer);
        assert_eq!(held([&pool, &engine, &process]), [0; 3]);
        // All of the room is there again.
        pool.reserve(10).expect("empty");
        assert!(engine.peak() <= 12 && process.peak() <= 12);
    });
}

#[test]
fn nobody_sees_a_failure_that_was_not_asked_for_or_a_refusal_that_was_none() {
    let seen = outcomes(Some(3), || {
        let engine = account(Scope::Engine, NO_LIMIT, None);
        let threads = [Some(Scope::Pool), None].map(|by| {
            let lease = instance(&engine);
            thread::spawn(move || {
                lease.account().count_request();
                lease.account().count_failure(by);
            })
        });
        let seen = [
            engine.refusals(Scope::Pool),
            engine.failures(),
            engine.requests(),
        ];
        assert!(seen.is_sorted(), "{seen:?}");
        threads.map(end);
        assert_eq!(
            (
                engine.refusals(Scope::Pool),
                engine.failures(),
                engine.requests()
            ),
            (1, 2, 2)
        );
        seen
    });
    let all = (0..=1).flat_map(|by| (0..=2).flat_map(move |f| (0..=2).map(move |r| [by, f, r])));
    assert_eq!(seen, all.filter(|seen| seen.is_sorted()).collect());
}
