//! Telling TLS from what is not, before TLS is begun.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::failure::{FailureKind, HandshakeFailure};

/// The content type of a TLS handshake record.
const HANDSHAKE: u8 = 0x16;
/// The handshake message that a client begins with.
const CLIENT_HELLO: u8 = 0x01;
/// The first byte of the version number of SSL 3 and of every TLS.
const MAJOR: u8 = 0x03;

/// Looks at the first byte without taking it.
///
pub(crate) async fn check(tcp: &TcpStream) -> Result<(), HandshakeFailure> {
    let mut first = [0; 16];
    let seen = tcp.peek(&mut first).await;
    let seen = seen.map_err(|error| HandshakeFailure::new(FailureKind::Closed, error.to_string()))?;
    match first.get(..seen).unwrap_or_default() {
        // Record header, message header, version: TLS 1.2 and 1.3 both say 3.3 here.
        [HANDSHAKE, MAJOR, _, _, _, CLIENT_HELLO, _, _, _, MAJOR, minor @ 0..=2, ..] => {
            let name = ["SSL 3", "TLS 1.0", "TLS 1.1"].get(usize::from(*minor)).unwrap_or(&"an old TLS");
            Err(HandshakeFailure::new(
                FailureKind::Version,
                format!("the client speaks no newer version than {name}"),
            ))
        }
        [HANDSHAKE, ..] => Ok(()),
        [] => Err(HandshakeFailure::new(FailureKind::Closed, "the client closed before it said anything")),
        [0x80..=0xff, _, 0x01, ..] => {
            Err(HandshakeFailure::new(FailureKind::Version, "the client speaks SSL 2, which is not secure"))
        }
        bytes if is_http(bytes) => Err(HandshakeFailure::new(
            FailureKind::Plaintext,
            "the client speaks plaintext HTTP to a TLS port",
        )),
        bytes => {
            let cause = format!("the first bytes are no TLS: \"{}\"", bytes.escape_ascii());
            Err(HandshakeFailure::new(FailureKind::Garbage, cause))
        }
    }
}

fn is_http(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"PATCH ",
        b"OPTIONS ",
        b"CONNECT ",
        b"TRACE ",
        b"PRI * ",
    ];
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Says to a client that does not speak our TLS what it can understand.
pub(crate) async fn answer(tcp: &mut TcpStream, kind: FailureKind) {
    // An alert; rustls would complain of an extension that old versions do not have.
    const FATAL_PROTOCOL_VERSION: [u8; 7] = [0x15, MAJOR, 0x01, 0, 2, 2, 70];
    const BODY: &str = "{\"error\":{\"message\":\"this port speaks TLS: ask again with https://\"}}\n";
    // Whether it listens is its own affair.
    let _ = match kind {
        FailureKind::Version => tcp.write_all(&FATAL_PROTOCOL_VERSION).await,
        FailureKind::Plaintext => {
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
            tcp.write_all(answer.as_bytes()).await
        }
        _ => Ok(()),
    };
}
