//! Limits of the values that the host builds for a guest, and where lifting finds them.

use crate::error::{Error, ErrorCode};
use std::cell::Cell;

/// Limits of the values lifted from one call's result, or from one host call's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of strings and number lists together.
    pub max_bytes: u64,
    /// Values, nested ones included; a list of numbers counts as one.
    pub max_values: u64,
}

/// Wasmtime's own default for what one host call may copy; the limits never take a store below it, since
/// WASI's functions draw on it as well.
const LEAST_HOSTCALL_FUEL: usize = 128 << 20;

thread_local! {
    /// The limits of the call that is running on this thread. Wasmtime lifts through static functions that
    /// see neither the caller nor the store's data, so the limits travel beside them: set around every poll
    /// of a call, put back when that poll ends, read once when a lift begins.
    static CURRENT: Cell<Limits> = const { Cell::new(Limits::DEFAULT) };
}

impl Limits {
    /// 64 MiB and four million values.
    pub const DEFAULT: Limits = Limits {
        max_bytes: 64 << 20,
        max_values: 4 << 20,
    };

    /// The hostcall fuel that a store needs, so that Wasmtime's own limit is never reached first.
    pub(super) fn hostcall_fuel(self) -> usize {
        usize::try_from(self.max_bytes)
            .unwrap_or(usize::MAX)
            .max(LEAST_HOSTCALL_FUEL)
    }

    /// Runs `body` under these limits.
    pub(super) fn scope<R>(self, body: impl FnOnce() -> R) -> R {
        struct Restore(Limits);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        body()
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// The rest of the limits during one lift.
pub(super) struct Budget {
    limits: Limits,
    bytes: u64,
    values: u64,
}

impl Budget {
    /// The budget of the call that is running on this thread.
    pub(super) fn current() -> Budget {
        let limits = CURRENT.get();
        Budget {
            limits,
            bytes: limits.max_bytes,
            values: limits.max_values,
        }
    }

    /// Takes `bytes` of strings or number lists.
    pub(super) fn take_bytes(&mut self, bytes: u64) -> Result<(), Box<Error>> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => {
                self.bytes = left;
                Ok(())
            }
            None => Err(too_large("maxResultBytes", self.limits.max_bytes, "bytes")),
        }
    }

    /// Takes `values`, before anything is allocated for them.
    pub(super) fn take_values(&mut self, values: usize) -> Result<(), Box<Error>> {
        match self.values.checked_sub(values as u64) {
            Some(left) => {
                self.values = left;
                Ok(())
            }
            None => Err(too_large(
                "maxResultValues",
                self.limits.max_values,
                "values",
            )),
        }
    }
}

#[cold]
fn too_large(option: &'static str, limit: u64, unit: &str) -> Box<Error> {
    let message = format!("the guest gives more than the {limit} {unit} that `{option}` allows");
    Box::new(
        Error::new(ErrorCode::ResultTooLarge, message)
            .number("limit", limit as f64)
            .text("option", option),
    )
}
