//! What was measured of one call in its instance.

use super::observed::Observed;
use super::output::Written;
use riptide_wasm_accounting::Account;

/// Fuel of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fuel {
    /// Fuel that the guest used.
    pub consumed: u64,
    /// Fuel that was left; `None` without a limit.
    pub remaining: Option<u64>,
}

/// What an instance measured of a call.
#[derive(Default)]
pub(crate) struct Measurement {
    pub(crate) fuel: Option<Fuel>,
    pub(crate) bytes_before: u64,
    pub(crate) bytes_after: u64,
    pub(crate) bytes_peak: u64,
    pub(crate) written: Written,
}

impl Measurement {
    /// The measurement of a call that has just ended, in a store with this account.
    pub(crate) fn of(
        observed: &Observed,
        account: &Account,
        bytes_before: u64,
        fuel: Option<Fuel>,
    ) -> Measurement {
        Measurement {
            fuel,
            bytes_before,
            bytes_after: account.held(),
            bytes_peak: account.peak(),
            written: observed.written(),
        }
    }
}
