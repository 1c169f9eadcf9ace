//! A connection to a PostgreSQL before TLS begins on it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server says to the wish for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Willing {
    /// The handshake may begin.
    Yes,
    /// It has none; the connection may go on in clear text.
    No,
    /// Something that no PostgreSQL says, or that one says which cannot go on. Nobody vouches for it, so it is not shown.
    Neither,
}

/// Asks a server for TLS in its own words.
///
/// One byte comes back and no more is read: whatever else has arrived before the handshake is taken for a part of it, and
/// fails.
///
/// # Errors
/// The connection broke.
pub async fn ask_for_tls(tcp: &mut TcpStream) -> io::Result<Willing> {
    tcp.write_all(&SSL_REQUEST).await?;
    Ok(match tcp.read_u8().await? {
        b'S' => Willing::Yes,
        b'N' => Willing::No,
        _ => Willing::Neither,
    })
}

/// Has the kernel notice a server that has vanished without a word, however long nothing is said, and send what is
/// written at once.
///
/// # Errors
/// The socket does not take the settings.
pub fn watch(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(UNHEARD))
}

/// Whether the peer is there and has said nothing that is not read yet, as the kernel knows it at this moment. The socket
/// must not block.
pub fn is_silent(socket: &impl AsFd) -> bool {
    let mut byte = [MaybeUninit::<u8>::uninit()];
    matches!(SockRef::from(socket).peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// "Let us speak TLS": length, and the code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// How long a connection may be silent before the kernel asks whether anybody is there.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long what was sent may go unacknowledged.
const UNHEARD: Duration = Duration::from_secs(15);
