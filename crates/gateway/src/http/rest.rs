//! An idle HTTP/1.1 connection without the buffers that only a request needs.
//!
//! hyper keeps 16 KiB of buffers for as long as a connection lives. Most connections of a database are idle most of
//! the time, so a connection that was not asked anything for a while is taken apart, and put together again when
//! its next byte arrives.

use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::pace::{Paced, Verdict};
use crate::session::Session;

/// Waits, on next to no memory, for the next byte; nothing where the connection ended instead.
pub(super) async fn rest<S>(
    session: &Session,
    mut tired: Paced<S>,
    stop: &CancellationToken,
) -> Option<Paced<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if tired.has_unread() {
        return Some(tired);
    }
    let mut byte = [0_u8; 1];
    let mut deadline = pin!(tokio::time::sleep(Duration::ZERO));
    let cut = loop {
        tokio::select! {
            biased;
            read = tired.read(&mut byte) => match read {
                Ok(1) => return Some(tired.unread(&byte)),
                _ => return None,
            },
            ended = session.end.told() => break ended.cut(),
            () = stop.cancelled() => break Instant::now() + FAREWELL,
            () = deadline.as_mut() => match session.deadline_resting() {
                Verdict::Wait(at) => deadline.as_mut().reset(at),
                Verdict::Rest | Verdict::Idle | Verdict::Slow => break Instant::now() + FAREWELL,
            }
        }
    };
    // TLS has a farewell of its own; a peer that does not take it is not waited for.
    let _ = tokio::time::timeout_at(cut, tired.shutdown()).await;
    None
}

/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);
