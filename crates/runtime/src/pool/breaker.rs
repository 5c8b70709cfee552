//! A pool's circuit breaker: if too many calls fail, it refuses calls for a while, and then lets one call try whether
//! the guest works again.

use super::events::{BreakerState, Event, Events};
use crate::error::{Error, ErrorCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a breaker opens, and for how long.
#[derive(Clone, Debug)]
pub struct BreakerOptions {
    /// The breaker opens if more than this percentage of the calls in the window failed.
    pub error_threshold_percentage: f64,
    /// The fewest calls in the window with which the breaker opens.
    pub volume_threshold: u32,
    /// How long it stays open before one call tries again.
    pub reset_timeout: Duration,
    /// The window that calls are counted over.
    pub rolling_count_timeout: Duration,
    /// The number of steps in which the window moves.
    pub rolling_count_buckets: u32,
    /// Errors that count as successes, because the guest works and only refuses.
    pub error_filter: Vec<ErrorCode>,
}

/// A breaker's numbers at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerStats {
    /// Whether calls pass.
    pub state: BreakerState,
    /// Time until a call may try again; zero if one may now.
    pub reset: Duration,
    /// Calls in the window that did not fail.
    pub successes: u64,
    /// Calls in the window that failed.
    pub failures: u64,
    /// Calls refused so far.
    pub rejected: u64,
    /// How often it opened.
    pub opened: u64,
}

pub(crate) struct Breaker {
    options: BreakerOptions,
    events: Arc<Events>,
    inner: Mutex<Inner>,
}

struct Inner {
    state: BreakerState,
    opened_at: Instant,
    /// Whether a call is trying now, in the half-open state.
    probing: bool,
    /// Grows with each change of state: calls admitted before the change no longer count.
    generation: u64,
    buckets: Vec<Bucket>,
    /// Steps of the window since `epoch`; the current bucket is this, modulo the number of buckets.
    step: u64,
    epoch: Instant,
    rejected: u64,
    opened: u64,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    successes: u64,
    failures: u64,
}

/// How a call that the breaker admitted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Success,
    Failure,
    /// It says nothing about the guest.
    Neither,
}

impl Verdict {
    /// The verdict on a call that ended well, or with this error. Refusals and the caller's mistakes say nothing about
    /// the guest. `filter`: errors that count as successes.
    fn of(code: Option<ErrorCode>, filter: &[ErrorCode]) -> Verdict {
        match code {
            None => Verdict::Success,
            Some(
                ErrorCode::Aborted
                | ErrorCode::AcquireTimeout
                | ErrorCode::BadArgument
                | ErrorCode::BreakerOpen
                | ErrorCode::Busy
                | ErrorCode::Closed
                | ErrorCode::QueueFull
                | ErrorCode::Reentrant,
            ) => Verdict::Neither,
            Some(code) if filter.contains(&code) => Verdict::Success,
            Some(_) => Verdict::Failure,
        }
    }
}

/// The permit of one call. Dropped without a verdict, it counts as neither success nor failure.
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    generation: u64,
    probe: bool,
}

impl Permit {
    /// Records that the call ended well, or with this error.
    pub(crate) fn record(self, code: Option<ErrorCode>) {
        let verdict = Verdict::of(code, &self.breaker.options.error_filter);
        if verdict != Verdict::Neither {
            self.breaker.record(self.generation, self.probe, verdict);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Does nothing if a verdict was recorded: that began another generation.
        if self.probe {
            self.breaker.give_up(self.generation);
        }
    }
}

impl Breaker {
    pub(crate) fn new(options: BreakerOptions, events: Arc<Events>) -> Breaker {
        let now = Instant::now();
        let buckets = options.rolling_count_buckets.max(1) as usize;
        Breaker {
            options,
            events,
            inner: Mutex::new(Inner {
                state: BreakerState::Closed,
                opened_at: now,
                probing: false,
                generation: 0,
                buckets: vec![Bucket::default(); buckets],
                step: 0,
                epoch: now,
                rejected: 0,
                opened: 0,
            }),
        }
    }

    /// Admits a call, or returns why not.
    pub(crate) fn admit(self: &Arc<Breaker>) -> Result<Permit, Error> {
        let mut inner = self.lock();
        if inner.state == BreakerState::Open && self.left(&inner).is_zero() {
            self.change(&mut inner, BreakerState::HalfOpen);
        }
        let passes = match inner.state {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => !std::mem::replace(&mut inner.probing, true),
        };
        if passes {
            return Ok(Permit {
                breaker: self.clone(),
                generation: inner.generation,
                probe: inner.state == BreakerState::HalfOpen,
            });
        }
        inner.rejected += 1;
        let reset = self.left(&inner).as_secs_f64() * 1e3;
        let state = inner.state.as_str();
        Err(Error::new(
            ErrorCode::BreakerOpen,
            format!("too many calls of this pool failed: the breaker is {state} for another {reset:.0} ms"),
        )
        .number("resetMillis", reset)
        .text("state", state))
    }

    pub(crate) fn stats(&self) -> BreakerStats {
        let mut inner = self.lock();
        self.move_on(&mut inner);
        let (successes, failures) = inner.counts();
        let (state, reset) = match inner.state {
            BreakerState::Open => match self.left(&inner) {
                // The next call will try. The breaker itself changes state only when that call comes.
                Duration::ZERO => (BreakerState::HalfOpen, Duration::ZERO),
                left => (BreakerState::Open, left),
            },
            state => (state, Duration::ZERO),
        };
        BreakerStats {
            state,
            reset,
            successes,
            failures,
            rejected: inner.rejected,
            opened: inner.opened,
        }
    }

    fn record(&self, generation: u64, probe: bool, verdict: Verdict) {
        let mut inner = self.lock();
        if inner.generation != generation {
            return;
        }
        if probe {
            let next = match verdict {
                Verdict::Success => BreakerState::Closed,
                _ => BreakerState::Open,
            };
            return self.change(&mut inner, next);
        }
        self.move_on(&mut inner);
        let now = (inner.step % inner.buckets.len() as u64) as usize;
        if verdict == Verdict::Success {
            inner.buckets[now].successes += 1;
            return;
        }
        inner.buckets[now].failures += 1;
        let (successes, failures) = inner.counts();
        let total = successes + failures;
        let share = failures as f64 * 100.0 / total as f64;
        if total >= u64::from(self.options.volume_threshold)
            && share > self.options.error_threshold_percentage
        {
            self.change(&mut inner, BreakerState::Open);
        }
    }

    /// The call that was trying ended without a verdict: the next one tries.
    fn give_up(&self, generation: u64) {
        let mut inner = self.lock();
        if inner.generation == generation {
            inner.probing = false;
        }
    }

    fn change(&self, inner: &mut Inner, state: BreakerState) {
        inner.state = state;
        inner.generation += 1;
        inner.probing = false;
        match state {
            BreakerState::Open => {
                inner.opened_at = Instant::now();
                inner.opened += 1;
            }
            BreakerState::Closed => inner.buckets.fill(Bucket::default()),
            BreakerState::HalfOpen => {}
        }
        // Emitted under the lock, so that the listener gets the changes in order.
        self.events.emit(Event::Breaker(state));
    }

    fn left(&self, inner: &Inner) -> Duration {
        self.options
            .reset_timeout
            .saturating_sub(inner.opened_at.elapsed())
    }

    /// Moves the window to now, and empties the buckets that left it.
    fn move_on(&self, inner: &mut Inner) {
        let length = inner.buckets.len() as u64;
        let width = (self.options.rolling_count_timeout.as_nanos() / u128::from(length)).max(1);
        let step = (inner.epoch.elapsed().as_nanos() / width) as u64;
        for passed in (inner.step + 1..=step).take(length as usize) {
            inner.buckets[(passed % length) as usize] = Bucket::default();
        }
        inner.step = step;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn counts(&self) -> (u64, u64) {
        self.buckets.iter().fold((0, 0), |(good, bad), bucket| {
            (good + bucket.successes, bad + bucket.failures)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(reset: Duration) -> Arc<Breaker> {
        let options = BreakerOptions {
            error_threshold_percentage: 50.0,
            volume_threshold: 4,
            reset_timeout: reset,
            rolling_count_timeout: Duration::from_secs(60),
            rolling_count_buckets: 6,
            error_filter: vec![ErrorCode::Guest, ErrorCode::Aborted],
        };
        Arc::new(Breaker::new(options, Arc::default()))
    }

    const FAILURE: Option<ErrorCode> = Some(ErrorCode::Trap);
    const NEITHER: Option<ErrorCode> = Some(ErrorCode::Aborted);

    fn end(breaker: &Arc<Breaker>, code: Option<ErrorCode>) {
        breaker.admit().expect("it passes").record(code);
    }

    fn state(breaker: &Breaker) -> BreakerState {
        breaker.stats().state
    }

    #[test]
    fn it_opens_above_the_share_and_not_before_the_volume() {
        let breaker = breaker(Duration::from_secs(60));
        end(&breaker, FAILURE);
        end(&breaker, FAILURE);
        end(&breaker, NEITHER);
        assert_eq!(state(&breaker), BreakerState::Closed);
        end(&breaker, None);
        end(&breaker, None);
        assert_eq!(state(&breaker), BreakerState::Closed); // half of four is not more than half
        end(&breaker, FAILURE);
        assert_eq!(state(&breaker), BreakerState::Open);
        let refusal = breaker.admit().err().expect("refused");
        assert_eq!(refusal.code, ErrorCode::BreakerOpen);
        assert!(breaker.stats().reset > Duration::from_secs(59));
        assert_eq!((breaker.stats().rejected, breaker.stats().opened), (1, 1));
    }

    fn opened(reset: Duration) -> Arc<Breaker> {
        let breaker = breaker(reset);
        for _ in 0..4 {
            end(&breaker, FAILURE);
        }
        breaker
    }

    #[test]
    fn exactly_one_of_many_tries() {
        let breaker = opened(Duration::ZERO);
        let passed: Vec<Permit> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..64)
                .map(|_| scope.spawn(|| breaker.admit().ok()))
                .collect();
            callers
                .into_iter()
                .filter_map(|caller| caller.join().expect("no panic"))
                .collect()
        });
        assert_eq!(passed.len(), 1);
        assert_eq!(state(&breaker), BreakerState::HalfOpen);
        passed.into_iter().for_each(|permit| permit.record(None));
        assert_eq!(state(&breaker), BreakerState::Closed);
        assert_eq!(
            (breaker.stats().successes, breaker.stats().failures),
            (0, 0)
        );
    }

    #[test]
    fn a_try_that_fails_opens_it_again_and_one_that_says_nothing_leaves_it_to_the_next() {
        let breaker = opened(Duration::ZERO);
        breaker.admit().expect("the try").record(NEITHER);
        drop(breaker.admit().expect("another try"));
        breaker.admit().expect("and another").record(FAILURE);
        // Its time is up at once: the next call would try again.
        assert_eq!(
            (state(&breaker), breaker.stats().opened),
            (BreakerState::HalfOpen, 2)
        );
    }

    #[test]
    fn what_began_before_a_change_does_not_count_after_it() {
        let breaker = breaker(Duration::ZERO);
        let before = breaker.admit().expect("closed");
        for _ in 0..4 {
            end(&breaker, FAILURE);
        }
        let probe = breaker.admit().expect("the try");
        before.record(None);
        assert_eq!(state(&breaker), BreakerState::HalfOpen);
        probe.record(None);
        assert_eq!(state(&breaker), BreakerState::Closed);
    }

    #[test]
    fn what_left_the_window_is_forgotten() {
        let mut breaker = Breaker::new(
            BreakerOptions {
                error_threshold_percentage: 50.0,
                volume_threshold: 1,
                reset_timeout: Duration::ZERO,
                rolling_count_timeout: Duration::from_secs(60),
                rolling_count_buckets: 6,
                error_filter: Vec::new(),
            },
            Arc::default(),
        );
        let inner = breaker.inner.get_mut().expect("not poisoned");
        inner.buckets[0].failures = 3;
        inner.epoch -= Duration::from_secs(59);
        assert_eq!(breaker.stats().failures, 3);
        let inner = breaker.inner.get_mut().expect("not poisoned");
        inner.epoch -= Duration::from_secs(2);
        assert_eq!(breaker.stats().failures, 0);
    }
}
