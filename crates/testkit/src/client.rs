//! A TLS client that presents whatever a test wants presented.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use matrix::guest::{self, Guest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};

use crate::patience::PATIENCE;
use crate::wire::{No, Wire};
use crate::{Node, World};

/// A TLS client in the making. It believes every server: what is under test is what the server believes.
#[derive(Clone, Debug)]
pub struct Client {
    credential: Option<Arc<CertifiedKey>>,
    alpn: Vec<String>,
    versions: Vec<&'static SupportedProtocolVersion>,
    host: String,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            credential: None,
            alpn: Vec::new(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            host: "db.example.com".to_owned(),
        }
    }
}

impl Client {
    /// A client without a certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Presents `NAME.crt` with `NAME.key` of the world, whatever is in them.
    ///
    /// # Panics
    /// When they hold no PEM.
    #[must_use]
    pub fn presenting(self, world: &World, name: &str) -> Self {
        let chain = CertificateDer::pem_file_iter(world.path(format!("{name}.crt")))
            .expect("a certificate file")
            .collect::<Result<Vec<_>, _>>()
            .expect("certificates in PEM");
        let key = PrivateKeyDer::from_pem_file(world.path(format!("{name}.key"))).expect("a key file");
        self.presenting_bytes(chain, key)
    }

    /// Presents these bytes as its chain; they need not be certificates at all.
    ///
    /// # Panics
    /// When the key cannot sign.
    #[must_use]
    pub fn presenting_bytes(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        let key = guest::provider().key_provider.load_private_key(key).expect("a usable key");
        self.credential = Some(Arc::new(CertifiedKey::new(chain, key)));
        self
    }

    /// Offers these application protocols.
    #[must_use]
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|&protocol| protocol.to_owned()).collect();
        self
    }

    /// Speaks these TLS versions only.
    #[must_use]
    pub fn speaking(mut self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// Asks for this server name.
    #[must_use]
    pub fn asking_for(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Shakes hands. With TLS 1.3 the server's "no" may come only with the first read: see [`knock`](Self::knock).
    ///
    /// # Errors
    /// What the handshake failed with.
    ///
    /// # Panics
    /// When the node does not take connections at all.
    pub fn connect(&self, node: &Node) -> Result<Wire, No> {
        self.connect_to(node.address())
    }

    /// As [`connect`](Self::connect), to whoever listens at an address.
    ///
    /// # Errors
    /// What the handshake failed with.
    ///
    /// # Panics
    /// When nobody takes connections there.
    pub fn connect_to(&self, address: SocketAddr) -> Result<Wire, No> {
        self.over(TcpStream::connect(address).expect("somebody who listens"))
    }

    /// As [`connect`](Self::connect), on a connection that is open already.
    ///
    /// # Errors
    /// What the handshake failed with.
    ///
    /// # Panics
    /// When the system does not let it set the socket up.
    pub fn over(&self, mut stream: TcpStream) -> Result<Wire, No> {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        // What a test sends has arrived a moment later, and is not held back until the handshake is acknowledged.
        stream.set_nodelay(true).expect("a socket option");
        let name = ServerName::try_from(self.host.clone()).expect("a server name");
        let mut tls = ClientConnection::new(Arc::new(self.config()), name).expect("a TLS client");
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).map_err(|error| No::from(&error))?;
        }
        Ok(Wire::Tls(Box::new(StreamOwned::new(tls, stream))))
    }

    /// Shakes hands and asks for `/_health`: the status, or how the server said no.
    ///
    /// # Errors
    /// The alert, or that the connection just ended.
    pub fn knock(&self, node: &Node) -> Result<u16, No> {
        let mut wire = self.connect(node)?;
        wire.try_send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\nconnection: close\r\n\r\n")?;
        wire.try_answer().map(|answer| answer.status)
    }

    fn config(&self) -> ClientConfig {
        let alpn: Vec<&str> = self.alpn.iter().map(String::as_str).collect();
        let guest = Guest::new(&self.versions).expect("versions that the provider speaks").offering(&alpn);
        guest.wardrobe.wear(self.credential.clone());
        guest.config
    }
}
