//! What a client hears where the session ends before it is done with it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use access::Peer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout_at};
use wire::postgres::reply::Fatal;

use super::PATIENCE;
use super::both::{Both, Over};
use crate::ending::Ended;
use crate::session::Session;

/// The words for a session that was ended, which go on record.
pub(super) fn ended(session: &Session, ended: &Ended) -> Vec<u8> {
    let (refusal, judged) = (ended.refusal(), session.judged());
    let peer: Option<&Peer> = judged.peer().ok();
    let target = session.carried().map_or("", |carried| &carried.database);
    let id = session.refuse(&refusal, peer, target);
    let (code, reason) = (refusal.code(), ended.reason);
    let message = format!("terminating connection: {}", refusal.sentence());
    let detail = format!("code {code}, reason {reason}, refusal {id}");
    Fatal { sqlstate: ADMIN_SHUTDOWN, message: &message, detail: &detail, hint: reason.remedy() }.to_bytes()
}

/// The words for a node that goes down.
pub(super) fn stopping() -> Vec<u8> {
    let message = "terminating connection: the node is going down";
    let (detail, hint) = ("code session-ended, reason shutdown", "connect again in a moment");
    Fatal { sqlstate: ADMIN_SHUTDOWN, message, detail, hint }.to_bytes()
}

/// Finishes the message that is on its way to the client, tells it these words and closes, all by then.
pub(super) async fn tell<C, S>(both: &mut Both<C, S>, words: &[u8], by: Instant)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = timeout_at(by, async {
        match both.finish_message().await {
            true => say(&mut both.client, words).await,
            // Whatever comes now would be taken for the rest of that message.
            false => Ok(()),
        }
    })
    .await;
}

/// What there is to say where a side is gone or says what nobody understands.
pub(super) async fn after<C, S>(session: &Session, both: &mut Both<C, S>, over: Over)
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (sqlstate, message, hint, cause) = match over {
        Over::Left | Over::Closed => return,
        Over::ClientGone(error) => return note(session, "the client is gone", &error.to_string()),
        Over::ServerGone(error) => (CONNECTION_FAILURE, SERVER_GONE, TRY_AGAIN, error.to_string()),
        // Whether the client has all of the message before is not known any more.
        Over::ServerMalformed(what) => {
            return note(session, "the server is not understood", &what.to_string());
        }
        Over::ClientMalformed(what) => {
            (PROTOCOL_VIOLATION, "invalid message length", SPEAK_POSTGRES, what.to_string())
        }
    };
    note(session, message, &cause);
    if both.client_is_between() {
        let words = Fatal { sqlstate, message, detail: "", hint }.to_bytes();
        tell(both, &words, Instant::now() + PATIENCE).await;
    }
}

fn note(session: &Session, message: &str, cause: &str) {
    let (id, listener, peer) = (session.id, &*session.listener.name, session.address);
    tracing::debug!(session = %id, listener, %peer, cause, "{message}");
}

/// Says the last words and closes. What the client has said meanwhile is read, as far as it is there: closed with something
/// unread, the connection would be reset, and the client might see that in place of the words.
async fn say<C: AsyncRead + AsyncWrite + Unpin>(client: &mut C, words: &[u8]) -> io::Result<()> {
    client.write_all(words).await?;
    client.shutdown().await?;
    let (mut unread, mut left) = ([0; 1024], MOST_UNREAD);
    poll_fn(|cx| {
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            match Pin::new(&mut *client).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && left > 0 => left -= 1,
                _ => return Poll::Ready(Ok(())),
            }
        }
    })
    .await
}

/// `admin_shutdown`: what every client library takes for "connect again".
const ADMIN_SHUTDOWN: &str = "57P01";
const CONNECTION_FAILURE: &str = "08006";
const PROTOCOL_VIOLATION: &str = "08P01";
const SERVER_GONE: &str = "the database's server broke the connection off";
const TRY_AGAIN: &str = "connect again; if it stays so, an operator looks at the server's log";
const SPEAK_POSTGRES: &str = "check that the client speaks PostgreSQL's protocol";
/// How much a client may have said meanwhile, in kibibytes.
const MOST_UNREAD: usize = 64;
