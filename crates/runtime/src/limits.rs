//! The specification's `WasmResourceTracker`: Wasmtime's `ResourceLimiter` over the byte ledger.
//!
//! Counted are linear memories, all of a store together. A refusal changes the failure counter and
//! the store's `denied` mark, nothing else.

use crate::error::{Error, ErrorCode};
use riptide_wasm_accounting::{Account, Refusal, Scope};
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 64 * 1024;

/// Elements of one table. Wasmtime's default of 20,000 is exceeded by large guests of languages
/// with many function pointers; at eight bytes each this is below 1 MiB a table.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 100_000;

/// What Wasmtime says of a growth that the memory's own type excludes. It is the one growth failure
/// that was never announced through `memory_growing`, so no bytes are to be given back for it.
const EXCEEDS_TYPE: &str = "memory growth exceeds memory type's limits";

/// The tracker's numbers at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackerSnapshot {
    /// Bytes held now.
    pub current_bytes: u64,
    /// Pages of 64 KiB held now, rounded up.
    pub current_pages: u64,
    /// The most pages held at once.
    pub peak_pages: u64,
    /// Pages that may be held at most.
    pub max_pages: u64,
    /// Growths refused by a limit, or failed by the system.
    pub grow_failures: u64,
    /// Growths asked for.
    pub grow_requests: u64,
    /// Whether the engine accepts SIMD code.
    pub simd_enabled: bool,
    /// Whether compiled code is cached.
    pub aot_cache_enabled: bool,
}

impl TrackerSnapshot {
    pub(crate) fn of(
        account: &Account,
        max_bytes: u64,
        simd_enabled: bool,
        aot_cache_enabled: bool,
    ) -> Self {
        TrackerSnapshot {
            current_bytes: account.held(),
            current_pages: account.held().div_ceil(PAGE_BYTES),
            peak_pages: account.peak().div_ceil(PAGE_BYTES),
            max_pages: max_bytes.div_ceil(PAGE_BYTES),
            grow_failures: account.failures(),
            grow_requests: account.requests(),
            simd_enabled,
            aot_cache_enabled,
        }
    }
}

/// A growth that was not granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Denied {
    requested: u64,
    held: u64,
    limit: u64,
    by: &'static str,
}

impl Denied {
    /// The failure that a guest ends with when it could not go on without the memory.
    pub(crate) fn to_error(self) -> Error {
        let Denied {
            requested,
            held,
            limit,
            by,
        } = self;
        Error::new(
            ErrorCode::MemoryLimit,
            format!("the guest asked for {requested} bytes of memory on top of {held} held; the limit of the {by} is {limit}"),
        )
        .number("requestedBytes", requested as f64)
        .number("heldBytes", held as f64)
        .number("limitBytes", limit as f64)
        .text("limitedBy", by)
    }
}

/// The limiter of one store.
pub(crate) struct Limiter {
    account: Arc<Account>,
    /// Bytes of the last growth granted, until another is asked for.
    granted: u64,
    denied: Option<Denied>,
}

impl Limiter {
    pub(crate) fn new(account: Arc<Account>) -> Limiter {
        Limiter {
            account,
            granted: 0,
            denied: None,
        }
    }

    /// Forgets an earlier refusal: it says nothing about the call that begins now.
    pub(crate) fn begin_call(&mut self) {
        self.denied = None;
    }

    pub(crate) fn denied(&self) -> Option<Denied> {
        self.denied
    }

    fn refuse(&mut self, denied: Denied) {
        self.account.count_failure();
        self.denied = Some(denied);
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
            self.refuse(Denied {
                requested,
                held: current as u64,
                limit: maximum as u64,
                by: "memory type",
            });
            return Ok(false);
        }
        match self.account.reserve(requested) {
            Ok(()) => {
                self.granted = requested;
                Ok(true)
            }
            Err(Refusal {
                requested,
                held,
                limit,
                scope,
            }) => {
                self.refuse(Denied {
                    requested,
                    held,
                    limit,
                    by: scope.as_str(),
                });
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let unannounced = error.to_string() == EXCEEDS_TYPE;
        let requested = if unannounced {
            0
        } else {
            std::mem::take(&mut self.granted)
        };
        if unannounced {
            self.account.count_request();
        }
        self.account.release(requested);
        let held = self.account.held();
        self.refuse(Denied {
            requested,
            held,
            limit: self.account.limit(),
            by: if unannounced { "memory type" } else { "system" },
        });
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS && maximum.is_none_or(|maximum| desired <= maximum))
    }
}

/// The account of everything in this process, which engines with metrics on stand under.
pub(crate) fn process_account() -> &'static Arc<Account> {
    static PROCESS: std::sync::LazyLock<Arc<Account>> =
        std::sync::LazyLock::new(|| Arc::new(Account::new(Scope::Process, u64::MAX, None)));
    &PROCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use riptide_wasm_accounting::Lease;

    const LIMIT: u64 = 4 * PAGE_BYTES;

    fn limiter() -> (Lease, Limiter) {
        let engine = Arc::new(Account::new(Scope::Engine, u64::MAX, None));
        let lease = Lease::new(LIMIT, engine);
        let limiter = Limiter::new(lease.account().clone());
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
