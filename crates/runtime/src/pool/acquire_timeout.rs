//! How long a request may wait for an instance.

use super::request::Request;
use crate::executor::deadlines::Expire;
use std::sync::Arc;
use std::time::Duration;

/// Ends a request's wait for an instance, after this time.
pub(crate) struct AcquireTimeout(pub(crate) Arc<Request>, pub(crate) Duration);

impl Expire for AcquireTimeout {
    fn is_over(&self) -> bool {
        !self.0.is_queued()
    }

    fn expire(&self) {
        self.0.give_up_waiting(self.1);
    }
}
