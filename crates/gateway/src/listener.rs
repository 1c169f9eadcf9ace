//! An address where peers arrive.

use std::net::SocketAddr;

use access::Accepted;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::slots::{SlotLimits, Slots};

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1 in clear text.
    Http,
    /// HTTP/1.1 and HTTP/2 over TLS, as ALPN chooses.
    Https,
}

/// A bound address with what is spoken and asked there. Its TLS settings are the snapshot's, by [`Listener::index`].
pub struct Listener {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) spoken: Spoken,
    pub(crate) accepted: Vec<Accepted>,
    socket: Mutex<Option<TcpListener>>,
    pub(crate) address: SocketAddr,
    pub(crate) slots: Slots,
}

impl Listener {
    /// A listener on a bound socket; `index` is its place among the snapshot's doors.
    ///
    /// # Errors
    /// When the socket does not know its own address.
    pub fn new(
        index: usize,
        name: String,
        spoken: Spoken,
        accepted: Vec<Accepted>,
        socket: TcpListener,
        limits: SlotLimits,
    ) -> std::io::Result<Self> {
        let address = socket.local_addr()?;
        let socket = Mutex::new(Some(socket));
        Ok(Self { index, name, spoken, accepted, socket, address, slots: Slots::new(limits) })
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
