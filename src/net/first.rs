//! A stream that remembers when its first bytes came and what they were, which HTTP and TLS libraries keep to themselves:
//! by them a stranger on the port is named.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::clock;

/// Bytes that are kept.
const KEPT: usize = 512;

/// What came first.
#[derive(Clone, Debug, Default)]
pub struct First {
    /// When; `None` while nothing has come.
    pub at: Option<Instant>,
    /// The first bytes, at most 512.
    pub bytes: Vec<u8>,
}

/// What a [`Heard`] stream heard, for as long as anybody wants to know.
#[derive(Clone, Debug, Default)]
pub struct Ear(Arc<Mutex<First>>);

impl Ear {
    /// What came first until now.
    pub fn first(&self) -> First {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hear(&self, bytes: &[u8]) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.at.get_or_insert_with(clock::now);
        let room = KEPT.saturating_sub(first.bytes.len()).min(bytes.len());
        first.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

/// The stream within, whose first bytes are remembered.
#[derive(Debug)]
pub struct Heard<S> {
    inner: S,
    ear: Ear,
    deaf: bool,
}

impl<S> Heard<S> {
    /// Listens from now on.
    pub fn new(inner: S) -> (Self, Ear) {
        let ear = Ear::default();
        (Self { inner, ear: ear.clone(), deaf: false }, ear)
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
        let new = buf.filled().get(before..).unwrap_or_default();
        if !new.is_empty() && !self.deaf {
            self.ear.hear(new);
            self.deaf = self.ear.first().bytes.len() >= KEPT;
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_are_kept_and_no_more() {
        let (mut far, near) = tokio::io::duplex(4096);
        let (mut near, ear) = Heard::new(near);
        assert!(ear.first().at.is_none() && ear.first().bytes.is_empty());
        far.write_all(b"SSH-").await.unwrap();
        near.read_exact(&mut [0; 4]).await.unwrap();
        assert!(ear.first().at.is_some());
        far.write_all(&[b'x'; 2000]).await.unwrap();
        near.read_exact(&mut [0; 2000]).await.unwrap();
        assert_eq!(ear.first().bytes, [b"SSH-".as_slice(), &[b'x'; KEPT - 4]].concat());
    }
}
