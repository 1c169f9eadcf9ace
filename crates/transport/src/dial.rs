//! Connecting to a server over TLS, and what went wrong when that fails.
//!
//! - `check`: judging the server's chain as the caller wants it judged.
//! - [`postgres`]: a connection to a PostgreSQL before TLS begins on it.
//! - [`tap`]: hearing the id of the hello that we send.
//! - [`trouble`]: the texts of faults.

mod check;
pub mod postgres;
pub mod tap;
pub mod trouble;

use std::sync::Arc;
use std::time::Duration;

use fault::Fault;
use identity::{Credential, Pin, Trust, Verified};
use rustls::ClientConfig;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::sign::CertifiedKey;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::check::Check;
use self::tap::Tap;
use crate::Clock;
use crate::clock::RustlsTime;
use crate::tls::notes;
use crate::tls::{HelloId, TlsVersion, present, provider};

/// How a server is judged.
#[derive(Clone, Debug)]
pub enum ServerTrust {
    /// By its chain and its name (`verify-full`).
    Full(Arc<Trust>),
    /// By its chain alone (`verify-ca`).
    Chain(Arc<Trust>),
    /// Not at all: the connection is encrypted, to whom nobody knows (`require`).
    Nothing,
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct DialSpec {
    /// How the server is judged.
    pub trust: ServerTrust,
    /// Public keys of which the server's must be one, beyond that judgement; empty for any.
    pub pins: Vec<Pin>,
    /// What we present where the server asks for it.
    pub credential: Option<Arc<Credential>>,
    /// The application protocols that we offer, best first; empty for none.
    pub alpn: Vec<Vec<u8>>,
    /// The oldest version of TLS that we speak.
    pub min_version: TlsVersion,
    /// How long connecting may take, handshake included; 10 seconds is customary.
    pub timeout: Duration,
    /// The clock that certificates are judged by.
    pub clock: Arc<dyn Clock>,
}

/// Connects to servers; built once, used often.
#[derive(Clone, Debug)]
pub struct Dial {
    config: Arc<ClientConfig>,
    check: Arc<Check>,
    timeout: Duration,
}

/// A connection to a server that has been judged.
#[derive(Debug)]
pub struct Dialled {
    /// The connection. With TLS 1.3 a server that refuses us says so only at the first read: see
    /// [`trouble::of_io`].
    pub stream: TlsStream<Tap<TcpStream>>,
    /// The server's chain; `None` where it was not judged.
    pub verified: Option<Verified>,
    /// The application protocol agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The version of TLS agreed on.
    pub version: TlsVersion,
    /// The id that the server knows the handshake by, to be named where it refuses us only now: see
    /// [`trouble::known_as`].
    pub hello: Option<HelloId>,
}

impl Dial {
    /// Builds the settings.
    ///
    /// # Errors
    /// The credential's key cannot sign a handshake.
    pub fn new(spec: DialSpec) -> Result<Self, Fault> {
        let check = Arc::new(Check::new(spec.trust, spec.pins, Arc::clone(&spec.clock)));
        let builder =
            ClientConfig::builder_with_details(provider::provider(), Arc::new(RustlsTime(spec.clock)))
                .with_protocol_versions(spec.min_version.and_newer())
                .map_err(|error| Fault::ours("TLS cannot be set up").because(error))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::<Check>::clone(&check));
        let mut config = match &spec.credential {
            Some(credential) => {
                builder.with_client_cert_resolver(Arc::new(Always(present::certified_key(credential)?)))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = spec.alpn;
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), check, timeout: spec.timeout })
    }

    /// The same settings with another credential to present. What is costly about them is shared.
    ///
    /// # Errors
    /// The credential's key cannot sign a handshake.
    pub fn presenting(&self, credential: &Credential) -> Result<Self, Fault> {
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(Always(present::certified_key(credential)?));
        Ok(Self { config: Arc::new(config), ..self.clone() })
    }

    /// Connects to `host`, a name or an IP address, which is also the name that the server must prove.
    ///
    /// # Errors
    /// Nobody answers, or the server is not to be trusted, or it refuses us; the fault names the remedy.
    pub async fn connect(&self, host: &str, port: u16) -> Result<Dialled, Fault> {
        self.connect_as(host, port, host).await
    }

    /// Connects to `host`, where the server must prove another name, `name`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_as(&self, host: &str, port: u16, name: &str) -> Result<Dialled, Fault> {
        let target = trouble::target(host, port);
        match tokio::time::timeout(self.timeout, self.reach(host, port, name)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(trouble::timeout(&target, self.timeout)),
        }
    }

    /// Does the handshake on a connection that the caller has opened, where the server must prove `name`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn over(&self, tcp: TcpStream, name: &str) -> Result<Dialled, Fault> {
        let server = server_name(name)?;
        match tokio::time::timeout(self.timeout, self.shake(tcp, server, name)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(trouble::timeout(name, self.timeout)),
        }
    }

    async fn reach(&self, host: &str, port: u16, name: &str) -> Result<Dialled, Fault> {
        let target = trouble::target(host, port);
        let server = server_name(name)?;
        let tcp = TcpStream::connect((bare(host), port))
            .await
            .map_err(|error| trouble::of_connect(&target, &error))?;
        let _ = tcp.set_nodelay(true);
        self.shake(tcp, server, &target).await
    }

    async fn shake(
        &self,
        tcp: TcpStream,
        server: ServerName<'static>,
        target: &str,
    ) -> Result<Dialled, Fault> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let (outcome, notes) = notes::taking(connector.connect(server.clone(), Tap::new(tcp))).await;
        let hello = notes.said;
        let stream = outcome.map_err(|error| match notes.refusal {
            Some(refusal) => trouble::of_refusal(target, &refusal),
            None => trouble::of_handshake(target, &error, hello),
        })?;
        let (_, connection) = stream.get_ref();
        let chain = connection.peer_certificates().unwrap_or_default();
        let verified =
            self.check.judge(chain, &server).map_err(|refusal| trouble::of_refusal(target, &refusal))?;
        let alpn = connection.alpn_protocol().map(<[u8]>::to_vec);
        let version = TlsVersion::negotiated(connection.protocol_version());
        Ok(Dialled { stream, verified, alpn, version, hello })
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn server_name(name: &str) -> Result<ServerName<'static>, Fault> {
    ServerName::try_from(bare(name))
        .map_err(|_| Fault::yours(format!("\"{name}\" is neither a host name nor an IP address")))
}

/// Presents one credential whatever authorities the server names: it is what the caller chose.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
