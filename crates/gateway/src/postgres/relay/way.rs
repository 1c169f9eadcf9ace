//! One direction: what one side says is passed on to the other.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wire::postgres::Malformed;
use wire::postgres::border::{Begun, Border};

/// One direction of a relay. It owns no buffer, except for what the other side could not take at once.
#[derive(Default)]
pub(super) struct Way {
    border: Border,
    /// What was read and could not be written yet, and how much of that was since.
    held: Vec<u8>,
    written: usize,
    /// Something was written that may not be out.
    unflushed: bool,
    /// What comes once everything is out.
    then: Then,
    /// Bytes that were passed on.
    passed: u64,
    /// Since when the other side takes nothing.
    stalled: Option<Instant>,
}

/// What comes after what was passed on.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Then {
    /// More.
    #[default]
    More,
    /// The other side hears that there is no more.
    Close,
    /// Nothing: what follows was held back.
    Stop,
}

/// How a direction is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// One side has no more to say, and the other knows it.
    Closed,
    /// What follows was held back.
    HeldBack,
}

/// What broke a direction.
#[derive(Debug)]
pub(super) enum Broken {
    /// The side that is read from.
    From(io::Error),
    /// The side that is written to.
    To(io::Error),
    /// What is read is no sequence of messages.
    Malformed(Malformed),
}

/// What is wanted of those who watch a direction.
pub(super) trait Watch {
    /// A message begins; break to hold it back, with all that follows.
    fn begins(&mut self, begun: Begun) -> ControlFlow<()>;

    /// The side that is read from has no more to say; break to keep that from the other.
    fn ends(&mut self, _between: bool) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Way {
    /// Passes on what there is.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        watch: &mut impl Watch,
    ) -> Poll<Result<Done, Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_out(cx, to)).map_err(Broken::To)?;
            match self.then {
                Then::More => ready!(with_scratch(|scratch| self.poll_read(cx, from, to, watch, scratch)))?,
                Then::Close => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx)).map_err(Broken::To)?;
                    return Poll::Ready(Ok(Done::Closed));
                }
                Then::Stop => return Poll::Ready(Ok(Done::HeldBack)),
            }
        }
    }

    /// Passes on the rest of the message that has begun, and no other; false where it is cut short.
    pub(super) fn poll_rest<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<bool>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match ready!(self.poll_out(cx, to)) {
                Ok(()) if self.border.is_between() => return Poll::Ready(true),
                Ok(()) if self.then == Then::More => {}
                Ok(()) | Err(_) => return Poll::Ready(false),
            }
            let read = with_scratch(|scratch| self.poll_read(cx, from, to, &mut Holding, scratch));
            if ready!(read).is_err() {
                return Poll::Ready(false);
            }
        }
    }

    /// Gets out what has been read.
    fn poll_out<W>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>>
    where
        W: AsyncWrite + Unpin,
    {
        while let Some(rest) = self.held.get(self.written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut *to).poll_write(cx, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => {
                    (self.written, self.unflushed, self.stalled) = (self.written + written, true, None);
                }
                Poll::Pending => return self.stalls(),
            }
        }
        if self.written > 0 {
            (self.held, self.written) = (Vec::new(), 0);
        }
        if self.unflushed {
            match Pin::new(to).poll_flush(cx)? {
                Poll::Ready(()) => (self.unflushed, self.stalled) = (false, None),
                Poll::Pending => return self.stalls(),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has arrived and writes it, as much as the other side takes.
    fn poll_read<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        watch: &mut impl Watch,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut buffer = ReadBuf::new(scratch);
        let ended = ready!(poll_fill(cx, from, &mut buffer)).map_err(Broken::From)?;
        let read = buffer.filled();
        let followed = self.border.follow(read, |begun| watch.begins(begun)).map_err(Broken::Malformed)?;
        let mut rest = read.get(..followed).unwrap_or(read);
        if followed < read.len() {
            self.then = Then::Stop;
        } else if ended {
            self.then = match watch.ends(self.border.is_between()) {
                ControlFlow::Continue(()) => Then::Close,
                ControlFlow::Break(()) => Then::Stop,
            };
        }
        self.passed += rest.len() as u64;
        while !rest.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, rest).map_err(Broken::To)? {
                Poll::Ready(0) => return Poll::Ready(Err(Broken::To(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.unflushed = true;
                }
                Poll::Pending => {
                    self.held = rest.to_vec();
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether all that was read is out, and ends with a message.
    pub(super) fn is_clear(&self) -> bool {
        self.held.is_empty() && !self.unflushed && self.border.is_between()
    }

    /// Bytes that were passed on.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Since when the other side takes nothing of what waits for it.
    pub(super) fn stalled(&self) -> Option<Instant> {
        self.stalled
    }

    fn stalls<T>(&mut self) -> Poll<T> {
        self.stalled.get_or_insert_with(Instant::now);
        Poll::Pending
    }
}

/// Lets no message begin.
struct Holding;

impl Watch for Holding {
    fn begins(&mut self, _: Begun) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Reads as much as has arrived and fits; true where that was the last of it.
fn poll_fill<R>(cx: &mut Context<'_>, from: &mut R, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>>
where
    R: AsyncRead + Unpin,
{
    loop {
        let before = buffer.filled().len();
        match Pin::new(&mut *from).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() == before => return Poll::Ready(Ok(true)),
            Poll::Ready(Ok(())) if buffer.remaining() > 0 => {}
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(false)),
            // What came before is passed on first; what is wrong is still wrong afterwards.
            Poll::Ready(Err(_)) | Poll::Pending if before > 0 => return Poll::Ready(Ok(false)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// Lends the thread's buffer: a session that waits needs none.
fn with_scratch<T>(act: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with(|cell| {
        let mut scratch = cell.take();
        scratch.resize(SCRATCH_BYTES, 0);
        let done = act(&mut scratch);
        cell.set(scratch);
        done
    })
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Four records of TLS: what a result of some size is read and sealed by.
const SCRATCH_BYTES: usize = 64 * 1024;
