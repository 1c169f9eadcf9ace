//! One client at the door: it connects, shakes hands and asks who it is taken for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::{Broken, Connection, Spoken};
use config::TlsVersion;
use fault::Fault;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, HandshakeKind};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::guest::{Guest, Wardrobe};
use crate::rules::Row;
use crate::seen::Seen;

/// A client that may come more than once, and keeps the sessions that it is given.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    tls: Option<(Arc<ClientConfig>, Arc<Wardrobe>)>,
}

/// What came of a visit.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) seen: Seen,
    /// The visitor's own address, by which the node's record speaks of it.
    pub(crate) from: Option<SocketAddr>,
    /// Whether the server took up a session of before.
    pub(crate) resumed: bool,
}

impl Visitor {
    pub(crate) fn new(row: &Row) -> Result<Self, Fault> {
        let Some(version) = row.wire.tls else { return Ok(Self { tls: None }) };
        let versions = match version {
            TlsVersion::V1_2 => &[&rustls::version::TLS12],
            TlsVersion::V1_3 => &[&rustls::version::TLS13],
        };
        let guest = Guest::new(versions)
            .map_err(|error| Fault::ours("a TLS client cannot be made").because(error))?
            .offering(&[row.wire.alpn()]);
        Ok(Self { tls: Some((Arc::new(guest.config), guest.wardrobe)) })
    }

    /// Knocks and presents this.
    pub(crate) async fn visit(
        &self,
        to: SocketAddr,
        row: &Row,
        presents: Option<Arc<CertifiedKey>>,
    ) -> Visit {
        let tcp = match TcpStream::connect(to).await {
            Ok(tcp) => tcp,
            Err(error) => return Visit { seen: Seen::broken(&error), from: None, resumed: false },
        };
        let from = tcp.local_addr().ok();
        let mut resumed = false;
        if let Some((_, wardrobe)) = &self.tls {
            wardrobe.wear(presents);
        }
        let seen = timeout(PATIENCE, self.speak(tcp, row, &mut resumed)).await.unwrap_or(Seen::Silence);
        Visit { seen, from, resumed }
    }

    async fn speak(&self, tcp: TcpStream, row: &Row, resumed: &mut bool) -> Seen {
        let _small_messages_in_turn = tcp.set_nodelay(true);
        let Some((config, _)) = &self.tls else { return ask(tcp, row).await };
        let Ok(name) = ServerName::try_from(row.host.clone()) else {
            return Seen::Other(format!("{:?} is no name to ask for", row.host));
        };
        match TlsConnector::from(Arc::clone(config)).connect(name, tcp).await {
            Ok(stream) => {
                let (_, connection) = stream.get_ref();
                *resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
                if connection.alpn_protocol() != Some(row.wire.alpn().as_bytes()) {
                    return Seen::Other(format!("{} was not agreed on", row.wire.alpn()));
                }
                ask(stream, row).await
            }
            Err(error) => Seen::broken(&error),
        }
    }
}

/// Asks who one is, and hears the answer.
async fn ask<S>(stream: S, row: &Row) -> Seen
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let said = |broken: Broken| match &broken.tls {
        Some(error) => Seen::failure(error),
        None if broken.http.is_parse() => Seen::Other(broken.http.to_string()),
        None => Seen::Closed,
    };
    let Some(question) = question(row) else { return Seen::Other("no question can be put".to_owned()) };
    let mut connection = match Connection::begin(stream, row.wire.spoken, None).await {
        Ok(connection) => connection,
        Err(broken) => return said(broken),
    };
    match connection.send(question).await {
        Ok(response) => answer(response).await,
        Err(broken) => said(broken),
    }
}

fn question(row: &Row) -> Option<Request<Full<Bytes>>> {
    let request = match row.wire.spoken {
        Spoken::H1 => Request::get(QUESTION).header("host", &row.host).header("connection", "close"),
        Spoken::H2 => Request::get(format!("https://{}{QUESTION}", row.host)),
    };
    request.body(Full::default()).ok()
}

async fn answer<B>(response: Response<B>) -> Seen
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let status = response.status().as_u16();
    let Ok(body) = Limited::new(response.into_body(), MOST_BYTES).collect().await else {
        return Seen::Other(format!("{status} and no whole answer"));
    };
    let said = serde_json::from_slice::<Value>(&body.to_bytes()).unwrap_or_default();
    let code = said.pointer("/error/code").and_then(Value::as_str);
    match (status, said.get("principal"), code) {
        (200, Some(Value::Null), _) => Seen::Answered { principal: None },
        (200, Some(Value::String(name)), _) => Seen::Answered { principal: Some(name.clone()) },
        (_, _, Some(code)) => Seen::Refused { status, code: code.to_owned() },
        _ => Seen::Other(format!("{status} and an answer that says neither who nor why")),
    }
}

const QUESTION: &str = "/_auth/whoami";
const PATIENCE: Duration = Duration::from_secs(20);
const MOST_BYTES: usize = 64 * 1024;
