//! The connection, plain or TLS, to an address that was checked.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use identity::{Certificate, Strictness, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use transport::tls::TlsVersion;
use transport::{Clock, Dial, DialSpec, ServerTrust};

use super::address;
use super::target::Target;
use super::unfetched::{Unfetched, Why};

/// A byte stream, whatever it runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections.
#[derive(Debug)]
pub(super) struct Reach {
    allow_private_addresses: bool,
    clock: Arc<dyn Clock>,
    /// Made when the first https URL is asked: most lists come over http, signed as they are.
    dial: OnceLock<Result<Dial, String>>,
}

impl Reach {
    pub(super) fn new(allow_private_addresses: bool, clock: Arc<dyn Clock>) -> Self {
        Self { allow_private_addresses, clock, dial: OnceLock::new() }
    }

    pub(super) async fn open(&self, target: &Target) -> Result<Box<dyn Stream>, Unfetched> {
        let addresses = self.addresses(target).await?;
        let tcp = connect(target, &addresses).await?;
        let _ = tcp.set_nodelay(true);
        if !target.is_https() {
            return Ok(Box::new(tcp));
        }
        let unreachable = |why: String| Unfetched::new(Why::Unreachable, format!("{target}: {why}"));
        let dial = self.dial.get_or_init(|| dial(Arc::clone(&self.clock))).as_ref();
        let dial = dial.map_err(|why| unreachable(why.clone()))?;
        let dialled = dial
            .over(tcp, target.host())
            .await
            .map_err(|fault| unreachable(fault.to_string().replace('\n', ";")))?;
        Ok(Box::new(dialled.stream))
    }

    /// The addresses of the target's host that may be asked.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Unfetched> {
        let found = tokio::net::lookup_host((target.host(), target.port())).await.map_err(|error| {
            Unfetched::new(Why::Unreachable, format!("{target}: the host name cannot be resolved: {error}"))
        })?;
        let mut addresses = Vec::new();
        let mut refused = None;
        for found in found {
            match address::private(found.ip()) {
                Some(kind) if !self.allow_private_addresses && !target.is_ours() => {
                    refused = Some((found.ip(), kind));
                }
                _ => addresses.push(found),
            }
        }
        match refused {
            Some((ip, kind)) if addresses.is_empty() => Err(Unfetched::new(
                Why::PrivateAddress,
                format!("{target} leads to {ip}, an address {kind}, which is not asked unless allowed"),
            )),
            _ => Ok(addresses),
        }
    }
}

/// Tries the addresses in turn, each for its share of a moment.
async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Unfetched> {
    let mut last = "the host has no address".to_owned();
    for address in addresses.iter().take(MOST_ADDRESSES) {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = format!("connecting to {address}: {error}"),
            Err(_) => last = format!("connecting to {address}: no answer"),
        }
    }
    Err(Unfetched::new(Why::Unreachable, format!("{target}: {last}")))
}

/// TLS as any client of the web speaks it: by the roots that this machine trusts.
fn dial(clock: Arc<dyn Clock>) -> Result<Dial, String> {
    let found = rustls_native_certs::load_native_certs();
    let anchors: Vec<_> = found.certs.into_iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    if anchors.is_empty() {
        return Err("this machine has no root certificates for https (see SSL_CERT_FILE)".to_owned());
    }
    let trust = Trust::new(anchors, Strictness::default());
    Dial::new(DialSpec {
        trust: ServerTrust::Full(Arc::new(trust)),
        pins: Vec::new(),
        credential: None,
        alpn: vec![b"http/1.1".to_vec()],
        min_version: TlsVersion::Tls12,
        timeout: HANDSHAKE,
        clock,
    })
    .map_err(|fault| fault.to_string())
}

const MOST_ADDRESSES: usize = 4;
/// One dead address must leave time for the next.
const CONNECT: Duration = Duration::from_secs(3);
/// The whole request has its own, usually shorter, time.
const HANDSHAKE: Duration = Duration::from_secs(60);
