//! What an instance counts: the only thing it keeps from one call to the next.

use std::cell::Cell;

thread_local! {
    static EXTRACTIONS: Cell<u32> = const { Cell::new(0) };
    static FAILURES: Cell<u32> = const { Cell::new(0) };
}

/// Extractions and, among them, failures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Extractions begun since the last reset.
    pub(crate) extractions: u32,
    /// Those that ended in an error.
    pub(crate) failures: u32,
}

/// Counts one extraction.
pub(crate) fn count(failed: bool) {
    EXTRACTIONS.set(EXTRACTIONS.get().saturating_add(1));
    FAILURES.set(FAILURES.get().saturating_add(u32::from(failed)));
}

/// The counters now.
pub(crate) fn read() -> Counters {
    Counters {
        extractions: EXTRACTIONS.get(),
        failures: FAILURES.get(),
    }
}

/// Sets the counters to zero; returns what they held.
pub(crate) fn reset() -> Counters {
    Counters {
        extractions: EXTRACTIONS.replace(0),
        failures: FAILURES.replace(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_returns_what_was_counted() {
        reset();
        count(false);
        count(true);
        let held = Counters {
            extractions: 2,
            failures: 1,
        };
        assert_eq!(read(), held);
        assert_eq!(reset(), held);
        assert_eq!(read().extractions, 0);
    }
}
