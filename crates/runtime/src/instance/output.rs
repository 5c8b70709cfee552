//! What a guest writes to its standard output and error: the beginning is kept, the rest dropped.

use bytes::Bytes;
use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes that a guest may write after each check whether it may.
const PERMIT: usize = 64 << 10;

/// What a guest wrote during a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// To its standard output.
    pub stdout: Kept,
    /// To its standard error.
    pub stderr: Kept,
}

/// The beginning of what was written to one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// As it was written.
    pub bytes: Vec<u8>,
    /// Whether more was written than was kept.
    pub cut: bool,
}

impl Kept {
    /// As text. A character that the cut split is left out; other bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        let end = if self.cut {
            whole_characters(&self.bytes)
        } else {
            self.bytes.len()
        };
        String::from_utf8_lossy(&self.bytes[..end])
    }
}

/// The end of the last character that is not cut short.
fn whole_characters(bytes: &[u8]) -> usize {
    let begins_here = |at: &usize| {
        let rest = std::str::from_utf8(&bytes[*at..]);
        rest.is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (bytes.len().saturating_sub(3)..bytes.len())
        .find(begins_here)
        .unwrap_or(bytes.len())
}

/// Where a guest's output goes.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) stdout: Sink,
    pub(crate) stderr: Sink,
}

/// Keeps the first bytes it is given; a guest that writes more does not notice.
#[derive(Clone)]
pub(crate) struct Sink {
    most: usize,
    kept: Arc<Mutex<Kept>>,
}

impl Output {
    /// Keeps `most` bytes of each.
    pub(crate) fn new(most: usize) -> Output {
        let sink = || Sink {
            most,
            kept: Arc::default(),
        };
        Output {
            stdout: sink(),
            stderr: sink(),
        }
    }

    /// The output since the last [`Output::forget`].
    pub(crate) fn written(&self) -> Written {
        Written {
            stdout: self.stdout.lock().clone(),
            stderr: self.stderr.lock().clone(),
        }
    }

    /// Drops the output so far.
    pub(crate) fn forget(&self) {
        for sink in [&self.stdout, &self.stderr] {
            *sink.lock() = Kept::default();
        }
    }
}

impl Sink {
    fn keep(&self, bytes: &[u8]) {
        if self.most > 0 {
            let mut kept = self.lock();
            let room = self.most - kept.bytes.len();
            kept.cut |= bytes.len() > room;
            kept.bytes
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Sink {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.keep(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(most: usize, writes: &[&[u8]]) -> Kept {
        let output = Output::new(most);
        writes.iter().for_each(|bytes| output.stdout.keep(bytes));
        output.written().stdout
    }

    #[test]
    fn a_cut_splits_no_character_of_the_text_and_the_bytes_are_the_first_ones() {
        let all = "aß€😀é";
        for most in 1..all.len() {
            let kept = kept(most, &[&all.as_bytes()[..5], &all.as_bytes()[5..]]);
            assert_eq!(kept.bytes, all.as_bytes()[..most]);
            let whole = (0..=most).rev().find(|&at| all.is_char_boundary(at));
            assert_eq!(kept.text(), all[..whole.expect("0 is one")]);
        }
        assert_eq!(kept(all.len(), &[all.as_bytes()]).text(), all);
    }

    #[test]
    fn what_is_no_text_is_replaced_whether_cut_or_not() {
        // A character that the guest itself left unfinished.
        assert_eq!(kept(9, &[b"a\xe2\x82"]).text(), "a\u{fffd}");
        assert_eq!(kept(3, &[b"a\xff\xff\xff"]).text(), "a\u{fffd}\u{fffd}");
        assert_eq!(kept(3, &[b"a\xffb\xe2\x82\xac"]).text(), "a\u{fffd}b");
        assert_eq!(kept(4, &[b"a\xffb\xe2\x82\xac"]).text(), "a\u{fffd}b");
        // Three bytes of four that can become no character.
        assert_eq!(
            kept(3, &[b"\xf5\x80\x80\x80"]).text(),
            "\u{fffd}\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn what_is_forgotten_is_not_told_again() {
        let output = Output::new(2);
        output.stderr.keep(b"abc");
        assert!(output.written().stderr.cut);
        output.forget();
        assert_eq!(output.written(), Written::default());
    }
}
