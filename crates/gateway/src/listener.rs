//! An address where peers arrive.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpListener;

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1 in clear text.
    Http,
    /// HTTP/1.1 and HTTP/2 over TLS, as ALPN chooses.
    Https,
    /// PostgreSQL's protocol over TLS, asked for in its own words or begun directly.
    Postgres,
}

/// A bound address. What is spoken and asked there is the snapshot's, by the listener's name.
pub struct Listener {
    pub(crate) name: Arc<str>,
    socket: Mutex<Option<TcpListener>>,
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// A listener on a bound socket.
    ///
    /// # Errors
    /// When the socket does not know its own address.
    pub fn new(name: &str, socket: TcpListener) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { name: name.into(), socket: Mutex::new(Some(socket)), address })
    }

    /// The socket, for the one accept loop. Sessions outlive that loop and must not keep the socket open: a client
    /// that comes after it is told at once.
    pub(crate) fn take_socket(&self) -> Option<TcpListener> {
        self.socket.lock().take()
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
