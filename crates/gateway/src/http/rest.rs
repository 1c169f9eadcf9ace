//! An idle HTTP/1.1 connection without the buffers that only a request needs.
//!
//! hyper keeps 16 KiB of buffers for as long as a connection lives. Most connections of a database are idle most of
//! the time, so a connection that was not asked anything for a while is taken apart, and put together again when
//! its next byte arrives.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::pace::{Paced, Verdict};
use crate::session::Session;

/// Waits, on next to no memory, for the next byte; nothing where the connection ended instead.
pub(super) async fn rest<S>(
    session: &Arc<Session>,
    mut tired: Woken<S>,
    stop: &CancellationToken,
) -> Option<Woken<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !tired.first.is_empty() {
        return Some(tired);
    }
    let mut byte = [0_u8; 1];
    let mut deadline = pin!(tokio::time::sleep(Duration::ZERO));
    loop {
        tokio::select! {
            biased;
            read = tired.stream.read(&mut byte) => match read {
                Ok(1) => return Some(tired.with(&byte)),
                _ => return None,
            },
            () = stop.cancelled() => break,
            () = deadline.as_mut() => match session.deadline_resting() {
                Verdict::Wait(at) => deadline.as_mut().reset(at),
                Verdict::Rest | Verdict::Idle | Verdict::Slow => break,
            }
        }
    }
    // TLS has a farewell of its own; a peer that does not take it is not waited for.
    let _ = tokio::time::timeout(FAREWELL, tired.stream.shutdown()).await;
    None
}

/// A stream with bytes that were read from it too early.
pub(super) struct Woken<S> {
    first: Vec<u8>,
    stream: Paced<S>,
}

impl<S> Woken<S> {
    pub(super) fn new(stream: Paced<S>) -> Self {
        Self { first: Vec::new(), stream }
    }

    /// Gives `bytes` back, to be read again before anything else.
    pub(super) fn with(mut self, bytes: &[u8]) -> Self {
        self.first = bytes.to_vec();
        self
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Woken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let fits = self.first.len().min(buf.remaining());
        let left = self.first.split_off(fits);
        buf.put_slice(&self.first);
        self.first = left;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // What follows has mostly arrived as well; where it has not, what there is counts.
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Woken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const FAREWELL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::Woken;
    use crate::pace::{Pace, Paced};

    #[tokio::test]
    async fn what_was_read_too_early_is_read_again_first_and_whole() {
        for size in 1..8 {
            let (mut far, near) = tokio::io::duplex(64);
            far.write_all(b" / HTTP/1.1").await.unwrap();
            far.shutdown().await.unwrap();
            let mut woken = Woken::new(Paced::new(near, Arc::new(Pace::new(true)))).with(b"GET");
            let mut text = Vec::new();
            let mut buf = vec![0; size];
            loop {
                match woken.read(&mut buf).await.unwrap() {
                    0 => break,
                    n => text.extend_from_slice(&buf[..n]),
                }
            }
            assert_eq!(text, b"GET / HTTP/1.1");
        }
    }
}
