//! The byte ledger of instance, pool, engine and process.
//!
//! An [`Account`] knows what is held now, the highest that has been, and what was asked for and
//! refused. Accounts form a chain towards the process; a reservation holds at every level of it or
//! at none. Atomics only, no dependencies, and nothing of Wasmtime.

#![forbid(unsafe_code)]

mod sync;

use sync::{Arc, AtomicU64, Ordering};

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One instance with its store.
    Instance,
    /// All instances of a pool.
    Pool,
    /// All instances of an engine.
    Engine,
    /// All instances of the process.
    Process,
}

impl Scope {
    /// The scope in one word, for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Instance => "instance",
            Scope::Pool => "pool",
            Scope::Engine => "engine",
            Scope::Process => "process",
        }
    }
}

/// A refused reservation: what was asked, and the account that had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Bytes asked for on top of what was held.
    pub requested: u64,
    /// Bytes the refusing account held, and what others were asking it for.
    pub held: u64,
    /// Its limit in bytes.
    pub limit: u64,
    /// Whose limit it was.
    pub scope: Scope,
}

/// Bytes held by one scope, counted in its parents too.
#[derive(Debug)]
pub struct Account {
    scope: Scope,
    limit: u64,
    /// What is held, and what is being asked of the parents: never above the limit.
    claimed: AtomicU64,
    /// What has been granted by all of them.
    held: AtomicU64,
    /// The most that was held before anything was given back.
    peak: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    refusals: [AtomicU64; 4],
    parent: Option<Arc<Account>>,
}

impl Account {
    /// A new account under `parent`, of at most `limit` bytes (`u64::MAX`: no limit of its own).
    pub fn new(scope: Scope, limit: u64, parent: Option<Arc<Account>>) -> Account {
        Account {
            scope,
            limit,
            claimed: AtomicU64::new(0),
            held: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refusals: [0; 4].map(AtomicU64::new),
            parent,
        }
    }

    /// Takes `bytes` here and in every parent, or nowhere.
    ///
    /// Bytes that a parent refuses are never held and in no peak. What others ask for at the same
    /// moment counts as taken until it is decided, so that a request may be refused for bytes that
    /// nobody gets in the end; one with room beside all of that is granted.
    ///
    /// # Errors
    /// The first account towards the process that has no room; nothing but time has passed then.
    pub fn reserve(&self, bytes: u64) -> Result<(), Refusal> {
        // A guest that goes on asking for what a parent does not have must not take its siblings'
        // room each time: nothing is claimed before all have been looked at.
        for account in self.chain() {
            account.sum(account.claimed.load(Ordering::Acquire), bytes)?;
        }
        self.claim(bytes)
    }

    fn claim(&self, bytes: u64) -> Result<(), Refusal> {
        let mut claimed = self.claimed.load(Ordering::Acquire);
        while let Err(newer) = self.claimed.compare_exchange_weak(
            claimed,
            self.sum(claimed, bytes)?,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            claimed = newer;
        }
        if let Some(parent) = &self.parent
            && let Err(refusal) = parent.claim(bytes)
        {
            self.claimed.fetch_sub(bytes, Ordering::AcqRel);
            return Err(refusal);
        }
        // The parents hold it by now. What is held was claimed before and is given up before the
        // claim, so that it stays within the limit too, and the sum can't overflow.
        self.held.fetch_add(bytes, Ordering::AcqRel);
        Ok(())
    }

    /// What would be claimed with `bytes` more.
    fn sum(&self, claimed: u64, bytes: u64) -> Result<u64, Refusal> {
        claimed
            .checked_add(bytes)
            .filter(|&sum| sum <= self.limit)
            .ok_or(Refusal {
                requested: bytes,
                held: claimed,
                limit: self.limit,
                scope: self.scope,
            })
    }

    /// Gives back `bytes` that a reservation of this account took.
    pub fn release(&self, bytes: u64) {
        for account in self.chain() {
            account.give_back(bytes);
        }
        self.give_up(bytes);
    }

    /// Undoes a reservation that came to nothing: the system had no memory for it. It is in no peak,
    /// unless somebody else gave back memory in between.
    pub fn withdraw(&self, bytes: u64) {
        for account in self.chain() {
            account.held.fetch_sub(bytes, Ordering::AcqRel);
        }
        self.give_up(bytes);
    }

    /// Less is held from now on: so this was a peak, perhaps, and whoever sees the one sees the other.
    fn give_back(&self, bytes: u64) {
        let mut held = self.held.load(Ordering::Acquire);
        loop {
            self.peak.fetch_max(held, Ordering::AcqRel);
            match self.held.compare_exchange_weak(
                held,
                held - bytes,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(newer) => held = newer,
            }
        }
    }

    fn give_up(&self, bytes: u64) {
        // Only now, and with release: whoever claims these bytes next, at any level, adds them to a
        // `held` of every parent that has lost them.
        for account in self.chain() {
            account.claimed.fetch_sub(bytes, Ordering::AcqRel);
        }
    }

    /// Counts a request to grow, here and in every parent.
    pub fn count_request(&self) {
        for account in self.chain() {
            account.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a growth that was refused or failed, here and in every parent: by the account of
    /// which scope, or by none (the system had no memory, the memory's own type forbids it).
    pub fn count_failure(&self, by: Option<Scope>) {
        for account in self.chain() {
            // With release, in this order, after the request: see `refusals`.
            account.failures.fetch_add(1, Ordering::Release);
            if let Some(scope) = by {
                account.refusals[scope as usize].fetch_add(1, Ordering::Release);
            }
        }
    }

    /// Growths that the account of `scope` refused.
    ///
    /// Each is a failure, and each failure is a request. Who reads them in this order never sees
    /// more of the former than of the latter.
    pub fn refusals(&self, scope: Scope) -> u64 {
        self.refusals[scope as usize].load(Ordering::Acquire)
    }

    /// Bytes held now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Acquire)
    }

    /// The most bytes held at once so far; not below any `held` that was seen before, but for one
    /// that was withdrawn.
    pub fn peak(&self) -> u64 {
        // In this order: what is given back in between is in the peak by then.
        let held = self.held();
        held.max(self.peak.load(Ordering::Acquire))
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Requests to grow so far, granted or not.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that were refused or failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    fn chain(&self) -> impl Iterator<Item = &Account> {
        std::iter::successors(Some(self), |account| account.parent.as_deref())
    }
}

/// Holds an instance's account, and gives back all of it when dropped.
///
/// It belongs beside the store and is dropped after it: the bytes are free only when the memory is.
#[derive(Debug)]
pub struct Lease(Arc<Account>);

impl Lease {
    /// Opens an account for one instance under `parent`.
    pub fn new(limit: u64, parent: Arc<Account>) -> Lease {
        Lease(Arc::new(Account::new(Scope::Instance, limit, Some(parent))))
    }

    /// The account.
    pub fn account(&self) -> &Arc<Account> {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.release(self.0.held());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn chain(instance: u64, pool: u64, engine: u64) -> (Arc<Account>, Arc<Account>, Lease) {
        let engine = Arc::new(Account::new(Scope::Engine, engine, None));
        let pool = Arc::new(Account::new(Scope::Pool, pool, Some(engine.clone())));
        let lease = Lease::new(instance, pool.clone());
        (engine, pool, lease)
    }

    #[test]
    fn a_reservation_counts_at_every_level_until_the_lease_ends() {
        let (engine, pool, lease) = chain(100, 200, 300);
        lease.account().reserve(60).expect("room for 60");
        lease.account().reserve(40).expect("room for 100");
        assert_eq!(
            (lease.account().held(), pool.held(), engine.held()),
            (100, 100, 100)
        );
        drop(lease);
        assert_eq!((pool.held(), engine.held()), (0, 0));
        assert_eq!((pool.peak(), engine.peak()), (100, 100));
    }

    #[test]
    fn a_refusal_names_whose_limit_it_was_and_leaves_held_and_peak_alone() {
        for (limits, scope) in [
            ((10, 99, 99), Scope::Instance),
            ((99, 10, 99), Scope::Pool),
            ((99, 99, 10), Scope::Engine),
        ] {
            let (engine, pool, lease) = chain(limits.0, limits.1, limits.2);
            lease.account().reserve(8).expect("room for 8");
            let refusal = lease.account().reserve(8).expect_err("no room for 16");
            assert_eq!(
                refusal,
                Refusal {
                    requested: 8,
                    held: 8,
                    limit: 10,
                    scope
                }
            );
            for account in [lease.account(), &pool, &engine] {
                assert_eq!((account.held(), account.peak()), (8, 8));
            }
        }
    }

    #[test]
    fn a_sum_past_the_largest_number_is_refused() {
        let (_, _, lease) = chain(u64::MAX, u64::MAX, u64::MAX);
        lease.account().reserve(u64::MAX - 1).expect("room");
        lease.account().reserve(2).expect_err("would overflow");
        assert_eq!(lease.account().held(), u64::MAX - 1);
    }

    #[test]
    fn requests_and_failures_are_counted_up_the_chain() {
        let (engine, pool, lease) = chain(1, 1, 1);
        lease.account().count_request();
        lease.account().count_failure(None);
        for account in [lease.account(), &pool, &engine] {
            assert_eq!((account.requests(), account.failures()), (1, 1));
        }
    }

    #[test]
    fn failures_are_told_apart_by_whose_limit_it_was_at_every_level() {
        let scopes = [Scope::Instance, Scope::Pool, Scope::Engine, Scope::Process];
        let process = Arc::new(Account::new(Scope::Process, 1, None));
        let engine = Arc::new(Account::new(Scope::Engine, 1, Some(process.clone())));
        let pool = Arc::new(Account::new(Scope::Pool, 1, Some(engine.clone())));
        let (lease, sibling) = (Lease::new(1, pool.clone()), Lease::new(1, pool.clone()));
        for (times, scope) in (1..).zip(scopes) {
            for _ in 0..times {
                lease.account().count_failure(Some(scope));
            }
        }
        lease.account().count_failure(None);
        for account in [lease.account(), &pool, &engine, &process] {
            assert_eq!(scopes.map(|scope| account.refusals(scope)), [1, 2, 3, 4]);
            assert_eq!(account.failures(), 11);
        }
        assert_eq!(
            scopes.map(|scope| sibling.account().refusals(scope)),
            [0; 4]
        );
        assert_eq!(sibling.account().failures(), 0);
    }

    #[test]
    fn threads_racing_for_the_last_bytes_never_pass_the_limit() {
        let pool = Arc::new(Account::new(Scope::Pool, 1_000, None));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let pool = pool.clone();
                scope.spawn(move || {
                    let lease = Lease::new(u64::MAX, pool.clone());
                    for step in 0..2_000u64 {
                        if lease.account().reserve(step % 90 + 1).is_ok() && step % 3 == 0 {
                            lease.account().release(step % 90 + 1);
                        }
                        assert!(pool.held() <= 1_000);
                    }
                });
            }
        });
        assert_eq!(pool.held(), 0);
        assert!(pool.peak() <= 1_000);
    }
}
