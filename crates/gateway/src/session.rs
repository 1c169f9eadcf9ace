//! One live connection: who is at the other end, and when it must end.
//!
//! - `carried`: what it carries to and from a server behind the door.
//! - `record`: what goes on record of it.

mod carried;
mod record;
#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use access::Level;
use arc_swap::ArcSwap;
use fault::Refusal;
use identity::Verified;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::time::Instant;
use transport::{HelloId, Vouchers};

pub(crate) use self::carried::Carried;
use crate::callers::Callers;
use crate::ending::{End, EndReason, Ended};
use crate::gateway::Gateway;
use crate::judged::{Chain, Judged, Presented, Standing, Unsettled, Use};
use crate::listener::{Listener, Spoken};
use crate::live::Live;
use crate::pace::{Pace, Verdict};
use crate::refused::RefusalId;
use crate::sessions::SessionId;
use crate::shown::PermitOfSession;
use crate::snapshot::Snapshot;

/// One live connection past its handshake.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) address: SocketAddr,
    /// The address as text: every access line shows it.
    pub(crate) shown: Box<str>,
    pub(crate) pace: Arc<Pace>,
    /// Tells everybody who serves the session when it must end.
    pub(crate) end: End,
    spoken: Spoken,
    since: OffsetDateTime,
    requests: AtomicU64,
    /// The permits that requests were given, each once.
    uses: Mutex<Vec<Use>>,
    carried: OnceLock<Box<Carried>>,
    server_name: Option<Box<str>>,
    verified: Option<Verified>,
    hello: Option<HelloId>,
    late: Option<Box<Late>>,
    judged: ArcSwap<Judged>,
}

/// What a handshake leaves behind.
pub(crate) struct Arrival {
    /// The generation of the snapshot whose door shook hands.
    pub(crate) generation: u64,
    pub(crate) spoken: Spoken,
    pub(crate) address: SocketAddr,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) verified: Option<Verified>,
    /// By whom that chain was verified.
    pub(crate) vouchers: Option<Vouchers>,
    /// The id that the client knows the handshake by.
    pub(crate) hello: Option<HelloId>,
    pub(crate) late: Option<Box<Late>>,
    /// Whether the peer sent an authority along that is to go.
    pub(crate) retiring: bool,
}

/// A refusal that came after the handshake, when TLS could not tell it any more: the first request hears it.
pub(crate) struct Late {
    pub(crate) refusal: Refusal,
    pub(crate) id: RefusalId,
}

impl Session {
    /// Opens a session: recognizes the peer and puts the outcome on record. It lives as long as what is returned.
    ///
    /// It is known to all before it looks at the snapshot, and a snapshot is published before the sessions are looked
    /// through. So of a session that opens while a snapshot is published, one of two things is true: those who look
    /// through the sessions find it there, or it came after they had looked and finds the new snapshot. The locks of
    /// the registry order the two. None slips through between.
    pub(crate) fn open(
        gateway: Arc<Gateway>,
        listener: Arc<Listener>,
        arrival: Arrival,
        pace: Arc<Pace>,
    ) -> Live {
        let Arrival { generation, spoken, address, server_name, verified, vouchers, hello, late, retiring } =
            arrival;
        let chain = verified.clone().zip(vouchers).map(|(verified, vouchers)| Chain { verified, vouchers });
        let since = gateway.now();
        let live = Live::new(Arc::new(Self {
            id: SessionId::draw(),
            gateway,
            listener,
            address,
            shown: address.to_string().into(),
            pace,
            end: End::default(),
            spoken,
            since,
            requests: AtomicU64::default(),
            uses: Mutex::default(),
            carried: OnceLock::new(),
            server_name,
            verified,
            hello,
            late,
            judged: ArcSwap::from_pointee(Judged::not_yet(chain)),
        }));
        live.session().judge_first(generation);
        live.session().record_sign_in();
        live.session().observe(retiring);
        live
    }

    /// Counts the handshake, by who is at the other end.
    pub(crate) fn count_call(&self, callers: &Callers) {
        let (judged, caller) = (self.judged(), self.verified.as_ref().map(Verified::leaf));
        let peer = match &self.late {
            Some(late) => Err(&late.refusal),
            None => judged.peer(),
        };
        callers.count_peer(&self.gateway.metrics, caller, peer);
    }

    /// Notes the chain, so that other rules can be tried on it.
    fn observe(&self, retiring: bool) {
        if let Some(verified) = &self.verified {
            let recognized = matches!(self.judged.load().standing, Standing::Known(_));
            if recognized {
                self.gateway.passages.look(self, verified, retiring, self.gateway.now());
            }
            self.gateway.observed.shaken(&self.listener.name, verified, recognized);
        }
    }

    /// Where the snapshot is still that of the handshake, its door has judged the chain a moment ago.
    fn judge_first(&self, generation: u64) {
        let snapshot = self.gateway.snapshot();
        if snapshot.generation == generation && self.late.is_none() {
            let before = self.judged.load_full();
            let verdict = Ok(self.verified.clone());
            let judged = Judged::with(&snapshot, &self.presented(&before), verdict, self.gateway.now());
            self.take(&before, judged, &snapshot, Instant::now());
        } else {
            // Where an authority's service must be asked, the first request waits for it.
            drop(self.judge_from_memory(&snapshot, Instant::now(), false));
        }
    }

    /// Who the other end is by this snapshot, or by a later one; asked again whenever the snapshot is another one.
    pub(crate) async fn judge(&self, snapshot: &Snapshot) -> Arc<Judged> {
        match self.judge_from_memory(snapshot, Instant::now(), false) {
            Ok(judged) => judged,
            Err(unsettled) => self.judge_asking(snapshot, unsettled, Instant::now()).await,
        }
    }

    /// As [`judge`](Self::judge), without waiting, and where `again` says so also by a snapshot that has judged it before;
    /// a session that may not go on is ended, as of `decided_at`.
    ///
    /// # Errors
    /// Where an authority's service must be asked first, by [`judge_asking`](Self::judge_asking).
    pub(crate) fn judge_from_memory(
        &self,
        snapshot: &Snapshot,
        decided_at: Instant,
        again: bool,
    ) -> Result<Arc<Judged>, Unsettled> {
        let before = self.judged.load_full();
        let over = self.late.is_some() || self.end.ended().is_some();
        let known = if again {
            before.generation > snapshot.generation
        } else {
            before.generation >= snapshot.generation
        };
        if over || known {
            return Ok(before);
        }
        let judged = Judged::by(snapshot, &self.presented(&before), self.gateway.now())?;
        Ok(self.take(&before, judged, snapshot, decided_at))
    }

    /// Judges after asking the authority's service.
    pub(crate) async fn judge_asking(
        &self,
        snapshot: &Snapshot,
        unsettled: Unsettled,
        decided_at: Instant,
    ) -> Arc<Judged> {
        let verdict = unsettled.door.settle(unsettled.verified).await.map(Some);
        let before = self.judged.load_full();
        let judged = Judged::with(snapshot, &self.presented(&before), verdict, self.gateway.now());
        self.take(&before, judged, snapshot, decided_at)
    }

    fn take(&self, before: &Judged, judged: Judged, snapshot: &Snapshot, decided_at: Instant) -> Arc<Judged> {
        let judged = Arc::new(judged);
        let end = before.ended_by(&judged, &self.uses.lock(), snapshot);
        match end {
            // What is known of the peer stays, for the record.
            Some((reason, cause)) => drop(self.end.tell(Ended::new(reason, cause, decided_at))),
            // Whoever judges last, the newest snapshot's word stays.
            None => drop(
                self.judged
                    .rcu(|held| Arc::clone(if held.generation > judged.generation { held } else { &judged })),
            ),
        }
        judged
    }

    fn presented<'a>(&'a self, judged: &'a Judged) -> Presented<'a> {
        Presented { listener: &self.listener.name, spoken: self.spoken, chain: judged.chain.as_ref() }
    }

    /// Notes that a permit of this level was given, on a database or on the control plane, by `snapshot`.
    ///
    /// # Errors
    /// Where that snapshot is not the newest any more, and the permit must be asked for again. Whoever looks through the
    /// sessions reads these notes, under this lock, after the new snapshot was published. So it reads this note, or has
    /// read before it was made, and then the new snapshot is found here.
    pub(crate) fn uses(
        &self,
        database: Option<&str>,
        level: Level,
        snapshot: &Snapshot,
    ) -> Result<(), Stale> {
        self.note(Use { database: database.map(Into::into), level, upstream: None }, snapshot)
    }

    fn note(&self, new: Use, snapshot: &Snapshot) -> Result<(), Stale> {
        let mut uses = self.uses.lock();
        if self.gateway.generation() != snapshot.generation {
            return Err(Stale);
        }
        match uses.iter_mut().find(|used| used.database == new.database) {
            Some(used) => {
                used.level = used.level.max(new.level);
                used.upstream = new.upstream.or(used.upstream.take());
            }
            None => uses.push(new),
        }
        Ok(())
    }

    /// A request begins.
    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The newest judgement.
    pub(crate) fn judged(&self) -> Arc<Judged> {
        self.judged.load_full()
    }

    /// When it began.
    pub(crate) fn since(&self) -> OffsetDateTime {
        self.since
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The permits in use, for administrators.
    pub(crate) fn permits(&self) -> Vec<PermitOfSession> {
        let shown = |used: &Use| PermitOfSession {
            database: used.database.as_deref().unwrap_or("_admin").to_owned(),
            level: used.level,
        };
        self.uses.lock().iter().map(shown).collect()
    }

    /// Whether the peer is this principal.
    pub(crate) fn is_of(&self, principal: &str) -> bool {
        self.judged.load().peer().is_ok_and(|peer| peer.principal() == Some(principal))
    }

    /// The verified chain of the other end, where it presented one.
    pub(crate) fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// The name that the client asked for.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The refusal that came after the handshake, where one did.
    pub(crate) fn late(&self) -> Option<&Late> {
        self.late.as_deref()
    }

    /// What the connection's deadline says now; the certificate's end is one of its reasons.
    pub(crate) fn deadline(&self) -> Verdict {
        let (head, idle) = self.patience();
        self.no_later_than_the_certificate(self.pace.judge(head, idle))
    }

    /// The first moment to look at the deadline: after so long, and no later than the certificate's end.
    pub(crate) fn first_look(&self, after: Duration) -> Instant {
        let left = self.left().map_or(after, |(_, left)| left);
        Instant::now() + after.min(left)
    }

    /// As [`deadline`](Self::deadline), for a connection that rests already.
    pub(crate) fn deadline_resting(&self) -> Verdict {
        let (head, idle) = self.patience();
        self.no_later_than_the_certificate(self.pace.judge_resting(head, idle))
    }

    /// For a head, and without a request. Whoever is refused already has the time of one request to hear it.
    fn patience(&self) -> (Duration, Duration) {
        let limits = self.gateway.snapshot().http_limits;
        (limits.head, if self.late.is_some() { limits.head } else { limits.idle })
    }

    /// Ends the session where its certificate has ended; whoever asks hears of it by [`end`](Self::end) as well.
    fn no_later_than_the_certificate(&self, verdict: Verdict) -> Verdict {
        let Some((until, left)) = self.left() else { return verdict };
        match verdict {
            _ if left.is_zero() => {
                let cause = format!("the certificate chain ended at {until}");
                self.end.tell(Ended::new(EndReason::Expired, cause, Instant::now()));
                Verdict::Wait(Instant::now() + A_WHILE)
            }
            Verdict::Wait(at) => Verdict::Wait(at.min(Instant::now() + left)),
            verdict => verdict,
        }
    }

    /// When the peer's chain ends, and how long that is; nothing where it has no end.
    fn left(&self) -> Option<(OffsetDateTime, Duration)> {
        let until = self.judged.load().chain.as_ref()?.verified.until();
        // It is good for the whole of its last moment.
        let left = until + time::Duration::NANOSECOND - self.gateway.now();
        Some((until, left.try_into().unwrap_or_default()))
    }
}

/// A permit was given by a snapshot that is not the newest any more.
#[derive(Debug)]
pub(crate) struct Stale;

/// Longer than any farewell.
const A_WHILE: Duration = Duration::from_secs(60);
