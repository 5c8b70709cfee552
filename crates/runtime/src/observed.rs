//! What a failure tells of the guest beside itself: the growths it was denied in the call, and what it wrote.
//! Whoever ends the call from another thread tells it, too.

use crate::error::{Error, ErrorCode};
use crate::events::DeniedGrowth;
use crate::output::{Output, Written};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is observed of the call that a store is in.
#[derive(Default)]
pub(crate) struct Observed {
    denied: Mutex<Option<DeniedGrowth>>,
    /// None where the store has no WASI.
    output: Option<Output>,
}

impl Observed {
    pub(crate) fn new(output: Option<Output>) -> Observed {
        Observed {
            denied: Mutex::default(),
            output,
        }
    }

    /// Forgets what belongs to an earlier call: it says nothing about the one that begins now.
    pub(crate) fn begin_call(&self) {
        *self.lock() = None;
        if let Some(output) = &self.output {
            output.forget();
        }
    }

    pub(crate) fn deny(&self, denied: DeniedGrowth) {
        let mut last = self.lock();
        let count = last.map_or(0, |last| last.count) + denied.count;
        *last = Some(DeniedGrowth { count, ..denied });
    }

    /// The last growth that was denied in this call, with how many were.
    pub(crate) fn denied(&self) -> Option<DeniedGrowth> {
        *self.lock()
    }

    /// What the guest wrote in this call.
    pub(crate) fn written(&self) -> Written {
        self.output
            .as_ref()
            .map(Output::written)
            .unwrap_or_default()
    }

    /// Adds what was observed to a failure.
    pub(crate) fn describe(&self, mut error: Error) -> Error {
        let ended = matches!(
            error.code,
            ErrorCode::Timeout | ErrorCode::OutOfFuel | ErrorCode::Aborted | ErrorCode::Exit
        );
        if let Some(denied) = self.denied().filter(|_| ended) {
            error = denied.describe(error);
        }
        let Written { stdout, stderr } = self.written();
        let streams = [
            ("stdout", "stdoutBytes", stdout),
            ("stderr", "stderrBytes", stderr),
        ];
        for (text, bytes, kept) in streams {
            // The output is what an exit is about.
            if error.code == ErrorCode::Exit || !kept.bytes.is_empty() {
                error = error.text(text, kept.text()).bytes(bytes, kept.bytes);
            }
        }
        error
    }

    fn lock(&self) -> MutexGuard<'_, Option<DeniedGrowth>> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
