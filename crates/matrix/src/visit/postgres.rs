//! The question who one is, in PostgreSQL's words: a session on a database that everybody may use, where a server of the
//! rehearsal's own says who came.

use std::fmt;
use std::io;

use fault::Code;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::seen::Seen;

/// The database.
pub(crate) const DATABASE: &str = "countersign-matrix";

/// Asks for TLS; it may begin when this returns.
pub(super) async fn ask_for_tls(tcp: &mut TcpStream) -> Result<(), Seen> {
    let mut answer = [0];
    let asked = async {
        tcp.write_all(&REQUEST_FOR_TLS).await?;
        tcp.read_exact(&mut answer).await
    };
    asked.await.map_err(|error| Seen::broken(&error))?;
    match &answer {
        b"S" => Ok(()),
        _ => Err(Seen::Other("TLS was not granted".to_owned())),
    }
}

/// A client within TLS.
pub(super) struct Caller {
    stream: Box<dyn Stream>,
    /// Who it is taken for, once its session has started.
    principal: Option<String>,
    started: bool,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({:?})", self.principal)
    }
}

impl Caller {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self { stream: Box::new(stream), principal: None, started: false }
    }

    /// Starts the session, or asks something of one that has started; and hears the answer.
    pub(super) async fn ask(&mut self) -> Seen {
        let question = if self.started { query() } else { start_up() };
        match self.exchange(&question).await {
            Ok(seen) => seen,
            Err(error) => Seen::broken(&error),
        }
    }

    async fn exchange(&mut self, question: &[u8]) -> io::Result<Seen> {
        // A connection that has ended may still hold the reason: it is read, whether or not the question was taken.
        let sent = self.send(question).await;
        loop {
            let (tag, body) = match self.message().await {
                Ok(message) => message,
                Err(error) => return Err(sent.err().filter(|_| no_alert(&error)).unwrap_or(error)),
            };
            match tag {
                b'S' => self.note(&body),
                b'Z' => {
                    self.started = true;
                    return Ok(Seen::Answered { principal: self.principal.clone() });
                }
                b'E' => return Ok(self.told(&body).await),
                _ => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let tag = self.stream.read_u8().await?;
        let length = self.stream.read_u32().await?;
        let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
        let length = length.filter(|length| *length <= MOST_BYTES).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok((tag, body))
    }

    /// What a server tells of the session: among it the name that it knows the client by.
    fn note(&mut self, body: &[u8]) {
        let mut parts = body.split(|byte| *byte == 0);
        if parts.next() == Some(b"session_authorization") {
            self.principal = parts.next().map(|name| String::from_utf8_lossy(name).into_owned());
        }
    }

    /// What last words amount to. Those of a session that has ended are followed by the end of the connection, which is what
    /// counts.
    async fn told(&mut self, body: &[u8]) -> Seen {
        let field = |tag: u8| {
            let mut fields = body.split(|byte| *byte == 0);
            let field = fields.find_map(|field| field.strip_prefix(&[tag]));
            String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
        };
        let (detail, message) = (field(b'D'), field(b'M'));
        if self.started && field(b'C') == "57P01" {
            return match self.message().await {
                Err(_) => Seen::Closed,
                Ok(_) => Seen::Other("something followed the last words".to_owned()),
            };
        }
        let code = detail.strip_prefix("code ").and_then(|rest| rest.split(',').next());
        let code = code.and_then(|said| Code::ALL.iter().find(|code| code.as_str() == said));
        match code {
            Some(code) => Seen::Refused { status: code.status(), code: code.as_str().to_owned() },
            None => Seen::Other(format!("{message} ({detail})")),
        }
    }
}

fn no_alert(error: &io::Error) -> bool {
    error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>())
}

/// Who one is goes without saying: the certificate says it.
fn start_up() -> Vec<u8> {
    let parameters = format!("database\0{DATABASE}\0\0");
    let length = u32::try_from(8 + parameters.len()).unwrap_or_default();
    [&length.to_be_bytes(), &[0, 3, 0, 0], parameters.as_bytes()].concat()
}

/// A statement that is none.
fn query() -> Vec<u8> {
    b"Q\0\0\0\x05\0".to_vec()
}

const REQUEST_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const MOST_BYTES: usize = 64 * 1024;
