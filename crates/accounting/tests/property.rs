//! Random trees of accounts against plain arithmetic: after every step, at every level.

#![cfg(not(loom))]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use riptide_wasm_accounting::{Account, Lease, Refusal, Scope};
use std::sync::Arc;

const SCOPES: [Scope; 4] = [Scope::Process, Scope::Engine, Scope::Pool, Scope::Instance];
const POOL: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Opens a lease of this limit under any account that is no lease.
    Begin(Index, u64),
    /// Asks for bytes as a guest's growth does, and counts what came of it.
    Grow(Index, u64),
    /// A growth that, where it is granted, fails in the system.
    Fail(Index, u64),
    Release(Index, Index),
    End(Index),
}

fn limit() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..120u64, 1 => Just(u64::MAX)]
}

fn bytes() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 0..50u64, 1 => u64::MAX - 50..=u64::MAX]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<Index>(), limit()).prop_map(|(under, limit)| Step::Begin(under, limit)),
        6 => (any::<Index>(), bytes()).prop_map(|(lease, bytes)| Step::Grow(lease, bytes)),
        1 => (any::<Index>(), bytes()).prop_map(|(lease, bytes)| Step::Fail(lease, bytes)),
        2 => any::<(Index, Index)>().prop_map(|(lease, part)| Step::Release(lease, part)),
        1 => any::<Index>().prop_map(Step::End),
    ]
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Numbers {
    held: u64,
    peak: u64,
    requests: u64,
    failures: u64,
    refusals: [u64; SCOPES.len()],
}

/// An account and what it should show.
struct Node {
    account: Arc<Account>,
    parent: Option<usize>,
    scope: usize,
    limit: u64,
    expected: Numbers,
}

impl Node {
    fn shown(&self) -> Numbers {
        Numbers {
            held: self.account.held(),
            peak: self.account.peak(),
            requests: self.account.requests(),
            failures: self.account.failures(),
            refusals: SCOPES.map(|scope| self.account.refusals(scope)),
        }
    }
}

#[derive(Default)]
struct World {
    /// Parents before children; the nodes of ended leases stay, to be looked at.
    nodes: Vec<Node>,
    leases: Vec<(usize, Lease)>,
}

impl World {
    fn add(&mut self, scope: usize, limit: u64, parent: Option<usize>, account: Arc<Account>) {
        self.nodes.push(Node {
            account,
            parent,
            scope,
            limit,
            expected: Numbers::default(),
        });
    }

    fn plant(&mut self, top: usize, limit: u64, children: Vec<(Index, u64)>) {
        let account = Arc::new(Account::new(SCOPES[top], limit, None));
        self.add(top, limit, None, account);
        for (under, limit) in children {
            let parents = self.of_scope(|scope| scope < POOL);
            let parent = *under.get(&parents);
            let scope = self.nodes[parent].scope + 1;
            let above = self.nodes[parent].account.clone();
            let account = Arc::new(Account::new(SCOPES[scope], limit, Some(above)));
            self.add(scope, limit, Some(parent), account);
        }
    }

    fn of_scope(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|&node| wanted(self.nodes[node].scope))
            .collect()
    }

    fn chain(&self, node: usize) -> Vec<usize> {
        std::iter::successors(Some(node), |&node| self.nodes[node].parent).collect()
    }

    /// The first account on the way up that has no room.
    fn expected_refusal(&self, node: usize, bytes: u64) -> Option<(usize, Refusal)> {
        self.chain(node).into_iter().find_map(|level| {
            let Node {
                scope,
                limit,
                expected: Numbers { held, .. },
                ..
            } = self.nodes[level];
            let refusal = Refusal {
                requested: bytes,
                held,
                limit,
                scope: SCOPES[scope],
            };
            (u128::from(held) + u128::from(bytes) > u128::from(limit)).then_some((scope, refusal))
        })
    }

    fn expect(&mut self, node: usize, mut change: impl FnMut(&mut Numbers)) {
        for level in self.chain(node) {
            change(&mut self.nodes[level].expected);
        }
    }

    fn pick(&self, lease: Index) -> Option<usize> {
        (!self.leases.is_empty()).then(|| lease.index(self.leases.len()))
    }

    /// Whether it was granted.
    fn grow(&mut self, lease: usize, bytes: u64) -> Result<bool, TestCaseError> {
        let (node, account) = (self.leases[lease].0, self.leases[lease].1.account().clone());
        let expected = self.expected_refusal(node, bytes);
        account.count_request();
        self.expect(node, |numbers| numbers.requests += 1);
        let got = account.reserve(bytes);
        prop_assert_eq!(got.err(), expected.map(|(_, refusal)| refusal));
        let Some((scope, refusal)) = expected else {
            self.expect(node, |numbers| {
                numbers.held += bytes;
                numbers.peak = numbers.peak.max(numbers.held);
            });
            return Ok(true);
        };
        account.count_failure(Some(refusal.scope));
        self.expect(node, |numbers| {
            numbers.failures += 1;
            numbers.refusals[scope] += 1;
        });
        Ok(false)
    }

    fn release(&mut self, lease: usize, bytes: u64) {
        let (node, lease) = &self.leases[lease];
        lease.account().release(bytes);
        self.expect(*node, |numbers| numbers.held -= bytes);
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Begin(under, limit) => {
                let parent = *under.get(&self.of_scope(|scope| scope <= POOL));
                let lease = Lease::new(limit, self.nodes[parent].account.clone());
                self.leases.push((self.nodes.len(), lease));
                let account = self.leases[self.leases.len() - 1].1.account().clone();
                self.add(POOL + 1, limit, Some(parent), account);
            }
            Step::Grow(lease, bytes) => {
                if let Some(lease) = self.pick(lease) {
                    self.grow(lease, bytes)?;
                }
            }
            Step::Fail(lease, bytes) => {
                let Some(lease) = self.pick(lease) else {
                    return Ok(());
                };
                let before: Vec<u64> = self.nodes.iter().map(|node| node.expected.peak).collect();
                if self.grow(lease, bytes)? {
                    let (node, lease) = &self.leases[lease];
                    lease.account().withdraw(bytes);
                    lease.account().count_failure(None);
                    self.expect(*node, |numbers| {
                        numbers.held -= bytes;
                        numbers.failures += 1;
                    });
                    for (node, peak) in self.nodes.iter_mut().zip(before) {
                        node.expected.peak = peak;
                    }
                }
            }
            Step::Release(lease, part) => {
                if let Some(lease) = self.pick(lease) {
                    let held = self.nodes[self.leases[lease].0].expected.held;
                    let most = usize::try_from(held).unwrap_or(usize::MAX - 1);
                    self.release(lease, part.index(most.saturating_add(1)) as u64);
                }
            }
            Step::End(lease) => {
                if let Some(lease) = self.pick(lease) {
                    self.end(lease);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, lease: usize) {
        let (node, lease) = self.leases.swap_remove(lease);
        drop(lease);
        let held = self.nodes[node].expected.held;
        self.expect(node, |numbers| numbers.held -= held);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for node in &self.nodes {
            prop_assert_eq!(node.shown(), node.expected, "{:?}", SCOPES[node.scope]);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_level_is_what_arithmetic_says(
        top in 0..=POOL,
        most in limit(),
        mut children in vec((any::<Index>(), limit()), 0..8),
        steps in vec(step(), 1..120),
    ) {
        if top == POOL {
            children.clear();
        }
        let mut world = World::default();
        world.plant(top, most, children);
        for step in steps {
            world.run(step)?;
            world.check()?;
        }
        while !world.leases.is_empty() {
            world.end(0);
            world.check()?;
        }
        for node in &world.nodes {
            prop_assert_eq!(node.account.held(), 0);
        }
    }
}
