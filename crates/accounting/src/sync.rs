//! The standard library's atomics, or those of the model checker under `--cfg loom`.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[cfg(loom)]
pub(crate) use {
    loom::sync::{Arc, atomic::Ordering},
    searched::AtomicU64,
};

#[cfg(loom)]
mod searched {
    use super::Ordering;

    /// Loom's atomic, with every access announced by a write to a second one.
    ///
    /// Loom remembers only the last access to an object, so that a thread which loads and then
    /// writes (a compare-exchange loop) hides from the search that another has loaded in between
    /// (<https://github.com/tokio-rs/loom/issues/166>). Writes are never hidden. These are relaxed:
    /// they order nothing, and what a load may see is left to the load itself.
    #[derive(Debug)]
    pub(crate) struct AtomicU64 {
        announced: loom::sync::atomic::AtomicU64,
        value: loom::sync::atomic::AtomicU64,
    }

    impl AtomicU64 {
        pub(crate) fn new(value: u64) -> AtomicU64 {
            AtomicU64 {
                announced: loom::sync::atomic::AtomicU64::new(0),
                value: loom::sync::atomic::AtomicU64::new(value),
            }
        }

        fn announce(&self) {
            self.announced.fetch_add(1, Ordering::Relaxed);
        }

        /// A write sees the newest value, so that no more is to be searched than when it happens:
        /// right after its announcement.
        fn write<T>(&self, write: impl FnOnce(&loom::sync::atomic::AtomicU64) -> T) -> T {
            self.announce();
            loom::stop_exploring();
            let result = write(&self.value);
            loom::explore();
            result
        }

        pub(crate) fn load(&self, order: Ordering) -> u64 {
            self.announce();
            self.value.load(order)
        }

        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            self.write(|atomic| atomic.fetch_add(value, order))
        }

        pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
            self.write(|atomic| atomic.fetch_sub(value, order))
        }

        pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
            self.write(|atomic| atomic.fetch_max(value, order))
        }

        pub(crate) fn compare_exchange_weak(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            self.write(|atomic| atomic.compare_exchange(current, new, success, failure))
        }
    }
}
