use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Failure;
use crate::options::Target;

/// Addresses that connections come from in turn: enough that neither the ports of one nor a server's limit for
/// one address ends a measurement.
const SOURCES: u8 = 32;

/// Opens connections to one server.
pub(crate) struct Dial {
    addr: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
    turn: Cell<u8>,
}

impl Dial {
    pub(crate) fn new(target: &Target, settings: Arc<ClientConfig>) -> Result<Self, Failure> {
        if !target.addr.ip().is_loopback() {
            return Err(format!(
                "{} is not a loopback address; this program loads its own machine only",
                target.addr
            )
            .into());
        }
        let name = ServerName::try_from(target.name.clone())?;
        Ok(Self { addr: target.addr, name, connector: TlsConnector::from(settings), turn: Cell::new(0) })
    }

    pub(crate) async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let tcp = self.tcp().await?;
        self.connector.connect(self.name.clone(), tcp).await
    }

    async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = match self.addr {
            SocketAddr::V4(_) => {
                let turn = self.turn.get();
                self.turn.set((turn + 1) % SOURCES);
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 1, 0, 1 + turn)), 0))?;
                socket
            }
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_nodelay(true)?;
        socket.connect(self.addr).await
    }
}
