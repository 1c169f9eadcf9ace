//! One raw connection, plain or TLS, over which a test says exactly the bytes it means.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{AlertDescription, ClientConnection, NamedGroup, StreamOwned};

use crate::Node;
use crate::patience::PATIENCE;

/// An open connection.
#[derive(Debug)]
pub enum Wire {
    /// Bytes as they are.
    Plain(TcpStream),
    /// Inside TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects without TLS.
    ///
    /// # Panics
    /// When the node does not take connections at all.
    #[must_use]
    pub fn plain(node: &Node) -> Self {
        Self::to(node.address())
    }

    /// Connects to an address without TLS.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a listening node");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        Self::Plain(stream)
    }

    /// The key exchange that the handshake agreed on.
    #[must_use]
    pub fn key_exchange(&self) -> Option<NamedGroup> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.conn.negotiated_key_exchange_group().map(|group| group.name()),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// How the other end said no.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), No> {
        let write: &mut dyn Write = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        };
        write.write_all(bytes).and_then(|()| write.flush()).map_err(|error| No::from(&error))
    }

    /// Sends bytes that must be taken.
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap_or_else(|no| panic!("the bytes were not taken: {no:?}"));
    }

    /// Sends one HTTP/1.1 request for `POST /<database>/query`.
    ///
    /// # Panics
    /// When it is not taken.
    #[track_caller]
    pub fn ask(&mut self, database: &str, sql: &str) {
        self.try_ask(database, sql).unwrap_or_else(|no| panic!("the request was not taken: {no:?}"));
    }

    /// As [`ask`](Self::ask).
    ///
    /// # Errors
    /// How the other end said no.
    pub fn try_ask(&mut self, database: &str, sql: &str) -> Result<(), No> {
        let body = serde_json::json!({ "sql": sql }).to_string();
        self.try_send(
            format!(
                "POST /{database}/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    /// Whatever comes next, as text.
    ///
    /// # Errors
    /// How the other end said no.
    pub fn hear(&mut self) -> Result<String, No> {
        self.hear_bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whatever comes next.
    ///
    /// # Errors
    /// How the other end said no.
    pub fn hear_bytes(&mut self) -> Result<Vec<u8>, No> {
        let mut buffer = [0; 16 * 1024];
        match self.read(&mut buffer) {
            Ok(0) => Err(No::Closed),
            Ok(count) => Ok(buffer[..count].to_vec()),
            Err(error) => Err(No::from(&error)),
        }
    }

    /// The next so many bytes, and no more.
    ///
    /// # Panics
    /// When they do not come.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.read(&mut bytes[filled..]) {
                Ok(0) => panic!("closed after {:?}", bytes[..filled].escape_ascii().to_string()),
                Ok(more) => filled += more,
                Err(error) => panic!("{error} after {:?}", bytes[..filled].escape_ascii().to_string()),
            }
        }
        bytes
    }

    /// Everything that still comes until the other end closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Ok(more) = self.hear_bytes() {
            bytes.extend(more);
        }
        bytes
    }

    /// Waits for this long, from now on, before it hears [`No::Silence`].
    ///
    /// # Panics
    /// When the system does not let it.
    pub fn waits(&self, span: Duration) {
        self.tcp().set_read_timeout(Some(span)).expect("a time limit");
    }

    /// Reads one HTTP/1.1 answer.
    ///
    /// # Errors
    /// How the other end said no.
    pub fn try_answer(&mut self) -> Result<Reply, No> {
        let mut bytes = Vec::new();
        loop {
            if let Some(reply) = Reply::parse(&bytes) {
                return Ok(reply);
            }
            let mut buffer = [0; 16 * 1024];
            match self.read(&mut buffer) {
                Ok(0) => return Err(No::Closed),
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) => return Err(No::from(&error)),
            }
        }
    }

    /// Reads one HTTP/1.1 answer that must come.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn answer(&mut self) -> Reply {
        self.try_answer().unwrap_or_else(|no| panic!("no answer: {no:?}"))
    }

    /// That the other end keeps the connection open and says nothing for this long.
    ///
    /// # Panics
    /// When it says something or ends the connection.
    #[track_caller]
    pub fn is_silent_for(&mut self, span: Duration) {
        self.tcp().set_read_timeout(Some(span)).expect("a time limit");
        assert_eq!(self.hear(), Err(No::Silence));
        self.tcp().set_read_timeout(Some(PATIENCE)).expect("a time limit");
    }

    /// How long the other end takes to end the connection; reads and forgets what it still sends.
    ///
    /// # Panics
    /// When it does not end it within `limit`.
    #[track_caller]
    pub fn ends_within(&mut self, limit: Duration) -> Duration {
        let began = Instant::now();
        self.tcp().set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
        loop {
            let mut buffer = [0; 16 * 1024];
            match self.read(&mut buffer).map_err(|error| No::from(&error)) {
                Ok(0) | Err(No::Closed | No::Alert(_) | No::Other(_)) => return began.elapsed(),
                Ok(_) | Err(No::Silence) => {}
            }
            assert!(began.elapsed() < limit, "the connection is still open after {limit:?}");
        }
    }
}

/// One HTTP/1.1 answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A whole answer at the beginning of `bytes`, with its length given or in chunks.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let rest = &bytes[end + 4..];
        let lower = head.to_ascii_lowercase();
        let body = if let Some((_, after)) = lower.split_once("content-length:") {
            let length: usize = after.lines().next()?.trim().parse().ok()?;
            rest.get(..length)?.to_vec()
        } else if lower.contains("transfer-encoding: chunked") {
            unchunked(rest)?
        } else {
            Vec::new()
        };
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        let chunk = rest.get(end + 2..end + 2 + size)?;
        rest.get(end + 2 + size..end + 4 + size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        rest = &rest[end + 4 + size..];
    }
}

/// How a server said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    /// With a TLS alert.
    Alert(AlertDescription),
    /// By closing or resetting the connection.
    Closed,
    /// By saying nothing for longer than a test waits.
    Silence,
    /// In another way, in the words of the TLS library.
    Other(String),
}

impl From<&std::io::Error> for No {
    fn from(error: &std::io::Error) -> Self {
        if let Some(rustls::Error::AlertReceived(alert)) =
            error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            return Self::Alert(*alert);
        }
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted => Self::Closed,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Silence,
            _ => Self::Other(error.to_string()),
        }
    }
}
