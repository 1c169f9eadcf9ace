//! A session as administrators see it.

use access::{Level, Peer};
use identity::Verified;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::session::{Carried, Session};

/// One live session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionShown {
    /// Its id, to end it by.
    pub id: String,
    /// Who it is; nothing where nobody was recognized or the peer is anonymous.
    pub principal: Option<String>,
    /// The way it signed in.
    pub method: Option<&'static str>,
    /// The listener by which it came.
    pub listener: String,
    /// The other end.
    pub peer: String,
    /// The certificate that it presented.
    pub certificate: Option<CertificateOfSession>,
    /// When it began, in RFC 3339.
    pub since: String,
    /// For how many seconds it has lasted.
    pub age_seconds: i64,
    /// How many requests it has sent.
    pub requests: u64,
    /// The generation of the snapshot that it was last judged by.
    pub generation: u64,
    /// What it used so far, by database; administration is `_admin`.
    pub permits: Vec<PermitOfSession>,
    /// Its place on a server behind the door; nothing where it is not connected to one.
    pub upstream: Option<UpstreamOfSession>,
}

/// The place of a session on a server behind the door.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamOfSession {
    /// The database, by its name at the door.
    pub database: String,
    /// The service that the database is on.
    pub service: String,
    /// Whom the server takes it for.
    pub role: String,
    /// What that role may do.
    pub level: Level,
    /// Bytes from the client, past its start.
    pub received: u64,
    /// Bytes to the client, past its start.
    pub sent: u64,
}

/// The certificate of a session.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateOfSession {
    /// Its subject.
    pub subject: String,
    /// Its issuer.
    pub issuer: String,
    /// Its serial number.
    pub serial: String,
    /// The SHA-256 of the whole.
    pub sha256: String,
    /// The SHA-256 of its public key.
    pub spki_sha256: String,
    /// Its end, in RFC 3339.
    pub not_after: String,
}

/// A permit that a session uses.
#[derive(Clone, Debug, Serialize)]
pub struct PermitOfSession {
    /// The database, or `_admin`.
    pub database: String,
    /// How much it may do there.
    pub level: Level,
}

impl CertificateOfSession {
    fn of(verified: &Verified) -> Self {
        let leaf = verified.leaf();
        let identity = leaf.identity();
        Self {
            subject: identity.subject().to_string(),
            issuer: identity.issuer().to_string(),
            serial: identity.serial().to_string(),
            sha256: leaf.fingerprint().to_string(),
            spki_sha256: identity.spki_sha256().to_string(),
            not_after: identity.not_after().format(&Rfc3339).unwrap_or_default(),
        }
    }
}

impl UpstreamOfSession {
    fn of(carried: &Carried) -> Self {
        let (received, sent) = carried.bytes();
        Self {
            database: carried.database.to_string(),
            service: carried.upstream.spec.service.to_string(),
            role: carried.role.to_string(),
            level: carried.level,
            received,
            sent,
        }
    }
}

impl Session {
    /// The session for administrators.
    pub(crate) fn show(&self) -> SessionShown {
        let judged = self.judged();
        let peer = judged.peer().ok();
        let since = self.since();
        SessionShown {
            id: self.id.to_string(),
            principal: peer.and_then(Peer::principal).map(str::to_owned),
            method: peer.map(Peer::method),
            listener: self.listener.name.to_string(),
            peer: self.shown.to_string(),
            certificate: self.verified().map(CertificateOfSession::of),
            since: since.format(&Rfc3339).unwrap_or_default(),
            age_seconds: (self.gateway.now() - since).whole_seconds(),
            requests: self.requests(),
            generation: judged.generation,
            permits: self.permits(),
            upstream: self.carried().map(UpstreamOfSession::of),
        }
    }
}
