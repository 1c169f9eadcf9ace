//! One live connection: who is at the other end, and when it must end.

use std::net::SocketAddr;
use std::sync::Arc;

use access::Peer;
use arc_swap::ArcSwap;
use fault::{Code, Refusal};
use identity::Verified;
use time::OffsetDateTime;
use tokio::time::Instant;
use transport::{HelloId, Vouchers};

use crate::gateway::Gateway;
use crate::journal::{AuditEvent, AuditKind};
use crate::listener::Listener;
use crate::pace::{Pace, Verdict};
use crate::refusals::{Evidence, Refused, Stage, Why};
use crate::refused::RefusalId;
use crate::snapshot::Snapshot;

/// One live connection past its handshake.
pub(crate) struct Session {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) address: SocketAddr,
    /// The address as text: every access line shows it.
    pub(crate) shown: Box<str>,
    pub(crate) pace: Arc<Pace>,
    server_name: Option<Box<str>>,
    verified: Option<Verified>,
    /// By whom that chain was verified.
    vouchers: Option<Vouchers>,
    hello: Option<HelloId>,
    judged: ArcSwap<Judged>,
}

/// Who the other end is, by one snapshot.
pub(crate) struct Judged {
    generation: u64,
    pub(crate) peer: Result<Peer, Refusal>,
}

/// What a handshake leaves behind.
pub(crate) struct Arrival {
    /// The generation of the snapshot whose door shook hands.
    pub(crate) generation: u64,
    pub(crate) address: SocketAddr,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) verified: Option<Verified>,
    pub(crate) vouchers: Option<Vouchers>,
    /// The id that the client knows the handshake by.
    pub(crate) hello: Option<HelloId>,
}

impl Session {
    /// Opens a session: recognizes the peer and puts the outcome on record.
    pub(crate) fn open(
        gateway: Arc<Gateway>,
        listener: Arc<Listener>,
        arrival: Arrival,
        pace: Arc<Pace>,
    ) -> Self {
        let snapshot = gateway.snapshot();
        let Arrival { generation, address, server_name, verified, vouchers, hello } = arrival;
        let presented = verified.as_ref().zip(vouchers.as_ref());
        // Where the snapshot is still that of the handshake, its door has judged the chain a moment ago.
        let judged = match snapshot.generation == generation {
            true => Judged::of(&snapshot, &listener, Ok(verified.as_ref()), gateway.now()),
            false => Judged::by(&snapshot, &listener, presented, gateway.now()),
        };
        let session = Self {
            gateway,
            listener,
            address,
            shown: address.to_string().into(),
            pace,
            server_name,
            verified,
            vouchers,
            hello,
            judged: ArcSwap::from_pointee(judged),
        };
        session.record_sign_in();
        session
    }

    /// Who the other end is by this snapshot; asked again whenever the snapshot is another one.
    pub(crate) fn judge(&self, snapshot: &Snapshot) -> Arc<Judged> {
        let judged = self.judged.load_full();
        if judged.generation == snapshot.generation {
            return judged;
        }
        let presented = self.verified.as_ref().zip(self.vouchers.as_ref());
        let again = Arc::new(Judged::by(snapshot, &self.listener, presented, self.gateway.now()));
        self.judged.store(Arc::clone(&again));
        again
    }

    /// The verified chain of the other end, where it presented one.
    pub(crate) fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// Puts a refusal on record and gives it the id by which both sides can speak of it.
    pub(crate) fn refuse(&self, refusal: &Refusal, peer: Option<&Peer>, target: &str) -> RefusalId {
        let id = RefusalId::draw();
        // What a stranger sends as a path must not fill the ledger.
        let target = target.get(..target.floor_char_boundary(LONGEST_TARGET)).unwrap_or(target);
        let (code, cause, principal) = (refusal.code(), refusal.cause(), peer.and_then(Peer::principal));
        self.gateway.metrics.refused(code);
        self.gateway.journal.audit(&AuditEvent {
            kind: AuditKind::Refusal,
            principal,
            method: peer.map(Peer::method),
            target: Some(target),
            refusal: Some((code, cause, id)),
            ..self.event()
        });
        self.keep(refusal, principal, target, id);
        if self.gateway.may_warn_of_refusal() {
            let (listener, peer, remedy) = (&*self.listener.name, self.address, code.remedy());
            tracing::warn!(listener, %peer, principal, target, %code, cause, refusal = %id, remedy, "request refused");
        }
        id
    }

    /// Keeps a refusal for whoever asks why.
    fn keep(&self, refusal: &Refusal, principal: Option<&str>, target: &str, id: RefusalId) {
        self.gateway.refused.keep(Refused {
            id,
            hello: self.hello,
            at: self.gateway.now(),
            stage: Stage::Request,
            listener: Arc::clone(&self.listener.name),
            peer: self.address,
            server_name: self.server_name.clone(),
            why: Why::refusal(refusal),
            generation: self.judged.load().generation,
            evidence: self.verified.clone().map_or(Evidence::Nothing, Evidence::Verified),
            principal: principal.map(Into::into),
            target: Some(target.into()),
        });
    }

    /// What the connection's deadline says now; the certificate's end is one of its reasons.
    pub(crate) fn deadline(&self) -> Verdict {
        let limits = self.gateway.snapshot().http_limits;
        self.no_later_than_the_certificate(self.pace.judge(limits.head, limits.idle))
    }

    /// As [`deadline`](Self::deadline), for a connection that rests already.
    pub(crate) fn deadline_resting(&self) -> Verdict {
        let limits = self.gateway.snapshot().http_limits;
        self.no_later_than_the_certificate(self.pace.judge_resting(limits.head, limits.idle))
    }

    fn no_later_than_the_certificate(&self, verdict: Verdict) -> Verdict {
        match (self.until(), verdict) {
            (Some(left), _) if left.is_zero() => Verdict::Idle,
            (Some(left), Verdict::Wait(at)) => Verdict::Wait(at.min(Instant::now() + left)),
            (_, verdict) => verdict,
        }
    }

    /// How long the peer's certificate is still good; nothing where it has no end.
    fn until(&self) -> Option<std::time::Duration> {
        let end = self.verified.as_ref()?.until();
        Some((end - self.gateway.now()).try_into().unwrap_or_default())
    }

    fn record_sign_in(&self) {
        // A peer that was not recognized is put on record with each request, where it hears an id.
        if let Ok(peer) = &self.judged.load().peer {
            self.gateway.journal.audit(&AuditEvent {
                principal: peer.principal(),
                method: Some(peer.method()),
                ..self.event()
            });
        }
    }

    fn event(&self) -> AuditEvent<'_> {
        AuditEvent {
            at: self.gateway.now(),
            kind: AuditKind::SignIn,
            listener: &self.listener.name,
            peer: self.address,
            server_name: self.server_name.as_deref(),
            principal: None,
            method: None,
            certificate: self.verified.as_ref(),
            target: None,
            handshake: self.hello,
            refusal: None,
        }
    }
}

impl Judged {
    /// Judges by what the snapshot asks at this listener; a look-up where its door has not changed.
    fn by(
        snapshot: &Snapshot,
        listener: &Listener,
        presented: Option<(&Verified, &Vouchers)>,
        now: OffsetDateTime,
    ) -> Self {
        let door = snapshot.entrances.get(&listener.name).and_then(|entrance| entrance.door.as_ref());
        match (presented, door) {
            (Some((verified, vouchers)), Some(door)) => match door.judge_again(verified, vouchers) {
                Ok(again) => Self::of(snapshot, listener, Ok(again.as_ref()), now),
                Err(refusal) => Self::of(snapshot, listener, Err(refusal), now),
            },
            _ => Self::of(snapshot, listener, Ok(None), now),
        }
    }

    /// Recognizes whom the chain belongs to.
    fn of(
        snapshot: &Snapshot,
        listener: &Listener,
        chain: Result<Option<&Verified>, Refusal>,
        now: OffsetDateTime,
    ) -> Self {
        let removed = || Refusal::new(Code::SessionEnded, "the listener was removed");
        let peer = chain.and_then(|verified| {
            let entrance = snapshot.entrances.get(&listener.name).ok_or_else(removed)?;
            access::recognize(&snapshot.directory, &entrance.accepted, verified, now)
        });
        Self { generation: snapshot.generation, peer }
    }
}

/// Bytes of a path that go on record.
const LONGEST_TARGET: usize = 256;
