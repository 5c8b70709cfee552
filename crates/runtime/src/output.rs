//! What a guest writes to its standard output and error: the beginning is kept, the rest dropped.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// What a guest may write between two looks at whether it may.
const PERMIT: usize = 64 << 10;

/// What a guest wrote during a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The beginning of its standard output.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub stderr: Vec<u8>,
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
    kept: Arc<Mutex<Vec<u8>>>,
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

    /// What was written since the last time.
    pub(crate) fn take(&self) -> Written {
        Written {
            stdout: self.stdout.take(),
            stderr: self.stderr.take(),
        }
    }
}

impl Sink {
    fn keep(&self, bytes: &[u8]) {
        if self.most > 0 {
            let mut kept = self.lock();
            let room = self.most - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
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
