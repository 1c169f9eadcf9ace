//! What our own authority answers over the door. The node fills it in.

use std::sync::atomic::{AtomicBool, Ordering};

use access::Peer;
use bytes::Bytes;
use fault::Refusal;
use http::{HeaderMap, Method, Response};
use identity::Verified;
use time::OffsetDateTime;

use crate::Pending;

/// Answers what is asked of our own authority.
pub trait Registrar: Send + Sync {
    /// Answers one request. A refusal goes on record under an id, as every other "no" of the door does.
    fn answer<'a>(&'a self, ask: Ask<'a>) -> Pending<'a, Result<Response<Bytes>, Refusal>>;
}

/// A request to the authority, past the door.
#[derive(Clone)]
pub struct Ask<'a> {
    /// Whom it is for.
    pub office: Office,
    /// The method.
    pub method: &'a Method,
    /// The path below the office's own, without a leading slash.
    pub path: &'a str,
    /// What stands behind the question mark.
    pub query: Option<&'a str>,
    /// The head fields.
    pub headers: &'a HeaderMap,
    /// The body; at most [`MOST_BYTES`](Self::MOST_BYTES).
    pub body: Bytes,
    /// Who asks.
    pub asker: Asker<'a>,
    /// The chain that the asker was recognized by.
    pub verified: Option<&'a Verified>,
    /// The address that it came from.
    pub remote: &'a str,
    /// The host that it was sent to, as the client wrote it.
    pub host: Option<&'a str>,
    /// The listener that it came by.
    pub listener: &'a str,
    /// When it came.
    pub at: OffsetDateTime,
    pub(crate) acts: &'a AtomicBool,
}

impl Ask<'_> {
    /// The largest body that is taken in.
    pub const MOST_BYTES: usize = 256 * 1024;

    /// What follows is done whatever becomes of the session, and may be what ends it: the answer is not taken back. What
    /// must not be cut in half is spawned besides, so that a connection that is cut does not take it along.
    pub fn act(&self) {
        self.acts.store(true, Ordering::Relaxed);
    }
}

/// Who asks. What is not for everyone begins with a `match` on it.
#[derive(Clone, Copy)]
pub enum Asker<'a> {
    /// Nobody that is known: not recognized, for this reason, or anonymous where the listener lets that be.
    Stranger(Option<&'a Refusal>),
    /// A principal.
    Known(&'a Peer),
    /// One who is admitted to the control plane.
    Administrator(&'a Peer),
}

/// A part of the authority, by the path that leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// What everyone may fetch: certificates, lists, answers about revocation: `/pki/…`.
    Published,
    /// The inventory, and acts on certificates: `/api/admin/security/certificates…`.
    Certificates,
    /// Asking for a certificate: `/api/enrolment/…`.
    Enrolment,
    /// RFC 8555: `/acme/…`.
    Acme,
}

impl Office {
    /// The office that a path leads to, and the path below it.
    pub(crate) fn of(path: &str) -> Option<(Self, &str)> {
        [
            (Self::Published, "/pki"),
            (Self::Certificates, "/api/admin/security/certificates"),
            (Self::Enrolment, "/api/enrolment"),
            (Self::Acme, "/acme"),
        ]
        .into_iter()
        .find_map(|(office, root)| match path.strip_prefix(root)? {
            "" => Some((office, "")),
            below => below.strip_prefix('/').map(|below| (office, below)),
        })
    }
}

/// What is answered at a listener; health is answered at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Databases, the control plane, and what administrators ask of the authority.
    pub everything: bool,
    /// `/pki/…`.
    pub published: bool,
    /// `/api/enrolment/…`.
    pub enrolment: bool,
    /// `/acme/…`.
    pub acme: bool,
}

impl Scope {
    /// All that there is.
    pub const EVERYTHING: Self = Self { everything: true, published: true, enrolment: true, acme: true };

    /// Nothing but health.
    pub(crate) const NOTHING: Self =
        Self { everything: false, published: false, enrolment: false, acme: false };

    /// Whether an office answers here.
    #[must_use]
    pub fn has(self, office: Office) -> bool {
        match office {
            Office::Published => self.published,
            Office::Certificates => self.everything,
            Office::Enrolment => self.enrolment,
            Office::Acme => self.acme,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Office;

    #[test]
    fn a_path_leads_to_one_office() {
        assert_eq!(Office::of("/pki/crl.der"), Some((Office::Published, "crl.der")));
        assert_eq!(Office::of("/pki"), Some((Office::Published, "")));
        assert_eq!(Office::of("/pkis/query"), None);
        let certificates = "/api/admin/security/certificates";
        assert_eq!(Office::of(certificates), Some((Office::Certificates, "")));
        assert_eq!(
            Office::of("/api/admin/security/certificates/backend/rotate"),
            Some((Office::Certificates, "backend/rotate"))
        );
        assert_eq!(Office::of("/api/admin"), None);
        assert_eq!(Office::of("/acme/directory"), Some((Office::Acme, "directory")));
        assert_eq!(Office::of("/app/query"), None);
    }
}
