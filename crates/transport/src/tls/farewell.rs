//! Last words that arrive.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a client that was refused may take to hear so.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much it may still say meanwhile, in bytes.
const MOST_UNREAD: usize = 64 * 1024;

/// What is left of a connection whose handshake failed.
///
/// It is apart from the failure, so that the failure is on record before the client has had its time: a client may take
/// all of it, and the node may be told to stop meanwhile.
#[derive(Debug)]
#[must_use = "a client that is not waited for may see a reset in place of the alert"]
pub struct Farewell(Option<TcpStream>);

impl Farewell {
    /// Of a connection on which something was said last; none where there is nothing to hear.
    pub(crate) fn new(tcp: Option<TcpStream>) -> Self {
        Self(tcp)
    }

    /// Says something first, where there is still somebody to hear it.
    pub async fn saying(mut self, bytes: &[u8]) -> Self {
        if let Some(tcp) = &mut self.0 {
            let _ = tokio::time::timeout(PATIENCE, tcp.write_all(bytes)).await;
        }
        self
    }

    /// Closes after the client has had time to read what was said last.
    ///
    /// With TLS 1.3 a client sends its first request before it knows of our refusal. Were the connection closed with that
    /// request unread, the kernel would reset it, and the client would see a broken connection in place of the alert.
    pub async fn linger(self) {
        if let Some(tcp) = self.0 {
            let _ = tokio::time::timeout(PATIENCE, hang_up(tcp)).await;
        }
    }
}

async fn hang_up(mut tcp: TcpStream) {
    if tcp.shutdown().await.is_err() {
        return;
    }
    let mut unread = [0; 1024];
    let mut left = MOST_UNREAD;
    while let Ok(read @ 1..) = tcp.read(&mut unread).await {
        left = left.saturating_sub(read);
        if left == 0 {
            return;
        }
    }
}
