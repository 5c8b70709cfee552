//! How many background guests may run at once beside short calls.
//!
//! The system shares a core among threads in slices longer than a short call, whatever their priorities. So background
//! guests run only on the cores that short calls leave free.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the share of short calls is measured.
const WINDOW: Duration = Duration::from_millis(10);

pub(crate) struct BackgroundQuota {
    cores: usize,
    /// Nanoseconds that short calls have computed.
    short: AtomicU64,
    window: Mutex<Window>,
}

struct Window {
    began: Instant,
    short: u64,
    allowed: usize,
}

impl BackgroundQuota {
    pub(crate) fn new(cores: usize) -> BackgroundQuota {
        BackgroundQuota {
            cores,
            short: AtomicU64::new(0),
            window: Mutex::new(Window {
                began: Instant::now(),
                short: 0,
                allowed: cores,
            }),
        }
    }

    /// Adds time that short calls computed.
    pub(crate) fn note_short(&self, time: Duration) {
        self.short
            .fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// How many background guests may run now: at least one.
    pub(crate) fn allowed(&self, now: Instant) -> usize {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(window.began);
        if passed >= WINDOW {
            let short = self.short.load(Ordering::Relaxed);
            let used = (short - window.short) as f64 / passed.as_nanos() as f64;
            let free = self.cores as f64 - used;
            *window = Window {
                began: now,
                short,
                allowed: (free.round() as usize).max(1),
            };
        }
        window.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_guests_get_the_cores_that_short_calls_leave() {
        let quota = BackgroundQuota::new(4);
        let mut now = Instant::now();
        for (used, allowed) in [(0, 4), (3, 4), (9, 3), (21, 2), (80, 1), (0, 4)] {
            quota.note_short(Duration::from_millis(used));
            now += WINDOW + Duration::from_millis(1);
            assert_eq!(quota.allowed(now), allowed, "{used} ms used");
            quota.note_short(Duration::ZERO);
            assert_eq!(quota.allowed(now), allowed, "the same within a window");
        }
    }
}
