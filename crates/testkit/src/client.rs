//! A TLS client that presents whatever a test wants presented.

use std::net::TcpStream;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use crate::patience::PATIENCE;
use crate::wire::{No, Wire};
use crate::{Node, World};

/// A TLS client in the making. It believes every server: what is under test is what the server believes.
#[derive(Clone, Debug)]
pub struct Client {
    provider: Arc<CryptoProvider>,
    credential: Option<(Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>)>,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    host: String,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
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
    #[must_use]
    pub fn presenting_bytes(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        self.credential = Some((chain, Arc::new(key)));
        self
    }

    /// Offers these application protocols.
    #[must_use]
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
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
        let mut stream = TcpStream::connect(node.address()).expect("a listening node");
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
        let believing = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions)
            .expect("versions that the provider speaks")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believing(Arc::clone(&self.provider))));
        let mut config = match &self.credential {
            None => believing.with_no_client_auth(),
            Some((chain, key)) => {
                let key = self.provider.key_provider.load_private_key(key.clone_key()).expect("a usable key");
                let unchecked = CertifiedKey::new(chain.clone(), key);
                believing.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(unchecked)))
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config
    }
}

/// Believes every server certificate, but not every signature.
#[derive(Debug)]
struct Believing(Arc<CryptoProvider>);

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
