//! The specification's tracker: what an instance, a pool, an engine or the process holds, and how often growths failed.

use crate::units::pages;
use riptide_wasm_accounting::{Account, Scope};
use std::sync::{Arc, LazyLock};

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
    /// Growths of memory refused by a limit, or failed by the system.
    pub grow_failures: u64,
    /// Those of them that the engine's budget refused.
    pub budget_refusals: u64,
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
            current_pages: pages(account.held()),
            peak_pages: pages(account.peak()),
            max_pages: pages(max_bytes),
            grow_failures: account.failures(),
            budget_refusals: account.refusals(Scope::Engine),
            grow_requests: account.requests(),
            simd_enabled,
            aot_cache_enabled,
        }
    }
}

/// The account of the whole process: the parent of the accounts of all engines whose metrics are on.
pub(crate) fn process_account() -> &'static Arc<Account> {
    static PROCESS: LazyLock<Arc<Account>> =
        LazyLock::new(|| Arc::new(Account::new(Scope::Process, u64::MAX, None)));
    &PROCESS
}
