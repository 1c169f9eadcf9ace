//! What is served over PostgreSQL's protocol.
//!
//! - [`first_words`](mod@first_words): what a client says first within TLS.
//! - [`admission`]: whether it may have the session that it asks for, and as whom.
//! - [`last_words`]: what it hears where it may not.
//! - [`keys`]: by what it may cancel.
//! - [`relay`](mod@relay): client and server joined, until one of them leaves or the session ends.

pub(crate) mod admission;
mod first_words;
pub(crate) mod keys;
pub(crate) mod last_words;
pub(crate) mod relay;

use std::sync::Arc;

use fault::{Code, Refusal};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use wire::postgres::cancel::CancelKey;
use wire::postgres::reply;
use wire::postgres::startup::Startup;

use self::admission::{Admitted, NotAdmitted, admit};
use self::first_words::{Unsaid, Wants, first_words};
use self::keys::{Asks, Enlisted, NotCancelled};
use self::relay::{Joined, relay};
use crate::ending::Ended;
use crate::session::{Late, Session};
use crate::upstream::{Link, Wanted};

/// Serves a client from its first message within TLS to the end of its session.
pub(crate) async fn serve<S>(session: &Arc<Session>, mut client: S, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let started = Box::pin(async {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Unstarted::Going),
            // A peer that was refused already hears so by its start-up, and not by the end of the session.
            ended = session.end.told(), if session.late().is_none() => Err(Unstarted::ended(ended, String::new())),
            started = start(session, &mut client) => started,
        }
    })
    .await;
    match started {
        Ok(Start::Session(started)) => {
            let Started { wanted, link, key } = *started;
            session.count_request();
            let joined = Joined { client, link, keeps: wanted.admitted.upstream.keeps_warm() };
            let link = Box::pin(relay(session, joined, &stop)).await;
            drop(key);
            if let Some(link) = link {
                wanted.admitted.upstream.give_back(&wanted.as_asked(), link).await;
            }
        }
        Ok(Start::Cancel(key)) => {
            cancel(session, &key).await;
            // Nothing is said, and that is said properly: a client takes a connection that breaks for a cancel that failed.
            last_words::say(&mut client, &[]).await;
        }
        Err(unstarted) => {
            if let Some(words) = unstarted.words(session) {
                last_words::say(&mut client, &words).await;
            }
        }
    }
}

/// What a client got.
enum Start {
    Session(Box<Started>),
    /// It only came to cancel what runs elsewhere.
    Cancel(CancelKey),
}

/// A session that is ready for its first statement on both sides.
struct Started {
    wanted: Asked,
    link: Link,
    key: Enlisted,
}

/// What the server behind the door was asked for.
struct Asked {
    admitted: Admitted,
    replication: Option<Box<str>>,
    settings: Vec<(Box<str>, Box<str>)>,
}

impl Asked {
    fn as_asked(&self) -> Wanted<'_> {
        Wanted {
            principal: self.admitted.permit.principal(),
            role: &self.admitted.role,
            replication: self.replication.as_deref(),
            parameters: &self.settings,
        }
    }
}

/// Why there is no session.
enum Unstarted {
    /// The client went away.
    Gone,
    /// The node is going down.
    Going,
    /// The client did not say in time what it wants.
    Slow,
    /// It said what no server understands.
    Fault(&'static str, String, &'static str),
    /// A no that was put on record before the session began.
    Late,
    /// A no, its own remedy, and what was asked for.
    Refused(Refusal, Option<&'static str>, String),
}

impl From<Refusal> for Unstarted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal, None, String::new())
    }
}

impl Unstarted {
    /// The session was ended before it began.
    fn ended(ended: &Ended, target: String) -> Self {
        Self::Refused(ended.refusal(), Some(ended.reason.remedy()), target)
    }

    /// The last words, once what has to go on record is there; none where nobody hears them.
    fn words(self, session: &Session) -> Option<Vec<u8>> {
        match self {
            Self::Gone => None,
            Self::Going => Some(last_words::fault(
                "57P01",
                "terminating connection due to administrator command",
                "connect again in a moment",
            )),
            Self::Slow => {
                note(session, "the start-up message did not come in time");
                Some(last_words::fault("57014", "canceling authentication due to timeout", ""))
            }
            Self::Fault(sqlstate, message, hint) => {
                note(session, &message);
                Some(last_words::fault(sqlstate, &message, hint))
            }
            Self::Late => {
                let Late { refusal, id } = session.late()?;
                Some(last_words::refusal(refusal, *id, None))
            }
            Self::Refused(refusal, remedy, target) => {
                let judged = session.judged();
                let id = session.refuse(&refusal, judged.peer().ok(), &target);
                Some(last_words::refusal(&refusal, id, remedy))
            }
        }
    }
}

/// Logs that a client got its start wrong, at a bounded rate.
fn note(session: &Session, cause: &str) {
    if session.gateway.may_warn_of_refusal() {
        let (listener, peer) = (&*session.listener.name, session.address);
        tracing::warn!(listener, %peer, cause, "start-up failed");
    }
}

async fn start<S>(session: &Arc<Session>, client: &mut S) -> Result<Start, Unstarted>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let patience = session.gateway.snapshot().http_limits.head;
    let startup = match tokio::time::timeout(patience, first_words(client)).await {
        Ok(Ok(Wants::Session(startup))) => startup,
        Ok(Ok(Wants::Cancel(key))) => return Ok(Start::Cancel(key)),
        Ok(Err(unsaid)) => return Err(unsaid.into()),
        Err(_) => return Err(Unstarted::Slow),
    };
    let long_secret = startup.spoken().has_long_secrets();
    let mut words = Vec::new();
    if startup.asks_for_more() {
        reply::negotiate(&mut words, startup.spoken(), startup.options());
        client.write_all(&words).await.map_err(|_| Unstarted::Gone)?;
        words.clear();
    }
    if session.late().is_some() {
        return Err(Unstarted::Late);
    }
    let (wanted, link) = connect(session, startup).await?;
    let (principal, canceller) = (wanted.admitted.permit.principal(), link.canceller());
    let Some(key) = session.gateway.cancel_keys.enlist(long_secret, principal, canceller) else {
        return Err(Unstarted::Fault("53000", "no key for cancelling could be drawn".to_owned(), ""));
    };
    reply::authentication_ok(&mut words);
    for (name, value) in &link.parameters {
        reply::parameter_status(&mut words, name, value);
    }
    reply::key_data(&mut words, key.key());
    reply::ready(&mut words);
    client.write_all(&words).await.map_err(|_| Unstarted::Gone)?;
    client.flush().await.map_err(|_| Unstarted::Gone)?;
    Ok(Start::Session(Box::new(Started { wanted, link, key })))
}

/// Admits the client, by the newest snapshot, and opens a link to the server behind the database.
async fn connect(session: &Session, startup: Startup) -> Result<(Asked, Link), Unstarted> {
    let target = || startup.database().or(startup.user()).unwrap_or_default().to_owned();
    let admitted = loop {
        let snapshot = session.gateway.snapshot();
        let judged = session.judge(&snapshot).await;
        if let Some(ended) = session.end.ended() {
            return Err(Unstarted::ended(ended, target()));
        }
        match admit(session, &snapshot, &judged, &startup, session.gateway.now()) {
            Ok(admitted) => break admitted,
            Err(NotAdmitted::Stale) => {}
            Err(NotAdmitted::Refused(refusal, remedy)) => {
                return Err(Unstarted::Refused(refusal, remedy, target()));
            }
            Err(NotAdmitted::Unknown(message)) => {
                return Err(Unstarted::Fault("3D000", message, ASK_FOR_ANOTHER));
            }
        }
    };
    let target = target();
    let replication = startup.replication().map(Into::into);
    let wanted = Asked { admitted, replication, settings: startup.into_settings() };
    match wanted.admitted.upstream.open(&wanted.as_asked()).await {
        Ok(link) => Ok((wanted, link)),
        Err(unreached) => {
            let remedy = unreached.remedy_of_the_client();
            Err(Unstarted::Refused(unreached.into(), remedy, target))
        }
    }
}

/// Cancels what runs in the session that has this key, where it is the same principal's. Nobody is told how that went: the
/// protocol has no words for it.
async fn cancel(session: &Session, key: &CancelKey) {
    let judged = session.judge(&session.gateway.snapshot()).await;
    let Ok(peer) = judged.peer() else { return };
    if session.late().is_some() || session.end.ended().is_some() {
        return;
    }
    match session.gateway.cancel_keys.find(key, Asks::Peer(peer.principal())) {
        Ok(canceller) => canceller.cancel().await,
        Err(NotCancelled::Unknown) => {
            tracing::debug!(process = key.process(), "nothing to cancel by this key");
        }
        Err(NotCancelled::Foreign) => {
            let cause = "a request to cancel, by the key of another principal's session";
            session.refuse(&Refusal::new(Code::NoGrant, cause), Some(peer), "");
        }
    }
}

impl From<Unsaid> for Unstarted {
    fn from(unsaid: Unsaid) -> Self {
        match unsaid {
            Unsaid::Gone => Self::Gone,
            Unsaid::Version(version) => {
                let message = format!("unsupported frontend protocol {version}: server supports 3.0 to 3.2");
                Self::Fault("0A000", message, "use a client of PostgreSQL 7.4 or later")
            }
            Unsaid::Malformed(malformed) => Self::Fault(
                "08P01",
                malformed.to_string(),
                "check that the client speaks PostgreSQL's protocol",
            ),
        }
    }
}

const ASK_FOR_ANOTHER: &str = "ask for a database that the node serves from a PostgreSQL (backend: postgres)";
