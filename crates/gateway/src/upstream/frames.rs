//! Messages of a server, read one by one and never past one.

use std::io;

use bytes::{Buf as _, BytesMut};
use postgres_protocol::message::backend::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a server may say in one exchange, bounded: it may be anybody's.
pub(super) struct Frames<'a, S> {
    stream: &'a mut S,
    /// How many bytes it may still say.
    left: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Frames<'a, S> {
    /// An exchange in which the server may say so many bytes.
    pub(super) fn new(stream: &'a mut S, most: usize) -> Self {
        Self { stream, left: most }
    }

    /// The next message. Nothing after it is read.
    ///
    /// # Errors
    /// The connection broke; `InvalidData` where what was read is no message, or too much.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        let mut head = [0_u8; HEAD];
        self.stream.read_exact(&mut head).await?;
        let mut frame = BytesMut::from(head.as_slice());
        let [_, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let body = length.checked_sub(4).ok_or_else(|| strange("a message of no length"))?;
        self.left = self
            .left
            .checked_sub(body.saturating_add(HEAD))
            .ok_or_else(|| strange("it says more than a server has to say here"))?;
        frame.resize(HEAD + body, 0);
        self.stream.read_exact(frame.get_mut(HEAD..).unwrap_or_default()).await?;
        match Message::parse(&mut frame) {
            Ok(Some(message)) if !frame.has_remaining() => Ok(message),
            Ok(_) => Err(strange("a message that is none")),
            Err(error) => Err(strange(&format!("a message that is none: {error}"))),
        }
    }

    /// Says something, at once.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

pub(super) fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A tag and a length.
const HEAD: usize = 5;
