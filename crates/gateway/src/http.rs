//! What is served over HTTP/1.1 and HTTP/2.
//!
//! - [`answer`]: one request to one answer; every request passes it.
//! - [`route`]: what a path names.
//! - [`query`](mod@query): a database's answer to SQL.
//! - [`whoami`]: who the door takes the caller for.
//! - [`admin`]: the control plane.
//! - [`why`]: why something was refused.
//! - [`body`]: a request body within its limits.
//! - [`delivery`]: the body of an answer on its way to the peer.
//! - [`reply`]: answers and their shapes.
//! - [`rest`]: an idle HTTP/1.1 connection without the buffers that only a request needs.

mod admin;
mod answer;
mod body;
mod delivery;
mod elsewhere;
mod query;
mod reply;
mod rest;
mod revoke;
pub(crate) mod route;
mod whoami;
mod why;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::delivery::AnswerBody;
use crate::pace::{BEFORE_REST, Paced, Verdict};
use crate::session::Session;

/// Serves HTTP/1.1 until the connection ends, in spells of activity between which it rests.
pub(crate) async fn serve_h1<S>(session: &Arc<Session>, mut stream: Paced<S>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    while let Some(tired) = Box::pin(spell_of_h1(session, stream, &stop)).await {
        match rest::rest(session, tired, &stop).await {
            Some(awake) => stream = awake,
            None => return,
        }
    }
}

/// Serves HTTP/1.1 until the connection ends or has been idle for a while; then the stream comes back.
async fn spell_of_h1<S>(
    session: &Arc<Session>,
    stream: Paced<S>,
    stop: &CancellationToken,
) -> Option<Paced<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = session.gateway.snapshot().http_limits;
    let served = Arc::clone(session);
    let service =
        service_fn(move |request: Request<Incoming>| answer_to(Arc::clone(&served), request, "1.1"));
    let mut connection = http1::Builder::new()
        .half_close(false)
        .max_buf_size(limits.head_bytes.max(SMALLEST_BUFFER))
        .serve_connection(TokioIo::new(stream), service);
    match attend(session, Pin::new(&mut connection), stop).await {
        End::Over => None,
        End::Tired => {
            let parts = connection.into_parts();
            Some(parts.io.into_inner().unread(&parts.read_buf))
        }
    }
}

/// Serves HTTP/2 until the connection ends.
pub(crate) async fn serve_h2<S>(session: &Arc<Session>, stream: Paced<S>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = session.gateway.snapshot().http_limits;
    let served = Arc::clone(session);
    let service = service_fn(move |request: Request<Incoming>| answer_to(Arc::clone(&served), request, "2"));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(stream), service);
    // HTTP/2 keeps state between requests, so it does not rest.
    let _ = attend(session, pin!(connection), &stop).await;
}

async fn answer_to(
    session: Arc<Session>,
    request: Request<Incoming>,
    version: &'static str,
) -> Result<Response<AnswerBody>, Infallible> {
    debug_assert!(request.version() <= Version::HTTP_2);
    Ok(answer::answer(&session, request, version).await)
}

/// How a spell of activity ended.
enum End {
    /// With the connection.
    Over,
    /// Nothing was asked for a while.
    Tired,
}

/// Drives a connection until it ends or tires, whatever ends it: the peer, a deadline, the session's end, the node
/// going down. The farewell is the protocol's own: GOAWAY on HTTP/2, `Connection: close` on HTTP/1.1.
async fn attend<C>(session: &Session, mut connection: Pin<&mut C>, stop: &CancellationToken) -> End
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let (mut leaving, mut ending) = (false, false);
    let limits = session.gateway.snapshot().http_limits;
    let first = session.first_look(BEFORE_REST.min(limits.head).min(limits.idle));
    let mut deadline = pin!(tokio::time::sleep_until(first));
    let mut told = pin!(stop.cancelled());
    let mut ended = pin!(session.end.told());
    loop {
        tokio::select! {
            biased;
            end = connection.as_mut() => {
                if let Err(error) = end {
                    let (listener, peer) = (&*session.listener.name, session.address);
                    tracing::debug!(listener, %peer, %error, "connection ended early");
                }
                return End::Over;
            }
            ended = ended.as_mut(), if !ending => {
                (leaving, ending) = (true, true);
                connection.as_mut().graceful_shutdown();
                deadline.as_mut().reset(ended.cut());
            }
            () = told.as_mut(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                // The drain has a deadline of its own.
                deadline.as_mut().reset(Instant::now() + DRAIN);
            }
            () = deadline.as_mut() => match session.deadline() {
                _ if leaving => return End::Over,
                Verdict::Slow => return End::Over,
                Verdict::Rest => return End::Tired,
                Verdict::Idle => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    deadline.as_mut().reset(Instant::now() + FAREWELL);
                }
                Verdict::Wait(at) => deadline.as_mut().reset(at),
            }
        }
    }
}

/// From the farewell to the cut.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longer than any drain.
const DRAIN: Duration = Duration::from_secs(3_600);
/// The smallest buffer that hyper takes.
const SMALLEST_BUFFER: usize = 8_192;
