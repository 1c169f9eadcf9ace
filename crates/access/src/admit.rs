use std::sync::Arc;

use fault::{Code, Refusal};
use time::OffsetDateTime;

use crate::grants::Grants;
use crate::{Level, Peer};

/// Proof that a grant lets this peer use this database until a stated moment.
///
/// Only [`admit`] and [`admit_admin`] make one. It is not `Clone`: who serves something holds the proof for it.
#[derive(Debug)]
pub struct Permit {
    level: Level,
    principal: Option<Arc<str>>,
    database: Option<Arc<str>>,
    until: Option<OffsetDateTime>,
}

impl Permit {
    /// What the peer may do; never [`Level::None`].
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The principal; none where the peer is anonymous.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// The database it is for; empty where it is for the control plane.
    #[must_use]
    pub fn database(&self) -> &str {
        self.database.as_deref().unwrap_or_default()
    }

    /// When it ends: with the peer's evidence.
    #[must_use]
    pub fn until(&self) -> Option<OffsetDateTime> {
        self.until
    }
}

/// Decides whether the peer may use the database, and how.
///
/// # Errors
/// `no-grant` where no grant gives any access, whether or not the database exists; `session-ended` where the
/// peer's evidence has ended.
pub fn admit(peer: &Peer, grants: &Grants, database: &str, now: OffsetDateTime) -> Result<Permit, Refusal> {
    still_open(peer, now)?;
    let (level, held) = grants.lookup(peer.principal(), database);
    if level == Level::None {
        let cause = format!("no grant on database {database:?} speaks of {}", shown(peer));
        return Err(Refusal::new(Code::NoGrant, cause));
    }
    let database = Some(held.map_or_else(|| Arc::from(database), Arc::clone));
    Ok(Permit { level, principal: peer.shared_name(), database, until: peer.until() })
}

/// Decides whether the peer may use the control plane.
///
/// # Errors
/// `admin-only` where it is not among `control_plane.admins`; `session-ended` where its evidence has ended.
pub fn admit_admin(peer: &Peer, grants: &Grants, now: OffsetDateTime) -> Result<Permit, Refusal> {
    still_open(peer, now)?;
    if !grants.is_admin(peer) {
        let cause = format!("{} is not among control_plane.admins", shown(peer));
        return Err(Refusal::new(Code::AdminOnly, cause));
    }
    Ok(Permit { level: Level::Admin, principal: peer.shared_name(), database: None, until: peer.until() })
}

fn still_open(peer: &Peer, now: OffsetDateTime) -> Result<(), Refusal> {
    match peer.until() {
        Some(until) if now > until => {
            let cause = format!("the certificate of {} ended at {until}, our clock says {now}", shown(peer));
            Err(Refusal::new(Code::SessionEnded, cause))
        }
        _ => Ok(()),
    }
}

fn shown(peer: &Peer) -> String {
    match peer.principal() {
        Some(name) => format!("principal {name:?}"),
        None => "the anonymous peer".to_owned(),
    }
}
