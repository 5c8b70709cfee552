//! A clock that is cheap enough to read several times in a microsecond.
//!
//! On x86-64 it reads the processor's time stamp counter, which takes less than half as long as the system's clock. The
//! length of a tick comes from comparing both clocks at two moments. That needs no waiting: some time passes between
//! the first engine and the first use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// With this much time between two comparisons, the time that a reading takes no longer matters.
const EXACT: Duration = Duration::from_millis(10);

/// A tick's nanoseconds, in units of 2⁻³²; 0 until they are known exactly.
static SCALE: AtomicU64 = AtomicU64::new(0);

/// The first comparison.
static FIRST: OnceLock<Comparison> = OnceLock::new();

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(u64);

/// What both clocks showed at one moment.
#[derive(Debug)]
struct Comparison {
    ticks: u64,
    at: Instant,
}

/// Begins to compare the clocks.
pub(crate) fn begin() {
    FIRST.get_or_init(Comparison::make);
}

impl Timestamp {
    pub(crate) fn now() -> Timestamp {
        Timestamp(counter())
    }

    /// As a number, to be kept in an atomic.
    pub(crate) fn raw(self) -> u64 {
        self.0
    }

    /// From such a number.
    pub(crate) fn of(raw: u64) -> Timestamp {
        Timestamp(raw)
    }

    /// The time since then.
    pub(crate) fn elapsed(self) -> Duration {
        Timestamp::now().since(self)
    }

    /// The time from `earlier` to this; zero if `earlier` is later, since the counters of two cores may differ a
    /// little.
    pub(crate) fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// Like [`Timestamp::since`], in nanoseconds: making a `Duration` takes as long as reading the counter.
    pub(crate) fn nanos_since(self, earlier: Timestamp) -> u64 {
        let nanos = (u128::from(self.0.saturating_sub(earlier.0)) * u128::from(scale())) >> 32;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

fn scale() -> u64 {
    match SCALE.load(Relaxed) {
        0 => compare(),
        known => known,
    }
}

#[cold]
fn compare() -> u64 {
    let first = FIRST.get_or_init(Comparison::make);
    let now = Comparison::make();
    let passed = now.at.duration_since(first.at);
    let ticks = u128::from(now.ticks.saturating_sub(first.ticks)).max(1);
    let scale = u64::try_from((passed.as_nanos() << 32) / ticks).unwrap_or(u64::MAX);
    if passed >= EXACT {
        SCALE.store(scale, Relaxed);
    }
    scale
}

impl Comparison {
    /// The closest of five comparisons: a thread may lose its core between two readings.
    fn make() -> Comparison {
        let compared = |_| {
            let before = counter();
            let at = Instant::now();
            let after = counter();
            let ticks = before + after.saturating_sub(before) / 2;
            (after.wrapping_sub(before), Comparison { ticks, at })
        };
        let closest = (0..5).map(compared).min_by_key(|(apart, _)| *apart);
        closest.map_or_else(|| unreachable!("five are not none"), |(_, made)| made)
    }
}

#[cfg(target_arch = "x86_64")]
fn counter() -> u64 {
    /// Whether the counter runs at a constant rate, whatever its core does.
    static INVARIANT: OnceLock<bool> = OnceLock::new();
    let invariant = *INVARIANT.get_or_init(|| {
        const POWER: u32 = 0x8000_0007;
        let leaf = std::arch::x86_64::__cpuid;
        leaf(0x8000_0000).eax >= POWER && leaf(POWER).edx & (1 << 8) != 0
    });
    if invariant {
        // SAFETY: every x86-64 processor has the instruction.
        unsafe { std::arch::x86_64::_rdtsc() }
    } else {
        nanos()
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> u64 {
    nanos()
}

/// The system's clock, since its first reading.
fn nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_as_long_as_the_system_says() {
        begin();
        for round in 0..20 {
            let (ticks, instant) = (Timestamp::now(), Instant::now());
            std::thread::sleep(Duration::from_millis(5));
            let (by_ticks, by_system) = (ticks.elapsed(), instant.elapsed());
            let apart = by_ticks.abs_diff(by_system);
            // The thread may lose its core between the two readings, but not each time.
            if apart < by_system / 100 {
                return;
            }
            assert!(
                round < 19,
                "{by_ticks:?} by ticks, {by_system:?} by the system"
            );
        }
    }

    #[test]
    fn what_is_later_is_never_less_than_nothing() {
        let (earlier, later) = (Timestamp(1_000), Timestamp(2_000));
        assert!(later.since(earlier) > Duration::ZERO);
        assert_eq!(earlier.since(later), Duration::ZERO);
    }
}
