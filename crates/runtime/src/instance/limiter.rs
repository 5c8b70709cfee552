//! The specification's `WasmResourceTracker`: Wasmtime's `ResourceLimiter` over the byte ledger.
//!
//! It counts the linear memories of a store together, and its table elements separately. A refusal changes only the
//! failure counter and the store's `denied` mark.

use super::denied_growth::{DeniedGrowth, OnDenied};
use super::observed::Observed;
use crate::engine::{CORE_INSTANCES, MEMORIES, TABLES};
use crate::error::{LIMITED_BY_SYSTEM, LIMITED_BY_TABLES};
use riptide_wasm_accounting::Account;
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Wasmtime's message for a growth beyond the memory's own type. It is the only growth failure without a call of
/// `memory_growing` before it, so there are no bytes to give back.
const EXCEEDS_TYPE: &str = "memory growth exceeds memory type's limits";

/// The limiter of one store.
pub(crate) struct Limiter {
    account: Arc<Account>,
    on_denied: Option<OnDenied>,
    /// Bytes of the last growth granted, until another is asked for.
    granted: u64,
    /// Elements of all tables, and the most there may be.
    elements: u64,
    max_elements: u64,
    /// Elements of the last growth granted, until another is asked for.
    granted_elements: u64,
    observed: Arc<Observed>,
}

impl Limiter {
    pub(crate) fn new(
        account: Arc<Account>,
        max_elements: u64,
        on_denied: Option<OnDenied>,
        observed: Arc<Observed>,
    ) -> Limiter {
        Limiter {
            account,
            on_denied,
            granted: 0,
            elements: 0,
            max_elements,
            granted_elements: 0,
            observed,
        }
    }

    /// Gives back the bytes granted to an instance for which the system had no memory. Wasmtime calls
    /// `memory_grow_failed` for growths only, not for an instance that could not be made.
    pub(crate) fn start_failed(&mut self) {
        self.account.withdraw(std::mem::take(&mut self.granted));
    }

    fn refuse(&mut self, requested: u64, held: u64, limit: u64, by: &'static str) {
        let denied = DeniedGrowth {
            requested,
            held,
            limit,
            by,
            count: 1,
        };
        self.observed.deny(denied);
        if let Some(on_denied) = &self.on_denied {
            on_denied(denied);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.account.count_request();
        self.granted = 0;
        let requested = (desired as u64).saturating_sub(current as u64);
        if let Some(maximum) = maximum
            && desired > maximum
        {
            self.account.count_failure(None);
            self.refuse(requested, current as u64, maximum as u64, "memory type");
            return Ok(false);
        }
        match self.account.reserve(requested) {
            Ok(()) => {
                self.granted = requested;
                Ok(true)
            }
            Err(refusal) => {
                self.account.count_failure(Some(refusal.scope));
                self.refuse(
                    requested,
                    refusal.held,
                    refusal.limit,
                    refusal.scope.as_str(),
                );
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let unannounced = error.to_string() == EXCEEDS_TYPE;
        let requested = if unannounced {
            self.account.count_request();
            0
        } else {
            std::mem::take(&mut self.granted)
        };
        self.account.withdraw(requested);
        self.account.count_failure(None);
        let by = if unannounced {
            "memory type"
        } else {
            LIMITED_BY_SYSTEM
        };
        self.refuse(requested, self.account.held(), self.account.limit(), by);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let requested = (desired as u64).saturating_sub(current as u64);
        self.granted_elements = 0;
        // Checked first: with pooled tables, the engine's limit is a table's `maximum` as well.
        if requested > self.max_elements - self.elements {
            self.refuse(
                requested,
                self.elements,
                self.max_elements,
                LIMITED_BY_TABLES,
            );
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false); // the guest's own limit
        }
        self.elements += requested;
        self.granted_elements = requested;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements -= std::mem::take(&mut self.granted_elements);
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::PAGE_BYTES;
    use riptide_wasm_accounting::{Lease, Scope};

    const LIMIT: u64 = 4 * PAGE_BYTES;

    fn limiter() -> (Lease, Limiter) {
        let engine = Arc::new(Account::new(Scope::Engine, u64::MAX, None));
        let lease = Lease::new(LIMIT, engine);
        let limiter = Limiter::new(lease.account().clone(), 100, None, Arc::default());
        (lease, limiter)
    }

    fn grow(limiter: &mut Limiter, from: u64, to: u64) -> bool {
        let page = PAGE_BYTES as usize;
        limiter
            .memory_growing(from as usize * page, to as usize * page, Some(usize::MAX))
            .expect("the limiter itself never fails")
    }

    #[test]
    fn memories_of_one_store_share_its_limit() {
        let (lease, mut limiter) = limiter();
        assert!(grow(&mut limiter, 0, 2));
        assert!(grow(&mut limiter, 0, 2));
        assert!(!grow(&mut limiter, 2, 3));
        assert_eq!(lease.account().held(), LIMIT);
        assert_eq!(
            (lease.account().requests(), lease.account().failures()),
            (3, 1)
        );
    }

    #[test]
    fn tables_of_one_store_share_their_limit() {
        let (_lease, mut limiter) = limiter();
        let mut grow = |from, to, most| limiter.table_growing(from, to, most).expect("never fails");
        assert!(grow(0, 60, None));
        assert!(!grow(0, 41, None));
        assert!(!grow(0, 9, Some(8)));
        assert!(grow(0, 40, Some(40)));
        limiter
            .table_grow_failed(wasmtime::format_err!("no memory"))
            .expect("never fails");
        assert_eq!(limiter.elements, 60);
        let denied = limiter.observed.denied();
        assert_eq!(denied.map(|denied| denied.by), Some(LIMITED_BY_TABLES));
    }

    #[test]
    fn a_growth_that_the_system_fails_gives_back_what_was_granted_once() {
        let (lease, mut limiter) = limiter();
        assert!(grow(&mut limiter, 0, 1));
        assert!(grow(&mut limiter, 1, 3));
        limiter
            .memory_grow_failed(wasmtime::format_err!("no memory"))
            .expect("never fails");
        assert_eq!(lease.account().held(), PAGE_BYTES);
        limiter
            .memory_grow_failed(wasmtime::format_err!("no memory"))
            .expect("never fails");
        assert_eq!(lease.account().held(), PAGE_BYTES);
    }

    #[test]
    fn wasmtime_still_words_the_unannounced_failure_as_this_file_expects() {
        let engine = wasmtime::Engine::default();
        let wasm = wat::parse_str("(module (memory 1) (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0))))")
            .expect("valid text");
        let module = wasmtime::Module::new(&engine, wasm).expect("valid module");
        let (lease, limiter) = limiter();
        let mut store = wasmtime::Store::new(&engine, limiter);
        store.limiter(|limiter| limiter);
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).expect("within the limit");
        let function = instance
            .get_typed_func::<i32, i32>(&mut store, "grow")
            .expect("exported");
        assert_eq!(function.call(&mut store, 1).expect("granted"), 1);
        // 65,535 more pages than two: beyond any 32-bit memory.
        assert_eq!(
            function.call(&mut store, 65_535).expect("refused, no trap"),
            -1
        );
        assert_eq!(lease.account().held(), 2 * PAGE_BYTES);
        assert_eq!(lease.account().failures(), 1);
        assert_eq!(lease.account().requests(), 3);
    }
}
