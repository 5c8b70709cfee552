//! Model checking of the ledger: each model is run in every interleaving and with every value that
//! the memory model lets a load see, or in all of them up to a number of preemptions where it says
//! so. `npm test` runs them, alone with
//! `RUSTFLAGS="--cfg loom" cargo test -p riptide-wasm-accounting --release --test loom --target-dir target/loom`.
//!
//! Loom performs one thread's writes in their order, whatever their `Ordering`: none of these models
//! would notice a claim that `release` gave up with `Relaxed`. Why it must not is said there.

#![cfg(loom)]

use loom::model::Builder;
use loom::sync::atomic::AtomicBool;
use loom::thread;
use riptide_wasm_accounting::{Account, Lease, Refusal, Scope};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool as Flag, AtomicU64 as Counter, Ordering};
use std::time::Instant;

const NO_LIMIT: u64 = u64::MAX;

/// Runs `model` in every interleaving, or in those of at most `preemptions` switches away from a
/// thread that could have gone on, and says how many there were.
fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let started = Instant::now();
    let runs = Arc::new(Counter::new(0));
    let counted = runs.clone();
    // Field by field, so that nothing in the environment cuts the search short.
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.checkpoint_file = None;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!(
        "{}: {} interleavings{}, {} ms",
        std::thread::current().name().unwrap_or_default(),
        runs.load(Ordering::Relaxed),
        preemptions.map_or(String::new(), |most| format!(" of {most} preemptions")),
        started.elapsed().as_millis()
    );
}

fn root(scope: Scope, limit: u64) -> Arc<Account> {
    Arc::new(Account::new(scope, limit, None))
}

fn under(parent: &Arc<Account>, scope: Scope, limit: u64) -> Arc<Account> {
    Arc::new(Account::new(scope, limit, Some(parent.clone())))
}

fn instance(parent: &Arc<Account>) -> Lease {
    Lease::new(NO_LIMIT, parent.clone())
}

fn held<const N: usize>(accounts: [&Arc<Account>; N]) -> [u64; N] {
    accounts.map(|account| account.held())
}

fn peaks<const N: usize>(accounts: [&Arc<Account>; N]) -> [u64; N] {
    accounts.map(|account| account.peak())
}

/// What every account shows at every moment.
fn within_limit(account: &Account) {
    let held = account.held();
    let peak = account.peak();
    assert!(held <= account.limit(), "{held} held of {account:?}");
    assert!(peak <= account.limit(), "peak {peak} of {account:?}");
    assert!(held <= peak, "{held} held above the peak {peak}");
}

/// What every refusal says is a reason to refuse.
fn truthful(refusal: Refusal) {
    assert!(refusal.held.saturating_add(refusal.requested) > refusal.limit);
}

#[test]
fn of_two_instances_racing_for_a_pools_last_bytes_one_wins() {
    explore(None, || {
        let engine = root(Scope::Engine, NO_LIMIT);
        let pool = under(&engine, Scope::Pool, 10);
        let (one, two) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || (one.account().reserve(8), one));
        let mine = two.account().reserve(8);
        let (theirs, one) = racer.join().expect("no panic");

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let expected = Refusal {
            requested: 8,
            held: 8,
            limit: 10,
            scope: Scope::Pool,
        };
        assert_eq!(mine.and(theirs), Err(expected));
        let (winner, loser) = if mine.is_ok() { (two, one) } else { (one, two) };
        assert_eq!(held([winner.account(), &pool, &engine]), [8; 3]);
        assert_eq!(peaks([winner.account(), &pool, &engine]), [8; 3]);
        assert_eq!((loser.account().held(), loser.account().peak()), (0, 0));
        drop((winner, loser));
        assert_eq!(held([&pool, &engine]), [0; 2]);
        assert_eq!(peaks([&pool, &engine]), [8; 2]);
    });
}

#[test]
fn of_two_pools_racing_for_the_engines_last_bytes_one_wins_and_the_other_shows_nothing() {
    explore(None, || {
        let engine = root(Scope::Engine, 10);
        let pools = [0; 2].map(|_| under(&engine, Scope::Pool, NO_LIMIT));
        let (one, two) = (instance(&pools[0]), instance(&pools[1]));
        let racer = thread::spawn(move || (one.account().reserve(8), one));
        let mine = two.account().reserve(8);
        let (theirs, one) = racer.join().expect("no panic");

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let refusal = mine.and(theirs).expect_err("one is refused");
        assert_eq!((refusal.scope, refusal.held), (Scope::Engine, 8));
        let (winner, loser) = if mine.is_ok() { (1, 0) } else { (0, 1) };
        let accounts = [one.account(), two.account()];
        assert_eq!(held([accounts[winner], &pools[winner], &engine]), [8, 8, 8]);
        assert_eq!(held([accounts[loser], &pools[loser]]), [0, 0]);
        assert_eq!(peaks([accounts[loser], &pools[loser]]), [0, 0]);
        drop((one, two));
        assert_eq!(held([&pools[0], &pools[1], &engine]), [0; 3]);
    });
}

/// One thread takes and gives back 6 of a pool's 9, another 6 of what `contended` picks; a third looks.
fn looked_at(preemptions: usize, contended: fn([Arc<Account>; 2]) -> Arc<Account>) {
    explore(Some(preemptions), move || {
        let engine = root(Scope::Engine, 10);
        let pool = under(&engine, Scope::Pool, 9);
        let takers = [pool.clone(), contended([pool.clone(), engine.clone()])].map(|account| {
            thread::spawn(move || {
                if account.reserve(6).map_err(truthful).is_ok() {
                    account.release(6);
                }
            })
        });
        within_limit(&pool);
        within_limit(&engine);
        for taker in takers {
            taker.join().expect("no panic");
        }
        for account in [&pool, &engine] {
            within_limit(account);
            assert_eq!(account.held(), 0);
        }
    });
}

#[test]
fn nobody_sees_an_engine_beyond_its_limit_or_its_peak() {
    looked_at(3, |[_, engine]| engine);
}

#[test]
fn nobody_sees_a_pool_beyond_its_limit_or_its_peak() {
    looked_at(2, |[pool, _]| pool);
}

#[test]
fn what_a_child_holds_its_parent_holds_before() {
    explore(None, || {
        let pool = root(Scope::Pool, NO_LIMIT);
        let lease = instance(&pool);
        let account = lease.account().clone();
        let grower = thread::spawn(move || lease.account().reserve(8).map(|()| lease));
        let seen = held([&account, &pool]);
        assert!(seen.is_sorted(), "child first: {seen:?}");
        let lease = grower.join().expect("no panic").expect("no limit");
        assert_eq!(held([lease.account(), &pool]), [8; 2]);
    });
}

#[test]
fn what_a_child_gives_back_its_parent_gives_back_after() {
    explore(None, || {
        let pool = root(Scope::Pool, NO_LIMIT);
        let lease = instance(&pool);
        let account = lease.account().clone();
        account.reserve(8).expect("no limit");
        let ending = thread::spawn(move || drop(lease));
        let [of_pool, of_instance] = held([&pool, &account]);
        assert!(of_instance <= of_pool, "{of_instance} of {of_pool}");
        ending.join().expect("no panic");
        assert_eq!(held([&account, &pool]), [0; 2]);
    });
}

#[test]
fn a_reservation_that_a_parent_refuses_is_never_held_and_in_no_peak() {
    explore(Some(3), || {
        let engine = root(Scope::Engine, 10);
        let pool = under(&engine, Scope::Pool, 20);
        let (one, two) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || (one.account().reserve(8), one));
        let watch = pool.clone();
        let watcher = thread::spawn(move || watch.held());
        let mine = two.account().reserve(3);
        let (theirs, one) = racer.join().expect("no panic");
        let seen = watcher.join().expect("no panic");

        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        let granted = if mine.is_ok() { 3 } else { 8 };
        assert!(seen == 0 || seen == granted, "saw {seen}");
        assert_eq!(held([&pool, &engine]), [granted; 2]);
        assert_eq!(peaks([&pool, &engine]), [granted; 2]);
        assert_eq!(
            peaks([one.account(), two.account()]),
            [theirs.map_or(0, |()| 8), mine.map_or(0, |()| 3)]
        );
    });
}

#[test]
fn a_request_without_room_in_a_parent_disturbs_no_sibling() {
    explore(None, || {
        let engine = root(Scope::Engine, 10);
        // Had the pool taken the 8 for a moment, it would have no room for the 4.
        let pool = under(&engine, Scope::Pool, 10);
        engine.reserve(6).expect("empty");
        let greedy = pool.clone();
        let racer = thread::spawn(move || {
            // By the engine, or by the pool when that holds the 4.
            truthful(greedy.reserve(8).expect_err("only 4 are free"));
        });
        pool.reserve(4).expect("4 are free");
        racer.join().expect("no panic");
        assert_eq!(peaks([&pool, &engine]), [4, 10]);
    });
}

#[test]
fn a_request_with_room_beside_everything_asked_for_is_granted() {
    explore(Some(2), || {
        let engine = root(Scope::Engine, 12);
        let pool = under(&engine, Scope::Pool, 7);
        let (one, two, away) = (instance(&pool), instance(&pool), instance(&engine));
        let first = thread::spawn(move || one.account().reserve(3).map(|()| one));
        let second = thread::spawn(move || away.account().reserve(5).map(|()| away));
        two.account().reserve(4).expect("room beside 3");
        let one = first.join().expect("no panic").expect("room beside 4");
        let away = second.join().expect("no panic").expect("room beside 7");
        assert_eq!(peaks([&pool, &engine]), [7, 12]);
        drop((one, two, away));
        assert_eq!(held([&pool, &engine]), [0; 2]);
    });
}

#[test]
fn a_request_may_be_refused_for_bytes_asked_for_at_the_same_moment() {
    static BY_THE_POOL: Flag = Flag::new(false);
    explore(Some(3), || {
        let engine = root(Scope::Engine, 10);
        let pool = under(&engine, Scope::Pool, 10);
        let (one, two, away) = (instance(&pool), instance(&pool), instance(&engine));
        let racer = thread::spawn(move || one.account().reserve(8).map_err(truthful).is_ok());
        // Whichever of them wins, the engine has room for 4 beside it, or has none and says so.
        let taken = away.account().reserve(3).map_err(truthful).is_ok();
        let mine = two.account().reserve(4);
        let other = racer.join().expect("no panic");
        assert!(taken || other, "not both are refused");
        if let Err(refusal) = mine {
            truthful(refusal);
            if !other {
                // The bytes that were in the way have been granted to nobody.
                assert_eq!(refusal.scope, Scope::Pool);
                BY_THE_POOL.store(true, Ordering::Relaxed);
                two.account().reserve(4).expect("they are gone by now");
            }
        }
    });
    // Not a promise, but what the documentation warns of: where it no longer happens, say so there.
    assert!(BY_THE_POOL.load(Ordering::Relaxed));
}

#[test]
fn a_lease_that_ends_beside_a_growing_sibling_leaves_room_and_nothing_else() {
    explore(None, || {
        let engine = root(Scope::Engine, 10);
        let pool = under(&engine, Scope::Pool, 10);
        let (ending, growing) = (instance(&pool), instance(&pool));
        ending.account().reserve(8).expect("empty");
        let end = thread::spawn(move || drop(ending));
        let early = growing.account().reserve(4);
        end.join().expect("no panic");
        if let Err(refusal) = early {
            assert_eq!((refusal.held, refusal.limit), (8, 10));
            growing.account().reserve(4).expect("the lease has ended");
        }
        assert_eq!(held([growing.account(), &pool, &engine]), [4; 3]);
        assert_eq!(peaks([growing.account(), &pool, &engine]), [4, 8, 8]);
        drop(growing);
        assert_eq!(held([&pool, &engine]), [0; 2]);
    });
}

#[test]
fn bytes_are_granted_again_only_after_what_their_holder_did_with_them() {
    explore(None, || {
        let engine = root(Scope::Engine, 10);
        let pools = [0; 2].map(|_| under(&engine, Scope::Pool, 10));
        let (ending, growing) = (instance(&pools[0]), instance(&pools[1]));
        ending.account().reserve(8).expect("empty");
        let unmapped = Arc::new(AtomicBool::new(false));
        let memory = unmapped.clone();
        let end = thread::spawn(move || {
            memory.store(true, Ordering::Relaxed);
            drop(ending);
        });
        if growing.account().reserve(4).is_ok() {
            assert!(unmapped.load(Ordering::Relaxed));
        }
        end.join().expect("no panic");
    });
}

#[test]
fn the_peak_is_the_most_that_was_held_at_once() {
    explore(None, || {
        let pool = root(Scope::Pool, NO_LIMIT);
        let (one, two) = (instance(&pool), instance(&pool));
        let racer = thread::spawn(move || {
            one.account().reserve(3).expect("no limit");
            assert!(one.account().peak() >= 3);
            one.account().release(3);
            one
        });
        two.account().reserve(4).expect("no limit");
        let seen = pool.held();
        let peak = pool.peak();
        assert!(seen >= 4 && peak >= seen, "{seen} held, peak {peak}");
        let one = racer.join().expect("no panic");
        assert!([4, 7].contains(&pool.peak()) && pool.peak() >= peak);
        one.account().reserve(5).expect("no limit");
        assert_eq!(pool.peak(), 9);
    });
}

#[test]
fn every_sum_is_nothing_when_all_leases_have_ended() {
    explore(Some(2), || {
        let process = root(Scope::Process, 14);
        let engine = under(&process, Scope::Engine, 12);
        let pool = under(&engine, Scope::Pool, 10);
        let (one, two) = (instance(&pool), instance(&engine));
        let racer = thread::spawn(move || {
            let _ = one.account().reserve(6).map_err(truthful);
            if one.account().reserve(4).map_err(truthful).is_ok() {
                one.account().release(4);
            }
        });
        if two.account().reserve(5).map_err(truthful).is_ok() {
            let _ = two.account().reserve(3).map_err(truthful);
        }
        drop(two);
        racer.join().expect("no panic");
        assert_eq!(held([&pool, &engine, &process]), [0; 3]);
        for account in [&pool, &engine, &process] {
            within_limit(account);
        }
        // And all of the room is there again.
        pool.reserve(10).expect("empty");
    });
}

#[test]
fn two_threads_of_one_account_share_its_limit() {
    explore(None, || {
        let engine = root(Scope::Engine, NO_LIMIT);
        let lease = Lease::new(10, engine.clone());
        let account = lease.account().clone();
        let racer = thread::spawn(move || account.reserve(6).is_ok());
        let mine = lease.account().reserve(6).is_ok();
        let theirs = racer.join().expect("no panic");
        assert!(mine != theirs);
        assert_eq!(held([lease.account(), &engine]), [6; 2]);
        drop(lease);
        assert_eq!(engine.held(), 0);
    });
}
