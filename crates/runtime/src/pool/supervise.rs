//! Polls the guest of a request, until it ends or the request is answered from outside.

use super::request::{ASLEEP, COMPUTING, Request};
use crate::executor::epoch::TICK;
use crate::executor::timestamp::Timestamp;
use crate::executor::{cpu_time, task};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

impl Request {
    /// Polls `guest` until it ends. If the request is answered from outside first, drops the guest and returns `None`.
    pub(crate) async fn supervise<T>(&self, guest: impl Future<Output = T>) -> Option<T> {
        let mut guest = pin!(guest);
        let mut computed = Duration::ZERO;
        // The first turn begins when a runner took the request: that reading of the clock is used again.
        let mut taken = self.taken();
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_over() {
                return Poll::Ready(None);
            }
            let _ =
                self.phase
                    .compare_exchange(ASLEEP, COMPUTING, Ordering::SeqCst, Ordering::SeqCst);
            let turn = taken.take().unwrap_or_else(Timestamp::now);
            let measured = self.measured.as_ref();
            let began = measured.and_then(|_| cpu_time::thread_time());
            let polled = guest.as_mut().poll(context);
            if let (Some(measured), Some(began), Some(now)) =
                (measured, began, began.and_then(|_| cpu_time::thread_time()))
            {
                measured.charge(now.saturating_sub(began));
            }
            match polled {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => {
                    computed += turn.elapsed();
                    if self.yielded.swap(false, Ordering::Relaxed) {
                        // Epochs also pass while a guest waits. It then yields at the next one without having computed
                        // for an epoch.
                        if computed >= TICK {
                            self.long.store(true, Ordering::Relaxed);
                            task::demote();
                        }
                    } else {
                        let _ = self.phase.compare_exchange(
                            COMPUTING,
                            ASLEEP,
                            Ordering::SeqCst,
                            Ordering::SeqCst,
                        );
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}
