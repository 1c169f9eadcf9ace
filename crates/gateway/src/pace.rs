//! Deadlines of a connection: a client that is slow, silent or idle holds its slot for a bounded time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a connection is doing, noted by its I/O and by its requests, read by its deadline.
#[derive(Debug)]
pub(crate) struct Pace {
    opened: Instant,
    /// A head is a run of bytes that ends before its deadline only on HTTP/1.1; HTTP/2 frames may come at any time.
    heads: bool,
    reading: AtomicBool,
    requests: AtomicU32,
    /// Nothing is on its way out: the last thing done to the stream was a flush that completed.
    flushed: AtomicBool,
    /// Large answers that the peer has not taken yet.
    undelivered: AtomicU32,
    /// Milliseconds after `opened` at which the present wait began.
    since: AtomicU64,
}

/// What the deadline says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ask again then.
    Wait(Instant),
    /// Nothing was asked for a while: let go of what only a request needs.
    Rest,
    /// Nothing was asked for too long: say farewell.
    Idle,
    /// A request head did not arrive in time: close.
    Slow,
}

impl Pace {
    pub(crate) fn new(heads: bool) -> Self {
        Self {
            opened: Instant::now(),
            heads,
            reading: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            flushed: AtomicBool::new(true),
            undelivered: AtomicU32::new(0),
            since: AtomicU64::new(0),
        }
    }

    /// Bytes came in.
    fn received(&self) {
        let begins = self.heads
            && self.requests.load(Ordering::Relaxed) == 0
            && !self.reading.swap(true, Ordering::Relaxed);
        if begins {
            self.mark(Instant::now());
        }
    }

    /// A request begins; it ends when the returned value is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> InRequest {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.reading.store(false, Ordering::Relaxed);
        InRequest(Arc::clone(self))
    }

    /// A large answer begins to be delivered; it is delivered, or given up, when the returned value is dropped.
    pub(crate) fn deliver(self: &Arc<Self>) -> Delivery {
        self.undelivered.fetch_add(1, Ordering::Relaxed);
        Delivery(Arc::clone(self))
    }

    /// Judges the connection at this moment.
    pub(crate) fn judge(&self, head: Duration, idle: Duration) -> Verdict {
        let now = Instant::now();
        if self.requests.load(Ordering::Relaxed) > 0 {
            // A request has deadlines of its own; looking in on it lets it start the one for its body.
            return Verdict::Wait(now + head);
        }
        let since = self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed));
        if self.undelivered.load(Ordering::Relaxed) > 0 {
            // A peer that takes nothing of an answer for so long will not take the rest.
            return if now >= since + idle {
                Verdict::Slow
            } else {
                Verdict::Wait((since + idle).min(now + head))
            };
        }
        if self.reading.load(Ordering::Relaxed) {
            return if now >= since + head { Verdict::Slow } else { Verdict::Wait(since + head) };
        }
        let rest = since + BEFORE_REST;
        match self.heads && self.flushed.load(Ordering::Relaxed) {
            _ if now >= since + idle => Verdict::Idle,
            true if now >= rest => Verdict::Rest,
            true => Verdict::Wait(rest.min(since + idle)),
            // Looked at once per head deadline, so that a head that begins meanwhile is seen.
            false => Verdict::Wait((since + idle).min(now + head)),
        }
    }

    /// As [`judge`](Self::judge), for a connection that rests already.
    pub(crate) fn judge_resting(&self, head: Duration, idle: Duration) -> Verdict {
        match self.judge(head, idle) {
            Verdict::Rest => {
                Verdict::Wait(self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed)) + idle)
            }
            verdict => verdict,
        }
    }

    fn mark(&self, now: Instant) {
        let millis = u64::try_from((now - self.opened).as_millis()).unwrap_or(u64::MAX);
        self.since.store(millis, Ordering::Relaxed);
    }
}

/// A request in flight.
pub(crate) struct InRequest(Arc<Pace>);

impl InRequest {
    /// The request has its answer; `now` saves asking the clock again.
    pub(crate) fn end(self, now: Instant) {
        // The answer is with hyper, which may hold it back for a while; only a flush after this moment says it is out.
        self.0.flushed.store(false, Ordering::Relaxed);
        self.0.mark(now);
    }
}

impl Drop for InRequest {
    /// Without an [`end`](Self::end) the client went away, and the connection with it.
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A large answer on its way.
#[derive(Debug)]
pub(crate) struct Delivery(Arc<Pace>);

impl Delivery {
    /// The peer took some of it.
    pub(crate) fn progress(&self) {
        self.0.mark(Instant::now());
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.progress();
        self.0.undelivered.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that notes what it receives, and takes back what was read too early.
pub(crate) struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
    early: Vec<u8>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, early: Vec::new() }
    }

    /// Takes bytes back, to be read again before anything else.
    pub(crate) fn unread(mut self, bytes: &[u8]) -> Self {
        self.early.splice(0..0, bytes.iter().copied());
        self
    }

    /// Whether bytes were taken back and not read again.
    pub(crate) fn has_unread(&self) -> bool {
        !self.early.is_empty()
    }

    /// Reads what was taken back, as far as it fits; true where something was.
    fn read_early(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let fits = self.early.len().min(buf.remaining());
        let left = self.early.split_off(fits);
        buf.put_slice(&self.early);
        self.early = left;
        fits > 0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let early = !self.early.is_empty() && self.read_early(buf);
        if early && buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pace.received();
        }
        match polled {
            // What follows has mostly arrived as well; where it has not, what there was counts.
            Poll::Pending if early => Poll::Ready(Ok(())),
            polled => polled,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pace.flushed.store(false, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.pace.flushed.store(matches!(polled, Poll::Ready(Ok(()))), Ordering::Relaxed);
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pace.flushed.store(false, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Between two requests of a busy client nothing is let go of.
pub(crate) const BEFORE_REST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use std::sync::atomic::Ordering;

    use super::{Pace, Paced, Verdict};

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_is_cut_and_an_idle_connection_is_told_to_go() {
        let pace = Arc::new(Pace::new(true));
        assert!(matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)));
        pace.received();
        tokio::time::advance(Duration::from_secs(6)).await;
        pace.received();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(pace.judge(HEAD, IDLE), Verdict::Slow, "bytes that trickle in do not move the deadline");

        let request = pace.request();
        tokio::time::advance(Duration::from_secs(500)).await;
        assert!(
            matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)),
            "a request in flight has deadlines of its own"
        );
        request.end(Instant::now());
        pace.flushed.store(true, Ordering::Relaxed);
        assert!(matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)));
        tokio::time::advance(Duration::from_secs(119)).await;
        assert_eq!(pace.judge(HEAD, IDLE), Verdict::Rest);
        assert!(matches!(pace.judge_resting(HEAD, IDLE), Verdict::Wait(_)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(pace.judge(HEAD, IDLE), Verdict::Idle);
        assert_eq!(pace.judge_resting(HEAD, IDLE), Verdict::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_answer_may_take_long_as_long_as_it_is_taken() {
        let pace = Arc::new(Pace::new(false));
        pace.request().end(Instant::now());
        let delivery = pace.deliver();
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(100)).await;
            assert!(matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)));
            delivery.progress();
        }
        tokio::time::advance(Duration::from_secs(120)).await;
        assert_eq!(pace.judge(HEAD, IDLE), Verdict::Slow);
        drop(delivery);
        assert!(matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_bytes_still_to_send_does_not_rest() {
        let (mut near, _far) = tokio::io::duplex(8);
        let pace = Arc::new(Pace::new(true));
        let mut paced = Paced::new(&mut near, Arc::clone(&pace));
        paced.write_all(b"12345678").await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)));
        paced.flush().await.unwrap();
        assert_eq!(pace.judge(HEAD, IDLE), Verdict::Rest);
        pace.request().end(Instant::now());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(
            matches!(pace.judge(HEAD, IDLE), Verdict::Wait(_)),
            "an answer that was not flushed is not out"
        );
    }

    #[tokio::test]
    async fn what_was_read_too_early_is_read_again_first_and_whole() {
        for size in 1..8 {
            let (mut far, near) = tokio::io::duplex(64);
            far.write_all(b" / HTTP/1.1").await.unwrap();
            far.shutdown().await.unwrap();
            let mut paced = Paced::new(near, Arc::new(Pace::new(true))).unread(b"T").unread(b"GE");
            let mut text = Vec::new();
            let mut buf = vec![0; size];
            loop {
                match paced.read(&mut buf).await.unwrap() {
                    0 => break,
                    n => text.extend_from_slice(&buf[..n]),
                }
            }
            assert_eq!(text, b"GET / HTTP/1.1");
        }
    }
}
