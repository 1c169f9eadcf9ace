//! Who the other end of a session is by one snapshot, and what another snapshot changes about that.

use std::sync::Arc;

use access::{Level, Peer};
use fault::{Code, Refusal};
use identity::Verified;
use time::OffsetDateTime;
use transport::{Door, Vouchers};

use crate::ending::EndReason;
use crate::listener::Spoken;
use crate::registrar::Scope;
use crate::snapshot::{Behind, Entrance, Snapshot};
use crate::upstream::Upstream;

/// Who the other end is, by one snapshot.
pub(crate) struct Judged {
    pub(crate) generation: u64,
    pub(crate) standing: Standing,
    /// What is answered to it.
    pub(crate) scope: Scope,
    /// The chain as it was accepted last.
    pub(crate) chain: Option<Chain>,
}

/// What a peer may hope for.
pub(crate) enum Standing {
    /// It was recognized.
    Known(Peer),
    /// It may be connected, and every request of it hears why it is not recognized.
    Stranger(Refusal),
    /// It may not be connected any more.
    Gone(EndReason, Refusal),
}

/// A verified chain, and by whom it was verified.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) verified: Verified,
    pub(crate) vouchers: Vouchers,
}

/// A permit that a session uses: the level on a database, or on the control plane where there is no name.
pub(crate) struct Use {
    pub(crate) database: Option<Box<str>>,
    pub(crate) level: Level,
    /// The server behind the database, where the session is connected to it for as long as it lasts.
    pub(crate) upstream: Option<On>,
}

/// A server behind the door, and as whom a session is on it.
pub(crate) struct On {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) role: Box<str>,
}

/// What is asked of one session: its listener, what it speaks, and what it presented.
pub(crate) struct Presented<'a> {
    pub(crate) listener: &'a str,
    pub(crate) spoken: Spoken,
    pub(crate) chain: Option<&'a Chain>,
}

/// A judgement that waits for an authority's service.
pub(crate) struct Unsettled {
    pub(crate) door: Arc<Door>,
    pub(crate) verified: Verified,
}

impl Judged {
    /// Before any judgement: nobody.
    pub(crate) fn not_yet(chain: Option<Chain>) -> Self {
        let refusal = Refusal::new(Code::CredentialsRequired, "the session has not been judged yet");
        Self { generation: 0, standing: Standing::Stranger(refusal), scope: Scope::NOTHING, chain }
    }

    /// Judges by what the snapshot asks at the listener, from memory.
    ///
    /// # Errors
    /// Where an authority's service must be asked first; its verdict goes to [`with`](Self::with).
    pub(crate) fn by(
        snapshot: &Snapshot,
        presented: &Presented<'_>,
        now: OffsetDateTime,
    ) -> Result<Self, Unsettled> {
        let door = snapshot.entrances.get(presented.listener).and_then(|entrance| entrance.door.as_ref());
        let verdict = match (presented.chain, door) {
            (Some(Chain { verified, vouchers }), Some(door)) => door.judge_again(verified, vouchers),
            _ => Ok(None),
        };
        match (verdict, door) {
            (Ok(Some(verified)), Some(door)) if !verified.unanswered().is_empty() => {
                Err(Unsettled { door: Arc::clone(door), verified })
            }
            (verdict, _) => Ok(Self::with(snapshot, presented, verdict, now)),
        }
    }

    /// Judges with a verdict of the snapshot's door on the chain.
    pub(crate) fn with(
        snapshot: &Snapshot,
        presented: &Presented<'_>,
        verdict: Result<Option<Verified>, Refusal>,
        now: OffsetDateTime,
    ) -> Self {
        let generation = snapshot.generation;
        let gone = |reason, refusal| {
            let standing = Standing::Gone(reason, refusal);
            Self { generation, standing, scope: Scope::NOTHING, chain: None }
        };
        let Some(entrance) = snapshot.entrances.get(presented.listener) else {
            let cause = format!("listener {:?} was removed", presented.listener);
            return gone(EndReason::ListenerRemoved, Refusal::new(Code::SessionEnded, cause));
        };
        if let Err(refusal) = still_spoken(entrance, presented) {
            return gone(EndReason::SignInChanged, refusal);
        }
        let verified = match verdict {
            Ok(verified) => verified,
            Err(refusal) => return gone(EndReason::of_chain(refusal.code()), refusal),
        };
        let recognized = access::recognize(&snapshot.directory, &entrance.accepted, verified.as_ref(), now);
        let standing = match recognized {
            Ok(peer) => Standing::Known(peer),
            Err(refusal) => Standing::Stranger(refusal),
        };
        let vouchers = entrance.door.as_ref().and_then(|door| door.vouchers());
        let chain = verified.zip(vouchers).map(|(verified, vouchers)| Chain { verified, vouchers });
        // A door that asks for no certificate may be followed by one that does.
        let chain = chain.or_else(|| presented.chain.cloned());
        Self { generation, standing, scope: entrance.scope, chain }
    }

    /// The peer, where it was recognized.
    pub(crate) fn peer(&self) -> Result<&Peer, &Refusal> {
        match &self.standing {
            Standing::Known(peer) => Ok(peer),
            Standing::Stranger(refusal) | Standing::Gone(_, refusal) => Err(refusal),
        }
    }

    /// Why a session that was judged so, and that uses these permits, must end by a later judgement; nothing where it
    /// may go on. What a stranger never had cannot be taken from it.
    pub(crate) fn ended_by(
        &self,
        later: &Self,
        uses: &[Use],
        snapshot: &Snapshot,
    ) -> Option<(EndReason, String)> {
        match (&self.standing, &later.standing) {
            (_, Standing::Gone(reason, refusal)) => Some((*reason, refusal.to_string())),
            (Standing::Known(_), Standing::Stranger(refusal)) => {
                Some((EndReason::of_recognition(refusal.code()), refusal.to_string()))
            }
            (Standing::Known(before), Standing::Known(now)) => replaced(before, now).or_else(|| {
                uses.iter().find_map(|used| lowered(used, now, snapshot).or_else(|| moved(used, snapshot)))
            }),
            (Standing::Stranger(_) | Standing::Gone(..), _) => None,
        }
    }
}

/// The listener speaks what the session speaks, and lets in whoever presents as little.
fn still_spoken(entrance: &Entrance, presented: &Presented<'_>) -> Result<(), Refusal> {
    if entrance.spoken != presented.spoken {
        return Err(Refusal::new(Code::SessionEnded, "the listener speaks another protocol now"));
    }
    let required = entrance.door.as_ref().is_some_and(|door| door.requires_certificate());
    if required && presented.chain.is_none() {
        let cause = "the listener requires a certificate now, and none was presented";
        return Err(Refusal::new(Code::CertificateRequired, cause));
    }
    Ok(())
}

/// A name that was taken away, also where another was given for it.
fn replaced(before: &Peer, now: &Peer) -> Option<(EndReason, String)> {
    let name = before.principal()?;
    if now.principal() == Some(name) {
        return None;
    }
    let becomes = now.principal().map_or("nobody's".to_owned(), |name| format!("principal {name:?}'s"));
    Some((
        EndReason::PrincipalRemoved,
        format!("the certificate was principal {name:?}'s and is {becomes} now"),
    ))
}

fn lowered(used: &Use, peer: &Peer, snapshot: &Snapshot) -> Option<(EndReason, String)> {
    let (level, target) = match &used.database {
        Some(name) => (snapshot.grants.level(peer.principal(), name), format!("database {name:?}")),
        None => {
            let admits = snapshot.control_plane && snapshot.grants.is_admin(peer);
            (if admits { Level::Admin } else { Level::None }, "the control plane".to_owned())
        }
    };
    (level < used.level).then(|| {
        let cause = format!("the grant on {target} was {} and is {level} now", used.level);
        (EndReason::GrantLowered, cause)
    })
}

/// Whether the session is connected to what is not behind the database's name any more, or to what would not let it in so.
fn moved(used: &Use, snapshot: &Snapshot) -> Option<(EndReason, String)> {
    let (name, on) = (used.database.as_deref()?, used.upstream.as_ref()?);
    let what = match snapshot.databases.get(name).map(|served| &served.behind) {
        Some(Behind::Upstream(now)) if Arc::ptr_eq(now, &on.upstream) => return None,
        Some(Behind::Upstream(now)) => now.taken_from(&on.upstream, &on.role, used.level)?,
        Some(Behind::Embedded(_)) => "is another one",
        None => "is no more",
    };
    Some((EndReason::UpstreamChanged, format!("database {name:?} {what}")))
}
