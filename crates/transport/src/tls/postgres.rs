//! Clients that ask for TLS in PostgreSQL's words, or begin with it.
//!
//! Up to the handshake nothing is read but eight bytes at a time, and nothing is kept of them: what somebody between client
//! and server puts before the handshake is never taken for something that the client said within it.

use std::io;

use fault::{Code, Refusal};
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::postgres::cancel::CancelKey;
use wire::postgres::first::First;

use super::door::{Accepted, Door, Unshaken};
use super::failure::{FailureKind, HandshakeFailure};
use super::farewell::Farewell;
use super::hello::HANDSHAKE;

/// What came of a connection at a PostgreSQL listener before its first message within TLS.
#[derive(Debug)]
pub enum Arrived {
    /// Its handshake is done, and its client has been judged.
    Shaken(Box<Accepted>),
    /// A request to cancel in clear text. The connection is closed.
    Cancel(CancelKey),
}

impl Door {
    /// As [`accept`](Self::accept), for a client that asks for TLS by PostgreSQL's request, or begins with TLS and then agrees
    /// on the application protocol `postgresql`. A request to cancel in clear text is handed over where `plaintext_cancel`
    /// says so.
    ///
    /// # Errors
    /// As [`accept`](Self::accept). A client that goes on without TLS is refused with `plaintext-refused` and has not been
    /// told: the [`Farewell`] takes the words, where the client listens.
    pub async fn accept_postgres(
        &self,
        tcp: TcpStream,
        plaintext_cancel: bool,
    ) -> Result<Arrived, (HandshakeFailure, Farewell)> {
        let arrived = self.within_its_time(self.arrive(tcp, plaintext_cancel)).await?;
        Ok(match arrived {
            Arrived::Shaken(accepted) => Arrived::Shaken(Box::new(self.settled(*accepted).await)),
            cancel @ Arrived::Cancel(_) => cancel,
        })
    }

    async fn arrive(&self, mut tcp: TcpStream, plaintext_cancel: bool) -> Result<Arrived, Unshaken> {
        match begins_with_tls(&tcp).await {
            Ok(true) => return with_its_protocol(self.shake(tcp).await?).await,
            Ok(false) => {}
            Err(error) => return Err(gone(&error)),
        }
        let mut first = first(&mut tcp).await?;
        if first == First::Gss {
            // As every server without it says; the client asks for TLS next, or goes away.
            tcp.write_all(b"N").await.map_err(|error| gone(&error))?;
            first = self::first(&mut tcp).await?;
        }
        match first {
            First::Tls => {
                if has_more(&tcp).map_err(|error| gone(&error))? {
                    let cause = "bytes followed the request for TLS before it was answered";
                    return Err((HandshakeFailure::new(FailureKind::Injected, cause), Some(tcp)));
                }
                tcp.write_all(b"S").await.map_err(|error| gone(&error))?;
                Ok(Arrived::Shaken(Box::new(self.shake(tcp).await?)))
            }
            First::Cancel(length) if plaintext_cancel => cancel(tcp, length).await,
            First::Cancel(_) => {
                let cause = "a request to cancel in clear text, as libpq before 17 and JDBC make it; the listener's plaintext_cancel is off";
                // Whoever cancels is told nothing and waits for nothing.
                Err((HandshakeFailure::refused(Refusal::new(Code::PlaintextRefused, cause)), None))
            }
            First::Startup(version, _) => {
                let cause = format!("a start-up of version {version} in clear text");
                Err((HandshakeFailure::refused(Refusal::new(Code::PlaintextRefused, cause)), Some(tcp)))
            }
            First::Gss | First::Foreign => {
                let cause = "the first bytes are neither TLS nor PostgreSQL's";
                Err((HandshakeFailure::new(FailureKind::Garbage, cause), Some(tcp)))
            }
        }
    }
}

/// Whether the first byte is that of a handshake, which no message of PostgreSQL's begins with. It is only looked at.
async fn begins_with_tls(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let seen = tcp.peek(&mut first).await?;
    if seen == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(first == [HANDSHAKE])
}

async fn first(tcp: &mut TcpStream) -> Result<First, Unshaken> {
    let mut bytes = [0; First::BYTES];
    tcp.read_exact(&mut bytes).await.map_err(|error| gone(&error))?;
    Ok(First::of(bytes))
}

/// Whether anything lies there to be read, now.
fn has_more(tcp: &TcpStream) -> io::Result<bool> {
    // The kernel is asked, and not what the runtime last heard of it.
    let mut byte = [0];
    match recv(tcp, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, seen)) => Ok(seen > 0),
        Err(error) if io::Error::from(error).kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Of a client that began with TLS: without the name of the protocol, a client of another one could have been led here.
async fn with_its_protocol(accepted: Accepted) -> Result<Arrived, Unshaken> {
    if accepted.alpn.as_deref() == Some(PROTOCOL) {
        return Ok(Arrived::Shaken(Box::new(accepted)));
    }
    let cause = "TLS was begun directly and without the application protocol \"postgresql\"";
    let failure = HandshakeFailure::new(FailureKind::Alpn, cause);
    let mut stream = accepted.stream;
    // What is encrypted can still be ended properly; the client's words are not read.
    let _ = stream.shutdown().await;
    let (tcp, _) = stream.into_inner();
    Err((failure.asked_for(accepted.sni).greeted_by(accepted.hello), Some(tcp)))
}

async fn cancel(mut tcp: TcpStream, length: usize) -> Result<Arrived, Unshaken> {
    let mut body = [0; 4 + CancelKey::LONGEST_SECRET];
    let Some(body) = body.get_mut(..length) else { return Err(gone(&io::ErrorKind::InvalidData.into())) };
    tcp.read_exact(body).await.map_err(|error| gone(&error))?;
    let key = CancelKey::parse(body);
    key.map(Arrived::Cancel).ok_or_else(|| gone(&io::ErrorKind::InvalidData.into()))
}

fn gone(error: &io::Error) -> Unshaken {
    let cause = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the client closed before it had said what it wants".to_owned(),
        _ => format!("the connection broke before the handshake: {error}"),
    };
    (HandshakeFailure::new(FailureKind::Closed, cause), None)
}

/// What PostgreSQL is called where TLS agrees on what is spoken.
const PROTOCOL: &[u8] = b"postgresql";
