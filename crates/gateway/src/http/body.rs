//! A request body within its limits.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use crate::http::reply::{self, Reply};

/// Reads a body of at most `most` bytes within `limit`.
///
/// # Errors
/// The answer to give: 413 where the body is or becomes too large, 408 where it does not arrive in time, 400 where
/// it breaks off.
pub(crate) async fn read(
    body: &mut Incoming,
    most: usize,
    limit: Duration,
    patience: Patience,
) -> Result<Bytes, Box<Reply>> {
    // A body that announces itself as too large is not read at all.
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match within(limit, patience, Limited::new(body, most).collect()).await {
        Some(Ok(collected)) => Ok(collected.to_bytes()),
        Some(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Some(Err(_)) => Err(Box::new(reply::fault(StatusCode::BAD_REQUEST, "read body"))),
        None => Err(Box::new(reply::fault(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"))),
    }
}

/// When the timer for a body starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Where the body is not there at once.
    None,
    /// Where it is not there at the second look. On HTTP/1.1 a body that has arrived with its head is handed over one
    /// look later, and a timer for that one look would cost more than the look; the connection's own deadline sees
    /// to it that there is a second one.
    OneLook,
}

/// The future's value, or nothing where it takes longer than `limit`.
async fn within<T>(limit: Duration, patience: Patience, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut waits = patience == Patience::OneLook;
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        if std::mem::take(&mut waits) {
            return Poll::Pending;
        }
        timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit))).as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// Takes in and forgets what is left of a body that the answer did not need.
///
/// An answer that leaves the body unread ends an HTTP/1.1 connection, and over HTTP/2 it is followed by a reset, which
/// common clients (curl 7.88 among them) report in place of the answer. A body that is large or slow is left all the same.
/// Who is in a hurry waits for a moment only.
pub(crate) async fn forget(body: &mut Incoming, hurry: bool) {
    if !body.is_end_stream() {
        let time = if hurry { FORGET_IN_A_HURRY } else { FORGET_TIME };
        // However it ends: nothing of it is wanted.
        let _ = tokio::time::timeout(time, Limited::new(body, FORGET_BYTES).collect()).await;
    }
}

fn too_large() -> Box<Reply> {
    Box::new(reply::fault(StatusCode::PAYLOAD_TOO_LARGE, "request body exceeds the maximum allowed size"))
}

/// What a refused request may still send: any statement of a sensible size.
const FORGET_BYTES: usize = 256 * 1024;
/// How long it may take for that.
const FORGET_TIME: Duration = Duration::from_secs(1);
/// How long where the connection is about to be cut.
const FORGET_IN_A_HURRY: Duration = Duration::from_millis(100);
