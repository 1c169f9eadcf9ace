//! A client and a server that are both signed in, joined until one of them leaves or the session ends.
//!
//! - [`both`]: both directions between them.
//! - [`way`]: one direction.
//! - [`bell`]: waiting beside a busy stream for what seldom happens.
//! - [`farewell`]: what a client hears where the session ends before it is done with it.

mod bell;
mod both;
mod farewell;
#[cfg(test)]
mod tests;
mod way;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::bell::Aside;
use self::both::{Both, Over};
use crate::administration::Pending;
use crate::ending::{EndReason, Ended};
use crate::gateway::Gateway;
use crate::session::Session;
use crate::upstream::Link;

/// Both ends of a session, each past its start: the client has been told that the server is ready.
pub(crate) struct Joined<C> {
    /// The client, over TLS.
    pub(crate) client: C,
    /// The server.
    pub(crate) link: Link,
    /// Whether the link may be kept for another client afterwards.
    pub(crate) keeps: bool,
}

/// Passes on what each says to the other until it is over. The link comes back where it may be kept: the server has
/// answered everything, and nothing of it is open.
///
/// The session must have noted [what it uses](Session::uses_upstream). Ended, it tells the client why, and the server to stop.
pub(crate) async fn relay<C>(
    session: &Arc<Session>,
    joined: Joined<C>,
    stop: &CancellationToken,
) -> Option<Link>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let Joined { client, mut link, keeps } = joined;
    let canceller = link.canceller();
    let cancel = move || -> Pending<'static, ()> {
        let canceller = canceller.clone();
        Box::pin(async move { canceller.cancel().await })
    };
    session.begins();
    let left = pass(session, (client, &mut link.stream), keeps, stop, &cancel).await;
    session.is_over();
    left.then_some(link)
}

/// Makes a server stop what it does for a session.
type Cancel = dyn Fn() -> Pending<'static, ()> + Send + Sync;

/// As [`relay`]; true where the client left and the server does not know.
async fn pass<C, S>(
    session: &Session,
    (client, server): (C, S),
    keeps: bool,
    stop: &CancellationToken,
    cancel: &Cancel,
) -> bool
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut both = Both::new(client, server, keeps);
    let mut running = Running { busy: false, gateway: &session.gateway, cancel };
    let close = attend(session, &mut both, stop, &mut running).await;
    // From here on it is cancelled where there is reason to.
    let busy = std::mem::take(&mut running.busy);
    match close {
        Close::Over(Over::Left) => {
            let _ = timeout(PATIENCE, both.client.shutdown()).await;
            return true;
        }
        Close::Over(over) => farewell::after(session, &mut both, over).await,
        Close::Ended(ended) => {
            let words = farewell::ended(session, ended);
            let cancelling = async {
                if busy {
                    cancel().await;
                }
            };
            tokio::join!(farewell::tell(&mut both, &words, ended.cut()), async {
                let _ = tokio::time::timeout_at(ended.cut(), cancelling).await;
            });
        }
        Close::Stopping => {
            farewell::tell(&mut both, &farewell::stopping(), Instant::now() + PATIENCE).await;
        }
    }
    false
}

/// Why a session closes.
enum Close<'a> {
    Over(Over),
    Ended(&'a Ended),
    /// The node goes down.
    Stopping,
}

/// What is heard beside the bytes.
enum Word<'a> {
    Ended(&'a Ended),
    Stop,
    /// It is time to look at the session.
    Look,
}

/// Passes on what is said until there is a reason to stop.
async fn attend<'a, C, S>(
    session: &'a Session,
    both: &mut Both<C, S>,
    stop: &CancellationToken,
    running: &mut Running<'_>,
) -> Close<'a>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stopping = false;
    loop {
        let (look, told) = (look(session, both), stopping);
        let aside = pin!(async {
            tokio::select! {
                biased;
                ended = session.end.told() => Word::Ended(ended),
                () = stop.cancelled(), if !told => Word::Stop,
                () = sleep_until(look) => Word::Look,
            }
        });
        let mut aside = Aside::new(aside);
        let heard = poll_fn(|cx| {
            if let Poll::Ready(word) = aside.poll(cx) {
                return Poll::Ready(Ok(word));
            }
            let over = both.poll(cx);
            count(session, both.passed());
            running.busy = !both.is_at_rest();
            match over {
                Poll::Ready(over) => Poll::Ready(Err(over)),
                Poll::Pending if stopping && !running.busy => Poll::Ready(Ok(Word::Stop)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match heard {
            Err(over) => return Close::Over(over),
            Ok(Word::Ended(ended)) => return Close::Ended(ended),
            // Who has a transaction open may finish it, for as long as the node waits.
            Ok(Word::Stop) if both.is_at_rest() => return Close::Stopping,
            Ok(Word::Stop) => stopping = true,
            Ok(Word::Look) => {}
        }
    }
}

/// Ends the session where its client takes nothing of what waits for it, or its certificate has ended; answers when to look
/// again. A session that is only quiet is left alone: the kernel asks whether its client is still there.
fn look<C, S>(session: &Session, both: &Both<C, S>) -> Instant
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (now, patience) = (Instant::now(), session.gateway.snapshot().http_limits.idle);
    let since = both.stalled().unwrap_or(now);
    if now >= since + patience {
        let cause = format!("took nothing of what waited for it for {} s", patience.as_secs_f32());
        session.end.tell(Ended::new(EndReason::Stalled, cause, now));
    }
    session.next_look((since + patience).max(now))
}

fn count(session: &Session, (received, sent): (u64, u64)) {
    if let Some(carried) = session.carried().filter(|_| received + sent > 0) {
        carried.count(received, sent);
    }
}

/// What runs on the server for a session. Where the session is cut without a word, what it was busy with is cancelled.
struct Running<'a> {
    busy: bool,
    gateway: &'a Gateway,
    cancel: &'a Cancel,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.busy {
            self.gateway.finish((self.cancel)());
        }
    }
}

/// How long a farewell may take that nothing else bounds.
const PATIENCE: Duration = Duration::from_secs(1);
