use std::fmt;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use transport::HelloId;

use super::watched::{Noted, Watched};

/// One open connection and the HTTP spoken on it.
pub struct Connection {
    sender: Sender,
    said: Said,
}

/// What is known of the TLS below, for when it breaks.
struct Said {
    noted: Noted,
    hello: Option<HelloId>,
}

enum Sender {
    H1(http1::SendRequest<Full<Bytes>>),
    H2(http2::SendRequest<Full<Bytes>>),
}

/// The HTTP that was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1.
    H1,
    /// HTTP/2.
    H2,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", if self.speaks_h2() { "h2" } else { "http/1.1" })
    }
}

impl Connection {
    /// Begins HTTP on a stream; `hello` is the id that the server knows its handshake by.
    ///
    /// # Errors
    /// What HTTP said, and what TLS said where it was TLS.
    pub async fn begin<S>(stream: S, spoken: Spoken, hello: Option<HelloId>) -> Result<Self, Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (watched, noted) = Watched::new(stream);
        let io = TokioIo::new(watched);
        let said = Said { noted, hello };
        let broken = |error| said.broken(error);
        let sender = match spoken {
            Spoken::H1 => {
                let (sender, connection) = http1::handshake(io).await.map_err(broken)?;
                tokio::spawn(connection);
                Sender::H1(sender)
            }
            Spoken::H2 => {
                let (sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.map_err(broken)?;
                tokio::spawn(connection);
                Sender::H2(sender)
            }
        };
        Ok(Self { sender, said })
    }

    /// Whether another request may go this way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.sender {
            Sender::H1(sender) => !sender.is_closed(),
            Sender::H2(sender) => !sender.is_closed(),
        }
    }

    /// Sends a request and waits for the head of the response.
    ///
    /// # Errors
    /// What HTTP said, and what TLS said where it was TLS.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
        let sent = match &mut self.sender {
            Sender::H1(sender) => {
                sender.ready().await.map_err(|error| self.said.broken(error))?;
                sender.send_request(request).await
            }
            Sender::H2(sender) => {
                sender.ready().await.map_err(|error| self.said.broken(error))?;
                sender.send_request(request).await
            }
        };
        sent.map_err(|error| self.said.broken(error))
    }

    /// The form of a request's target: HTTP/2 wants scheme and host in it.
    #[must_use]
    pub fn speaks_h2(&self) -> bool {
        matches!(self.sender, Sender::H2(_))
    }
}

/// A connection that broke.
#[derive(Debug)]
pub struct Broken {
    /// What HTTP saw.
    pub http: hyper::Error,
    /// What TLS saw, where it was TLS.
    pub tls: Option<rustls::Error>,
    /// The id that the server knows the handshake by.
    pub hello: Option<HelloId>,
}

impl Said {
    fn broken(&self, http: hyper::Error) -> Broken {
        Broken { http, tls: self.noted.get().cloned(), hello: self.hello }
    }
}
