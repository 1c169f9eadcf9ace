mod authorities;
mod connection;
mod watched;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fault::Fault;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use identity::{Certificate, Credential, Strictness, Trust};
use tokio::net::TcpStream;
use tokio::time::timeout;
use transport::dial::trouble;
use transport::{Clock, Dial, DialSpec, ServerTrust, TlsVersion};
use wire::sql;

pub use self::authorities::authority_of;
pub use self::connection::{Broken, Connection, Spoken};
use crate::{Endpoint, Reply, Scheme, encode};

/// Opens a door with a credential, and keeps it open from one request to the next.
///
/// The server is always verified: its chain, its purpose and the host name in the URL. A connection that the server has
/// closed in between is dialled again.
#[derive(Debug)]
pub struct Connector {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    anchors: Vec<Certificate>,
    credential: Option<Arc<Credential>>,
    open: Option<Connection>,
}

impl Connector {
    /// A connector that trusts nobody yet and presents nothing.
    #[must_use]
    pub fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Self {
        Self { endpoint, clock, anchors: Vec::new(), credential: None, open: None }
    }

    /// The authorities to trust the server by.
    #[must_use]
    pub fn trusting(mut self, anchors: Vec<Certificate>) -> Self {
        self.anchors = anchors;
        self
    }

    /// The credential to present.
    #[must_use]
    pub fn presenting(mut self, credential: Credential) -> Self {
        self.credential = Some(Arc::new(credential));
        self
    }

    /// Where it connects to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Runs SQL and gives the body of the answer, JSON as the server wrote it.
    ///
    /// # Errors
    /// Every way in which it did not work, with the remedy: no connection, no trust in either direction, a refusal, a
    /// fault of SQL.
    pub async fn query(&mut self, database: &str, request: &sql::Request) -> Result<Bytes, Fault> {
        let path = format!("/{}/query", segment(database)?);
        let body = Bytes::from(encode::body(request));
        self.send(Method::POST, &path, body).await?.answer(&self.endpoint)
    }

    /// Asks for a path with GET.
    ///
    /// # Errors
    /// As [`query`](Self::query); a refusal is a reply here and not an error.
    pub async fn ask(&mut self, path: &str) -> Result<Reply, Fault> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Tells a path something with POST.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn tell(&mut self, path: &str, body: impl Into<Bytes>) -> Result<Reply, Fault> {
        self.send(Method::POST, path, body.into()).await
    }

    /// Takes back what is at a path, with DELETE.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn withdraw(&mut self, path: &str) -> Result<Reply, Fault> {
        self.send(Method::DELETE, path, Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Reply, Fault> {
        let mut connection = match self.open.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.dial().await?,
        };
        let request = self.request(&connection, method, path, body)?;
        let late = || {
            Fault::theirs(format!("{} gave no answer within {} seconds", self.endpoint, ANSWER.as_secs()))
                .remedy("ask for less, or look at the server's log")
        };
        let exchange = async {
            let response = connection.send(request).await.map_err(|broken| self.broken(&broken))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map_err(|error| cut_short(&*error))?;
            Ok(Reply::new(head.status, body.to_bytes()))
        };
        let reply = timeout(ANSWER, exchange).await.map_err(|_| late())??;
        self.open = Some(connection);
        Ok(reply)
    }

    fn request(
        &self,
        connection: &Connection,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Fault> {
        let target =
            if connection.speaks_h2() { format!("{}{path}", self.endpoint) } else { path.to_owned() };
        let mut request = Request::builder().method(method).uri(target);
        if !connection.speaks_h2() {
            request = request.header(http::header::HOST, self.endpoint.authority());
        }
        if !body.is_empty() {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
        }
        let agent = concat!("countersign/", env!("CARGO_PKG_VERSION"));
        request
            .header(http::header::USER_AGENT, agent)
            .body(Full::new(body))
            .map_err(|error| Fault::yours(format!("\"{path}\" is no path")).because(error))
    }

    async fn dial(&self) -> Result<Connection, Fault> {
        match self.endpoint.scheme() {
            Scheme::Https => self.dial_tls().await,
            Scheme::Http => self.dial_clear().await,
        }
    }

    async fn dial_tls(&self) -> Result<Connection, Fault> {
        self.still_valid()?;
        let dial = Dial::new(DialSpec {
            trust: ServerTrust::Full(Arc::new(Trust::new(self.anchors.clone(), Strictness::default()))),
            pins: Vec::new(),
            credential: self.credential.clone(),
            alpn: vec![H2.to_vec(), b"http/1.1".to_vec()],
            min_version: TlsVersion::Tls12,
            timeout: CONNECT,
            clock: Arc::clone(&self.clock),
        })?;
        let dialled = dial.connect(self.endpoint.host(), self.endpoint.port()).await?;
        let spoken = if dialled.alpn.as_deref() == Some(H2) { Spoken::H2 } else { Spoken::H1 };
        Connection::begin(dialled.stream, spoken, dialled.hello).await.map_err(|broken| self.broken(&broken))
    }

    async fn dial_clear(&self) -> Result<Connection, Fault> {
        let unreachable = |why: &dyn std::fmt::Display| {
            Fault::theirs(format!("cannot connect to {}", self.endpoint))
                .because(why)
                .remedy("start the server, or correct host and port")
        };
        let connecting = TcpStream::connect((self.endpoint.host(), self.endpoint.port()));
        let connected = timeout(CONNECT, connecting).await.map_err(|late| unreachable(&late))?;
        let stream = connected.map_err(|error| unreachable(&error))?;
        Connection::begin(stream, Spoken::H1, None).await.map_err(|broken| self.broken(&broken))
    }

    /// A certificate that has ended is not worth a connection: the server would only say so in fewer words.
    fn still_valid(&self) -> Result<(), Fault> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let (identity, now) = (credential.leaf().identity(), self.clock.now());
        let (from, until) = (identity.not_before(), identity.not_after());
        if now > until {
            return Err(Fault::yours(format!("the client certificate {} has expired", identity.subject()))
                .because(format!("notAfter is {until}, this machine's clock says {now}"))
                .remedy("renew it: openssl x509 -enddate -noout -in FILE shows its end"));
        }
        if now < from {
            return Err(Fault::yours(format!(
                "the client certificate {} is not yet valid",
                identity.subject()
            ))
            .because(format!("notBefore is {from}, this machine's clock says {now}"))
            .remedy("compare the clocks, or issue it again"));
        }
        Ok(())
    }

    /// What to tell about a connection that broke: TLS knows best, where it was TLS.
    fn broken(&self, broken: &Broken) -> Fault {
        let target = self.endpoint.authority();
        let tls = broken.tls.as_ref().and_then(|tls| trouble::of_io(&target, &io::Error::other(tls.clone())));
        // Only an alert of the server says that it refused.
        let fault = tls.map(|fault| trouble::known_as(fault, broken.hello)).unwrap_or_else(|| {
            Fault::theirs(format!("the connection to {} broke", self.endpoint))
                .because(&broken.http)
                .remedy("see the server's log for the cause")
        });
        match &self.credential {
            Some(credential) => fault.because(format!(
                "we presented {}, whose issuer is {}",
                credential.leaf().identity().subject(),
                credential.leaf().identity().issuer()
            )),
            None => fault.because("we presented no certificate"),
        }
    }
}

/// A body that is larger than we take, or that ended before its time.
fn cut_short(error: &(dyn std::error::Error + 'static)) -> Fault {
    if error.is::<LengthLimitError>() {
        return Fault::theirs(format!("the answer is larger than {} MiB", LARGEST >> 20))
            .remedy("ask for fewer rows: LIMIT");
    }
    Fault::theirs("the answer ended before its time").because(error)
}

/// A name as one segment of a path.
fn segment(database: &str) -> Result<&str, Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !database.is_empty() && !database.starts_with('.') && database.bytes().all(plain) {
        return Ok(database);
    }
    Err(Fault::yours(format!("\"{}\" is no name of a database", database.escape_debug()))
        .remedy("names have letters, digits, dashes and underscores"))
}

const H2: &[u8] = b"h2";
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(300);
const LARGEST: usize = 256 << 20;
