//! A growth of memory or tables that a limit denied.

use crate::error::{Error, ErrorCode, LIMITED_BY_TABLES};
use std::sync::Arc;

/// The last growth that was denied, and how many were denied since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeniedGrowth {
    /// Bytes asked for on top of those held.
    pub requested: u64,
    /// Bytes held under the limit that denied the growth.
    pub held: u64,
    /// That limit, in bytes.
    pub limit: u64,
    /// The kind of limit: `instance`, `pool`, `engine`, `memory type`, `system`, or `tables`, for which the numbers are
    /// elements and not bytes.
    pub by: &'static str,
    /// Growths denied since the last report, this one included.
    pub count: u64,
}

/// Called with each growth that is denied, on the thread that runs the guest.
pub(crate) type OnDenied = Arc<dyn Fn(DeniedGrowth) + Send + Sync>;

impl DeniedGrowth {
    /// The failure that a guest ends with when it could not go on without the growth.
    pub(crate) fn to_error(self) -> Error {
        let DeniedGrowth {
            requested,
            held,
            limit,
            by,
            ..
        } = self;
        let message = if by == LIMITED_BY_TABLES {
            format!(
                "the guest asked for {requested} table elements on top of {held} held; the limit is {limit}"
            )
        } else {
            format!(
                "the guest asked for {requested} bytes of memory on top of {held} held; the limit of the {by} is {limit}"
            )
        };
        self.describe(Error::new(ErrorCode::MemoryLimit, message))
    }

    /// Adds the growth to a failure, and how many were denied.
    pub(crate) fn describe(self, error: Error) -> Error {
        let [requested, held, limit] = if self.by == LIMITED_BY_TABLES {
            ["requestedElements", "heldElements", "limitElements"]
        } else {
            ["requestedBytes", "heldBytes", "limitBytes"]
        };
        error
            .number("growthsDenied", self.count as f64)
            .number(requested, self.requested as f64)
            .number(held, self.held as f64)
            .number(limit, self.limit as f64)
            .text("limitedBy", self.by)
    }
}
