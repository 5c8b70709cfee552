//! The ledger against a model that is plain arithmetic: every operation, at every level.

#![cfg(not(loom))]

use proptest::prelude::*;
use riptide_wasm_accounting::{Account, Lease, Scope};
use std::sync::Arc;

const ENGINE_LIMIT: u64 = 100;
const POOL_LIMITS: [u64; 2] = [60, 80];
const INSTANCE_LIMIT: u64 = 40;

#[derive(Clone, Debug)]
enum Step {
    Begin { pool: usize },
    Grow { instance: usize, bytes: u64 },
    Release { instance: usize, bytes: u64 },
    End { instance: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..2usize).prop_map(|pool| Step::Begin { pool }),
        (0..8usize, 0..50u64).prop_map(|(instance, bytes)| Step::Grow { instance, bytes }),
        (0..8usize, 0..50u64).prop_map(|(instance, bytes)| Step::Release { instance, bytes }),
        (0..8usize).prop_map(|instance| Step::End { instance }),
    ]
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Level {
    held: u64,
    peak: u64,
    requests: u64,
    failures: u64,
    refusals: [u64; 3],
}

const SCOPES: [Scope; 3] = [Scope::Instance, Scope::Pool, Scope::Engine];

impl Level {
    fn of(account: &Account) -> Level {
        Level {
            held: account.held(),
            peak: account.peak(),
            requests: account.requests(),
            failures: account.failures(),
            refusals: SCOPES.map(|scope| account.refusals(scope)),
        }
    }
}

proptest! {
    #[test]
    fn every_level_is_what_arithmetic_says(steps in proptest::collection::vec(step(), 1..200)) {
        let engine = Arc::new(Account::new(Scope::Engine, ENGINE_LIMIT, None));
        let pools = POOL_LIMITS.map(|limit| Arc::new(Account::new(Scope::Pool, limit, Some(engine.clone()))));
        let mut leases: Vec<(usize, Lease, Level)> = Vec::new();
        let (mut engine_is, mut pools_are) = (Level::default(), [Level::default(); 2]);
        for step in steps {
            match step {
                Step::Begin { pool } => {
                    let lease = Lease::new(INSTANCE_LIMIT, pools[pool].clone());
                    leases.push((pool, lease, Level::default()));
                }
                Step::Grow { instance, bytes } => {
                    let Some((pool, lease, own)) = leases.get_mut(instance) else { continue };
                    lease.account().count_request();
                    let refused = lease.account().reserve(bytes).err();
                    if let Some(refusal) = refused {
                        lease.account().count_failure(Some(refusal.scope));
                    }
                    let levels = [own, &mut pools_are[*pool], &mut engine_is];
                    let limits = [INSTANCE_LIMIT, POOL_LIMITS[*pool], ENGINE_LIMIT];
                    let by = (0..3).find(|&level| levels[level].held + bytes > limits[level]);
                    prop_assert_eq!(refused.map(|refusal| refusal.scope), by.map(|level| SCOPES[level]));
                    for level in levels {
                        level.requests += 1;
                        match by {
                            Some(by) => {
                                level.failures += 1;
                                level.refusals[by] += 1;
                            }
                            None => {
                                level.held += bytes;
                                level.peak = level.peak.max(level.held);
                            }
                        }
                    }
                }
                Step::Release { instance, bytes } => {
                    let Some((pool, lease, own)) = leases.get_mut(instance) else { continue };
                    let bytes = bytes.min(own.held);
                    lease.account().release(bytes);
                    for level in [own, &mut pools_are[*pool], &mut engine_is] {
                        level.held -= bytes;
                    }
                }
                Step::End { instance } => {
                    if instance < leases.len() {
                        let (pool, _lease, own) = leases.swap_remove(instance);
                        pools_are[pool].held -= own.held;
                        engine_is.held -= own.held;
                    }
                }
            }
            for (_, lease, own) in &leases {
                prop_assert_eq!(Level::of(lease.account()), *own);
            }
            for (pool, expected) in pools.iter().zip(pools_are) {
                prop_assert_eq!(Level::of(pool), expected);
            }
            prop_assert_eq!(Level::of(&engine), engine_is);
        }
        drop(leases);
        prop_assert_eq!([engine.held(), pools[0].held(), pools[1].held()], [0; 3]);
    }
}
