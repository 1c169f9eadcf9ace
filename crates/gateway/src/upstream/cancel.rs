//! Asking a server to let go of what it does for us.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use transport::Dial;
use transport::dial::postgres::{Willing, ask_for_tls};

/// Cancels what runs on one link, over a connection of its own that is protected as the link is.
#[derive(Clone)]
pub(crate) struct Canceller(Arc<Target>);

struct Target {
    /// None where the server gave none: then there is nothing to cancel by.
    key: Option<Key>,
    place: Where,
    within: Duration,
    asked: AtomicBool,
}

/// Where the link leads, and how it is protected.
pub(super) enum Where {
    /// The address that the link's name led to: another server of that name knows nothing of the link.
    Plain(SocketAddr),
    Unix(PathBuf),
    Tls(SocketAddr, Dial, Box<str>),
}

/// What a server knows a link by.
pub(super) struct Key {
    process: i32,
    secret: i32,
}

impl Key {
    pub(super) fn new(process: i32, secret: i32) -> Self {
        Self { process, secret }
    }
}

impl Canceller {
    pub(super) fn new(key: Option<Key>, place: Where, within: Duration) -> Self {
        Self(Arc::new(Target { key, place, within: within.min(LONGEST), asked: AtomicBool::new(false) }))
    }

    /// Whether it was ever asked: the server may hear of it late, and stop what somebody else has asked on the same link.
    pub(super) fn was_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Asks, and waits until the server has heard it, for some seconds at most. Nobody is told how it went, as the server
    /// tells nobody.
    pub(crate) async fn cancel(&self) {
        let Some(key) = &self.0.key else { return };
        self.0.asked.store(true, Ordering::Relaxed);
        let _ = tokio::time::timeout(self.0.within, self.0.ask(key)).await;
    }
}

impl Target {
    async fn ask(&self, key: &Key) -> io::Result<()> {
        match &self.place {
            Where::Plain(address) => say(TcpStream::connect(address).await?, key).await,
            Where::Unix(path) => say(UnixStream::connect(path).await?, key).await,
            Where::Tls(address, dial, name) => {
                let mut tcp = TcpStream::connect(address).await?;
                if ask_for_tls(&mut tcp).await? != Willing::Yes {
                    return Ok(());
                }
                match dial.over(tcp, name).await {
                    Ok(dialled) => say(dialled.stream, key).await,
                    Err(fault) => Err(io::Error::other(fault.what().to_owned())),
                }
            }
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, key: &Key) -> io::Result<()> {
    let mut request = BytesMut::with_capacity(16);
    frontend::cancel_request(key.process, key.secret, &mut request);
    stream.write_all(&request).await?;
    stream.flush().await?;
    // The server answers nothing and closes once the signal is sent.
    let _ = stream.read(&mut [0_u8; 1]).await;
    Ok(())
}

/// However long connecting may take.
const LONGEST: Duration = Duration::from_secs(5);
