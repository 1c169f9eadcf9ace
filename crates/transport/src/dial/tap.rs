//! Hearing what we say first.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls::hello::{ENOUGH, Heard};
use crate::tls::notes;

/// A stream on which the id of our ClientHello is [noted](notes::said) when it leaves; afterwards it only passes on.
#[derive(Debug)]
pub struct Tap<S> {
    stream: S,
    /// What was said while it does not tell yet.
    said: Option<Vec<u8>>,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, said: Some(Vec::new()) }
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Some(said) = &mut self.said else { return };
        let room = ENOUGH.saturating_sub(said.len());
        said.extend(bytes.iter().take(room));
        match Heard::of(said) {
            Heard::More if said.len() < ENOUGH => return,
            Heard::Hello(hello) => notes::said(hello),
            Heard::More | Heard::Nothing => {}
        }
        self.said = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.hear(bytes.get(..written).unwrap_or(bytes));
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            if self.said.is_none() {
                break;
            }
            let sent = slice.get(..left).unwrap_or(slice);
            left -= sent.len();
            self.hear(sent);
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
