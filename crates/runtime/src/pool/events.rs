//! The events of a pool, and the listener that receives them.

use crate::error::ErrorCode;
use crate::instance::DeniedGrowth;
use crate::named::named;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Something that happened in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Growths were denied: [`crate::pool::Pool::take_denied`] returns the last one and their number.
    GrowthDenied,
    /// An instance was made.
    InstanceCreated,
    /// An instance is gone.
    InstanceDestroyed(Reason),
    /// The breaker changed.
    Breaker(BreakerState),
}

/// Whether calls pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// One call may try whether the guest works again.
    HalfOpen,
}

impl BreakerState {
    /// The state as JavaScript sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "halfOpen",
        }
    }
}

named! {
    /// Why an instance is gone.
    pub enum Reason {
        /// Each call gets one of its own.
        Fresh = "fresh",
        /// It had served `maxUses` calls.
        MaxUses = "maxUses",
        /// It held more than `recycleAbovePages`.
        Recycled = "recycled",
        /// No call needed it for the pool's idle timeout.
        Idle = "idle",
        /// Its program exited, with whatever status.
        Exited = "exited",
        /// Its call failed or was ended.
        Failed = "failed",
        /// Its pool was closed.
        Closed = "closed",
    }
}

impl Reason {
    /// The reason for an instance whose call, or whose making, failed with this code.
    pub(crate) fn of(code: ErrorCode) -> Reason {
        match code {
            ErrorCode::Exit => Reason::Exited,
            _ => Reason::Failed,
        }
    }
}

impl Event {
    /// The bit that [`crate::pool::Pool::listen`] takes for this kind.
    pub fn bit(self) -> u32 {
        match self {
            Event::GrowthDenied => 1,
            Event::InstanceCreated => 2,
            Event::InstanceDestroyed(_) => 4,
            Event::Breaker(_) => 8,
        }
    }
}

/// Receives events, on any thread.
pub type Listener = Box<dyn Fn(Event) + Send + Sync>;

/// The events of one pool.
#[derive(Default)]
pub(crate) struct Events {
    listener: Option<Listener>,
    wanted: AtomicU32,
    denied: Mutex<Option<DeniedGrowth>>,
}

impl Events {
    pub(crate) fn new(listener: Option<Listener>) -> Events {
        Events {
            // All events until `listen` is called: a pool emits events before its caller can call that.
            wanted: AtomicU32::new(if listener.is_some() { u32::MAX } else { 0 }),
            listener,
            ..Events::default()
        }
    }

    /// Emits only events with these bits from now on.
    pub(crate) fn listen(&self, bits: u32) {
        self.wanted.store(bits, Ordering::Relaxed);
    }

    pub(crate) fn emit(&self, event: Event) {
        if self.wants(event)
            && let Some(listener) = &self.listener
        {
            listener(event);
        }
    }

    /// Notes a denied growth. A guest may be denied as fast as it can ask, so the listener gets one event until
    /// `take_denied` is called.
    pub(crate) fn deny(&self, denied: DeniedGrowth) {
        if !self.wants(Event::GrowthDenied) {
            return;
        }
        let before = {
            let mut last = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
            let count = last.map_or(0, |last| last.count) + denied.count;
            last.replace(DeniedGrowth { count, ..denied })
        };
        if before.is_none() {
            self.emit(Event::GrowthDenied);
        }
    }

    pub(crate) fn take_denied(&self) -> Option<DeniedGrowth> {
        self.denied
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn wants(&self, event: Event) -> bool {
        self.wanted.load(Ordering::Relaxed) & event.bit() != 0
    }
}
