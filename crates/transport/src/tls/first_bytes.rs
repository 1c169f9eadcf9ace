//! Telling TLS from what is not, before TLS is begun.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

use super::failure::{FailureKind, HandshakeFailure};
use super::hello::{CLIENT_HELLO, ENOUGH, HANDSHAKE, Heard, HelloId, MAJOR};

/// Looks at the first bytes without taking them; where they begin a handshake, gives the id that it may be asked
/// about by.
pub(crate) async fn check(tcp: &TcpStream) -> Result<Option<HelloId>, HandshakeFailure> {
    let mut first = [0; ENOUGH];
    let seen = peek(tcp, &mut first).await;
    let seen = seen.map_err(|error| HandshakeFailure::new(FailureKind::Closed, error.to_string()))?;
    let bytes = first.get(..seen).unwrap_or_default();
    let hello = match Heard::of(bytes) {
        Heard::Hello(hello) => Some(hello),
        Heard::More | Heard::Nothing => None,
    };
    is_tls(bytes).map_err(|failure| failure.greeted_by(hello))?;
    Ok(hello)
}

/// Waits until the first bytes tell what they are, or no more will come.
///
/// A hello may arrive in pieces. Whatever is not enough yet counts as nothing to read, so that the wait is for the next
/// piece and not for those that already lie there.
async fn peek(tcp: &TcpStream, first: &mut [u8]) -> io::Result<usize> {
    loop {
        let ready = tcp.ready(Interest::READABLE).await?;
        let looked = tcp.try_io(Interest::READABLE, || {
            let (_, seen) = recv(tcp, &mut *first, RecvFlags::PEEK)?;
            match Heard::of(first.get(..seen).unwrap_or_default()) {
                Heard::More if seen < first.len() && !ready.is_read_closed() && seen > 0 => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                _ => Ok(seen),
            }
        });
        match looked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return looked,
        }
    }
}

fn is_tls(bytes: &[u8]) -> Result<(), HandshakeFailure> {
    match bytes {
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
            let shown = bytes.get(..SHOWN).unwrap_or(bytes);
            let cause = format!("the first bytes are no TLS: \"{}\"", shown.escape_ascii());
            Err(HandshakeFailure::new(FailureKind::Garbage, cause))
        }
    }
}

/// How many bytes of garbage the log shows.
const SHOWN: usize = 16;

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

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};

    use super::{ENOUGH, peek};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn a_piece_of_a_hello_is_looked_at_once_and_the_next_is_waited_for() {
        let (mut client, server) = pair().await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut first = [0; ENOUGH];
        let mut peeking = pin!(peek(&server, &mut first));
        let mut said = 0;
        for piece in [b"\x16".as_slice(), b"\x03\x01\x01", b"\x00\x01\x00\x00\xf0"] {
            client.write_all(piece).await.unwrap();
            said += 1;
            while woken.0.load(Ordering::SeqCst) < said {
                assert!(peeking.as_mut().poll(&mut cx).is_pending());
                tokio::task::yield_now().await;
            }
            // The reactor has been round several times: had it more to say, it would have.
            for _ in 0..3 {
                assert!(peeking.as_mut().poll(&mut cx).is_pending());
                drop(pair().await);
            }
            assert_eq!(woken.0.load(Ordering::SeqCst), said, "woken for nothing");
        }
        drop(client);
        let seen = loop {
            match peeking.as_mut().poll(&mut cx) {
                Poll::Ready(seen) => break seen.unwrap(),
                Poll::Pending => tokio::task::yield_now().await,
            }
        };
        assert_eq!(seen, 9);
    }

    #[tokio::test]
    async fn the_end_of_a_connection_ends_the_wait() {
        let (client, server) = pair().await;
        drop(client);
        assert_eq!(peek(&server, &mut [0; ENOUGH]).await.unwrap(), 0);
    }
}
