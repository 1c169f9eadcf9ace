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

/// What came next.
pub(super) enum Next {
    Message(Message),
    /// A message of this tag that was too large to be kept: it is over, and nobody has looked at it.
    Left(u8),
}

impl<'a, S: AsyncRead + Unpin> Frames<'a, S> {
    /// An exchange in which the server may say so many bytes.
    pub(super) fn new(stream: &'a mut S, most: usize) -> Self {
        Self { stream, left: most }
    }

    /// The next message. Nothing after it is read.
    ///
    /// # Errors
    /// The connection broke; `InvalidData` where what was read is no message, or too much.
    pub(super) async fn next(&mut self) -> io::Result<Message> {
        match self.next_or_leave(self.left).await? {
            Next::Message(message) => Ok(message),
            Next::Left(_) => Err(strange(TOO_MUCH)),
        }
    }

    /// The next message, where it is not larger than so many bytes.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(super) async fn next_or_leave(&mut self, most: usize) -> io::Result<Next> {
        let mut head = [0_u8; HEAD];
        self.stream.read_exact(&mut head).await?;
        let [tag, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let body = length.checked_sub(4).ok_or_else(|| strange("a message of no length"))?;
        self.left = self.left.checked_sub(body.saturating_add(HEAD)).ok_or_else(|| strange(TOO_MUCH))?;
        if body > most {
            self.leave(body).await?;
            return Ok(Next::Left(tag));
        }
        self.whole(head, body).await.map(Next::Message)
    }

    async fn whole(&mut self, head: [u8; HEAD], body: usize) -> io::Result<Message> {
        // It grows with what arrives, not with what is announced.
        let mut frame = BytesMut::with_capacity(HEAD + body.min(AT_FIRST));
        frame.extend_from_slice(&head);
        let mut rest = (&mut *self.stream).take(u64::try_from(body).unwrap_or(u64::MAX));
        while rest.limit() > 0 {
            if rest.read_buf(&mut frame).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        match Message::parse(&mut frame) {
            Ok(Some(message)) if !frame.has_remaining() => Ok(message),
            Ok(_) => Err(strange("a message that is none")),
            Err(error) => Err(strange(&format!("a message that is none: {error}"))),
        }
    }

    /// Reads over so many bytes.
    async fn leave(&mut self, body: usize) -> io::Result<()> {
        let body = u64::try_from(body).unwrap_or(u64::MAX);
        let read = tokio::io::copy(&mut (&mut *self.stream).take(body), &mut tokio::io::sink()).await?;
        if read == body { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Frames<'_, S> {
    /// Says something, at once.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

pub(super) fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const TOO_MUCH: &str = "it says more than a server has to say here";
/// What is set aside for a message before any of it is there, in bytes.
const AT_FIRST: usize = 16 * 1024;
/// A tag and a length.
const HEAD: usize = 5;
