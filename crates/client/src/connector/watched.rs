use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What went wrong on a connection first, in TLS' own words.
///
/// In TLS 1.3 a server judges the client's certificate when the handshake is over for the client: its "no" arrives as an
/// alert in place of the first answer. HTTP only sees a connection that broke, so it is noted here, below HTTP.
pub(crate) type Noted = Arc<OnceLock<rustls::Error>>;

/// A stream that notes the first TLS fault on it.
pub(crate) struct Watched<S> {
    stream: S,
    noted: Noted,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S) -> (Self, Noted) {
        let noted = Noted::default();
        (Self { stream, noted: Arc::clone(&noted) }, noted)
    }

    fn note(&self, error: &io::Error) {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            let _kept_the_first = self.noted.set(tls.clone());
        }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// After a write that failed, the alert that says why may still lie unread.
    fn last_words(&mut self, cx: &mut Context<'_>) {
        let mut scratch = [0; 1024];
        let mut buffer = ReadBuf::new(&mut scratch);
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            self.note(&error);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
            self.last_words(cx);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
            self.last_words(cx);
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Err(error)) = &polled {
            self.note(error);
            self.last_words(cx);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
