//! One client at the door: it connects, shakes hands and asks who it is taken for.
//!
//! - [`postgres`]: the same question in PostgreSQL's words.

mod postgres;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use self::postgres::Caller;
pub(crate) use self::postgres::DATABASE;
use crate::guest::{Guest, Wardrobe};
use crate::rules::Row;
use crate::seen::Seen;
use crate::wire::{Begins, Tongue};

/// Addresses of this machine that clients come from, each only once: a port would be given to a later client again, and
/// the node's record speaks of its peers by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Callers(AtomicU32);

impl Callers {
    /// The next one: all of 127.0.0.0/8 is this machine.
    fn next(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(FIRST_CALLER | self.0.fetch_add(1, Ordering::Relaxed) & MOST_CALLERS)
    }
}

/// A client that may come more than once, and keeps the sessions that it is given.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    tls: Option<(Arc<ClientConfig>, Arc<Wardrobe>)>,
    callers: Arc<Callers>,
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

impl Visit {
    /// Whether the question was answered.
    pub(crate) fn is_let_in(&self) -> bool {
        matches!(self.seen, Seen::Answered { .. })
    }
}

/// A connection, as what is spoken on it has it.
#[derive(Debug)]
enum Open {
    Http(Connection),
    Postgres(Box<Caller>),
}

/// A visitor who has come in as far as the handshake lets it.
#[derive(Debug)]
pub(crate) struct Arrived {
    connection: Result<Open, Seen>,
    from: Option<SocketAddr>,
    resumed: bool,
}

impl Visitor {
    pub(crate) fn new(row: &Row, callers: &Arc<Callers>) -> Result<Self, Fault> {
        let callers = Arc::clone(callers);
        let Some(version) = row.wire.tls else { return Ok(Self { tls: None, callers }) };
        let versions = match version {
            TlsVersion::V1_2 => &[&rustls::version::TLS12],
            TlsVersion::V1_3 => &[&rustls::version::TLS13],
        };
        let guest = Guest::new(versions)
            .map_err(|error| Fault::ours("a TLS client cannot be made").because(error))?
            .offering(&[row.wire.alpn()]);
        Ok(Self { tls: Some((Arc::new(guest.config), guest.wardrobe)), callers })
    }

    /// Knocks, presents this, asks once and goes.
    pub(crate) async fn visit(
        &self,
        to: SocketAddr,
        row: &Row,
        presents: Option<Arc<CertifiedKey>>,
    ) -> Visit {
        let mut arrived = self.arrive(to, row, presents).await;
        arrived.ask(row).await
    }

    /// Knocks and presents this.
    pub(crate) async fn arrive(
        &self,
        to: SocketAddr,
        row: &Row,
        presents: Option<Arc<CertifiedKey>>,
    ) -> Arrived {
        if let Some((_, wardrobe)) = &self.tls {
            wardrobe.wear(presents);
        }
        let mut arrived = Arrived { connection: Err(Seen::Silence), from: None, resumed: false };
        let connected = timeout(PATIENCE, self.connect(to, row, &mut arrived)).await;
        arrived.connection = connected.unwrap_or(Err(Seen::Silence));
        arrived
    }

    async fn connect(&self, to: SocketAddr, row: &Row, arrived: &mut Arrived) -> Result<Open, Seen> {
        let mut tcp = self.dial(to).await.map_err(|error| Seen::broken(&error))?;
        arrived.from = tcp.local_addr().ok();
        let _small_messages_in_turn = tcp.set_nodelay(true);
        let Some((config, _)) = &self.tls else { return begin(tcp, row.wire.spoken).await };
        if row.wire.spoken == Tongue::Postgres(Begins::Asking) {
            postgres::ask_for_tls(&mut tcp).await?;
        }
        let name = ServerName::try_from(row.host.clone())
            .map_err(|_| Seen::Other(format!("{:?} is no name to ask for", row.host)))?;
        let shaken = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        let stream = shaken.map_err(|error| Seen::broken(&error))?;
        let (_, connection) = stream.get_ref();
        arrived.resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
        if connection.alpn_protocol() != Some(row.wire.alpn().as_bytes()) {
            return Err(Seen::Other(format!("{} was not agreed on", row.wire.alpn())));
        }
        begin(stream, row.wire.spoken).await
    }

    async fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.callers.next(), 0).into())?;
        socket.connect(to).await
    }
}

impl Arrived {
    /// Asks who one is, and hears the answer. The connection stays for another question.
    pub(crate) async fn ask(&mut self, row: &Row) -> Visit {
        let seen = match &mut self.connection {
            Ok(Open::Http(connection)) => {
                timeout(PATIENCE, ask(connection, row)).await.unwrap_or(Seen::Silence)
            }
            Ok(Open::Postgres(caller)) => timeout(PATIENCE, caller.ask()).await.unwrap_or(Seen::Silence),
            Err(seen) => seen.clone(),
        };
        Visit { seen, from: self.from, resumed: self.resumed }
    }
}

async fn begin<S>(stream: S, spoken: Tongue) -> Result<Open, Seen>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match spoken {
        Tongue::Http(spoken) => {
            let begun = Connection::begin(stream, spoken, None).await;
            begun.map(Open::Http).map_err(|broken| said(&broken))
        }
        Tongue::Postgres(_) => Ok(Open::Postgres(Box::new(Caller::new(stream)))),
    }
}

async fn ask(connection: &mut Connection, row: &Row) -> Seen {
    let Some(question) = question(row) else { return Seen::Other("no question can be put".to_owned()) };
    match connection.send(question).await {
        Ok(response) => answer(response).await,
        Err(broken) => said(&broken),
    }
}

/// What a connection that broke was told.
fn said(broken: &Broken) -> Seen {
    match &broken.tls {
        Some(error) => Seen::failure(error),
        None if broken.http.is_parse() => Seen::Other(broken.http.to_string()),
        None => Seen::Closed,
    }
}

fn question(row: &Row) -> Option<Request<Full<Bytes>>> {
    let request = match row.wire.spoken {
        Tongue::Http(Spoken::H1) => Request::get(QUESTION).header("host", &row.host),
        Tongue::Postgres(_) => return None,
        Tongue::Http(Spoken::H2) => Request::get(format!("https://{}{QUESTION}", row.host)),
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
/// 127.128.0.0, above what anybody else is likely to use.
const FIRST_CALLER: u32 = 0x7f80_0000;
const MOST_CALLERS: u32 = 0x007f_ffff;
