//! Two guesses from a pool's recent calls: whether the next one is so short that it is not worth another thread, and
//! whether it may be so long that it must queue behind the calls of other pools.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The longest very short call: for such a call, waking another worker costs more than waiting.
const VERY_SHORT: Duration = Duration::from_micros(3);

/// The highest score. From half of it on, the next call is expected to be very short.
const MAX_SCORE: u32 = 1_000;

/// What one call that is not very short takes from the score. Not all of it: a thread may lose its core in the middle
/// of any call.
const PENALTY: u32 = MAX_SCORE / 10;

/// Good short calls after which a long or failed one no longer matters.
const PROBATION: u32 = 16;

/// A score of how likely the pool's next call is very short.
#[derive(Debug, Default)]
pub(crate) struct ShortCallScore(AtomicU32);

impl ShortCallScore {
    /// Counts a call that kept its runner for `took`.
    pub(crate) fn note(&self, took: Duration) {
        let before = self.0.load(Ordering::Relaxed);
        let after = if took > VERY_SHORT {
            before.saturating_sub(PENALTY)
        } else {
            (before + 1).min(MAX_SCORE)
        };
        if after != before {
            self.0.store(after, Ordering::Relaxed);
        }
    }

    /// Resets the score, since a guest sleeps or waits for its host: short calls are no longer expected.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the next call is expected to be very short.
    pub(crate) fn expects_short(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MAX_SCORE / 2
    }
}

/// Whether the pool's calls begin in the background, behind those of other pools. Above zero after a call was long or
/// failed.
#[derive(Debug, Default)]
pub(crate) struct Demotion(AtomicU32);

impl Demotion {
    /// Notes a call that is long or failed.
    pub(crate) fn demote(&self) {
        self.0.store(PROBATION, Ordering::Relaxed);
    }

    /// Notes a call that was short and good.
    pub(crate) fn note_good(&self) {
        if self.is_demoted() {
            let less = |left: u32| Some(left.saturating_sub(1));
            let _ = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    pub(crate) fn is_demoted(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_expected_to_be_short_after_many_that_were_and_not_after_a_few_that_were_not() {
        let score = ShortCallScore::default();
        for _ in 0..MAX_SCORE / 2 {
            assert!(!score.expects_short());
            score.note(VERY_SHORT);
        }
        assert!(score.expects_short());
        for _ in 0..2 * MAX_SCORE {
            score.note(Duration::ZERO);
        }
        let longer = VERY_SHORT + Duration::from_nanos(1);
        for _ in 0..5 {
            score.note(longer);
            assert!(score.expects_short());
        }
        score.note(longer);
        assert!(!score.expects_short());
        for _ in 0..MAX_SCORE {
            score.note(VERY_SHORT);
        }
        score.reset();
        assert!(!score.expects_short());
    }

    #[test]
    fn a_pool_is_demoted_until_enough_good_calls_followed() {
        let demotion = Demotion::default();
        assert!(!demotion.is_demoted());
        demotion.note_good();
        demotion.demote();
        for _ in 0..PROBATION {
            assert!(demotion.is_demoted());
            demotion.note_good();
        }
        assert!(!demotion.is_demoted());
    }
}
