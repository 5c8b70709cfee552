//! Whether an instance is kept after a call.

use super::events::Reason;
use std::time::Duration;

/// Which instances are kept, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) min: u32,
    pub(crate) reuse: bool,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) max_uses: Option<u32>,
    pub(crate) recycle_above_bytes: Option<u64>,
}

impl Retention {
    /// Why an instance serves no further call, after `uses` good calls and with `held` bytes of memory. Returns `None` if
    /// the pool keeps it.
    pub(crate) fn over(&self, uses: u32, held: u64) -> Option<Reason> {
        if !self.reuse {
            return Some(Reason::Fresh);
        }
        if self.max_uses.is_some_and(|most| uses >= most) {
            return Some(Reason::MaxUses);
        }
        let too_large = self.recycle_above_bytes.is_some_and(|most| held > most);
        too_large.then_some(Reason::Recycled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_kept_until_it_served_enough_or_holds_too_much() {
        let retention = Retention {
            min: 0,
            reuse: true,
            idle_timeout: None,
            max_uses: Some(3),
            recycle_above_bytes: Some(100),
        };
        for (uses, held, over) in [
            (1, 0, None),
            (2, 100, None),
            (2, 101, Some(Reason::Recycled)),
            (3, 101, Some(Reason::MaxUses)),
            (4, 0, Some(Reason::MaxUses)),
        ] {
            assert_eq!(
                retention.over(uses, held),
                over,
                "{uses} uses, {held} bytes"
            );
        }
        let fresh = Retention {
            reuse: false,
            ..retention
        };
        assert_eq!(fresh.over(1, 0), Some(Reason::Fresh));
    }
}
