//! What a failure reports of the guest's call besides its cause: the growths that were denied, and the guest's output.
//! A failure that ends the call from another thread (timeout, abort) reports the same.

use super::denied_growth::DeniedGrowth;
use super::output::{Output, Written};
use crate::error::{Error, ErrorCode};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is observed of the call that a store is in.
#[derive(Default)]
pub(crate) struct Observed {
    /// Held while a call is described, so that no other call begins meanwhile: one caller must not see the output of
    /// another one's call.
    call: Mutex<Current>,
    /// `None` if the store has no WASI.
    output: Option<Output>,
}

#[derive(Default)]
struct Current {
    /// The number of the call, 0 before the first.
    number: u64,
    denied: Option<DeniedGrowth>,
}

impl Observed {
    pub(crate) fn new(output: Option<Output>) -> Observed {
        Observed {
            call: Mutex::default(),
            output,
        }
    }

    /// Forgets what was observed of the call before, and returns the number of the call that begins.
    pub(crate) fn begin_call(&self) -> u64 {
        let mut call = lock(&self.call);
        call.number += 1;
        call.denied = None;
        if let Some(output) = &self.output {
            output.forget();
        }
        call.number
    }

    pub(crate) fn deny(&self, denied: DeniedGrowth) {
        let last = &mut lock(&self.call).denied;
        let count = last.map_or(0, |last| last.count) + denied.count;
        *last = Some(DeniedGrowth { count, ..denied });
    }

    /// The last growth that was denied in this call, with the number of those denied.
    pub(crate) fn denied(&self) -> Option<DeniedGrowth> {
        lock(&self.call).denied
    }

    /// What the guest wrote in this call.
    pub(crate) fn written(&self) -> Written {
        self.output
            .as_ref()
            .map(Output::written)
            .unwrap_or_default()
    }

    /// Like [`Observed::describe`], from another thread, for the call with this `number`. Adds nothing if another call
    /// has begun since.
    pub(crate) fn describe_call(&self, number: u64, error: Error) -> Error {
        let call = lock(&self.call);
        if call.number == number {
            self.describe_by(&call, error)
        } else {
            error
        }
    }

    /// Adds what was observed to a failure.
    pub(crate) fn describe(&self, error: Error) -> Error {
        self.describe_by(&lock(&self.call), error)
    }

    fn describe_by(&self, call: &Current, mut error: Error) -> Error {
        let ended = matches!(
            error.code,
            ErrorCode::Timeout | ErrorCode::OutOfFuel | ErrorCode::Aborted | ErrorCode::Exit
        );
        if let Some(denied) = call.denied.filter(|_| ended) {
            error = denied.describe(error);
        }
        let Written { stdout, stderr } = self.written();
        let streams = [
            ("stdout", "stdoutBytes", stdout),
            ("stderr", "stderrBytes", stderr),
        ];
        for (text, bytes, kept) in streams {
            // An exit always has its output, even if it is empty.
            if error.code == ErrorCode::Exit || !kept.bytes.is_empty() {
                error = error.text(text, kept.text()).bytes(bytes, kept.bytes);
            }
        }
        error
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_not_described_by_the_one_that_began_since() {
        let observed = Observed::new(None);
        let denied = DeniedGrowth {
            requested: 7,
            held: 1,
            limit: 2,
            by: "instance",
            count: 1,
        };
        let described = |number| {
            let error = Error::new(ErrorCode::Timeout, "late");
            !observed.describe_call(number, error).details.is_empty()
        };
        // The making of an instance is observed as number 0, before its first call.
        observed.deny(denied);
        assert!(described(0));
        let first = observed.begin_call();
        assert!(!described(first) && !described(0));
        observed.deny(denied);
        assert!(described(first));
        let second = observed.begin_call();
        observed.deny(denied);
        assert!(!described(first) && described(second));
    }
}
