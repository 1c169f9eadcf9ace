//! A connection to an upstream, signed in.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;
use transport::dial::postgres::is_silent;
use transport::dial::tap::Tap;

use super::cancel::Canceller;
use super::counted::Gauged;
use super::places::Place;

/// A connection to an upstream on which we are signed in and nothing is under way. It holds its place among the
/// upstream's connections, and closes when it is dropped.
pub(crate) struct Link {
    /// What is spoken over.
    pub(crate) stream: LinkStream,
    /// What the server has said of itself, by name; a later value has replaced an earlier one.
    pub(crate) parameters: Vec<(Box<str>, Box<str>)>,
    /// The end of the certificate that it signed in with; none where it needed none.
    pub(crate) until: Option<OffsetDateTime>,
    pub(super) canceller: Canceller,
    /// By what it is counted; never asked, and let go with the link.
    pub(super) _gauged: Gauged,
    pub(super) _place: Place,
}

impl Link {
    /// Cancels what runs on this link, also when the link is elsewhere.
    pub(crate) fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Whether the server is silent and there: anything that it says now was not asked for.
    pub(super) fn is_silent(&mut self) -> bool {
        // The runtime may not have heard yet what the kernel knows.
        let silent = match &self.stream {
            LinkStream::Plain(stream) => is_silent(stream),
            LinkStream::Unix(stream) => is_silent(stream),
            LinkStream::Tls(stream) => is_silent(stream.get_ref().0.get_ref()),
        };
        if !silent {
            return false;
        }
        let mut byte = [0_u8; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut cx, &mut buffer).is_pending()
    }
}

/// Keeps the last value of each name.
pub(super) fn note(parameters: &mut Vec<(Box<str>, Box<str>)>, name: &str, value: &str) {
    match parameters.iter_mut().find(|(known, _)| &**known == name) {
        Some((_, held)) => *held = value.into(),
        None => parameters.push((name.into(), value.into())),
    }
}

/// What a link is spoken over.
pub(crate) enum LinkStream {
    /// TCP in clear text.
    Plain(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS.
    Tls(Box<TlsStream<Tap<TcpStream>>>),
}

impl AsyncRead for LinkStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
