//! The first that a stream's other end says, and when: what reads the stream tells neither once it has failed. Knows no
//! protocol.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::clock;

/// Bytes that are kept.
const KEPT: usize = 512;

/// What came with the first read.
#[derive(Debug)]
pub struct First {
    pub at: Instant,
    /// At most 512 of them.
    pub bytes: Vec<u8>,
}

/// A stream that keeps it.
#[derive(Debug)]
pub struct Heard<S> {
    inner: S,
    first: Arc<OnceLock<First>>,
}

impl<S> Heard<S> {
    /// The stream, and where its first bytes will be found.
    pub fn new(inner: S) -> (Self, Arc<OnceLock<First>>) {
        let first = Arc::new(OnceLock::new());
        (Self { inner, first: Arc::clone(&first) }, first)
    }

    /// The stream itself.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if self.first.get().is_none()
            && let Some(came) = buf.filled().get(before..).filter(|came| !came.is_empty())
        {
            let bytes = came.get(..KEPT).unwrap_or(came).to_vec();
            let _ = self.first.set(First { at: clock::now(), bytes });
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
