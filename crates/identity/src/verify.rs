//! The one place that says yes to a chain of certificates.
//!
//! A path of X.509 version 3 is built by webpki; a leaf of version 1, and a leaf that is itself what we trust, take
//! narrow paths of our own. Whatever the path, [`rules`] judges every certificate on it, the authority included.

mod again;
pub(crate) mod cause;
mod direct;
mod path;
mod presented;
pub(crate) mod rules;
mod server_name;
mod settle;
#[cfg(test)]
mod tests;
mod version1;

use std::fmt;
use std::sync::Arc;

use fault::Refusal;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

pub use self::again::verify_again;
use self::path::Path;
use self::presented::Presented;
pub use self::settle::{Asked, Method, settle};
use crate::revocation::known::Standing;
use crate::{Certificate, Trust};

/// What a certificate is presented for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To be let in as a TLS client.
    Client,
    /// To be believed as a TLS server.
    Server,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Proof that a [`Trust`] has accepted a chain, at a moment, for a purpose. Only [`verify()`] makes one, and
/// [`verify_again`] and [`settle()`] make it anew from one that was.
///
/// Where the Trust wants to know more about revocation than it knows, the proof is not whole until [`settle()`] made it so:
/// see [`unanswered`](Self::unanswered).
#[derive(Clone)]
pub struct Verified {
    proof: Arc<Proof>,
    standing: Arc<Standing>,
}

struct Proof {
    /// Leaf first, authority last; one certificate alone where the leaf itself is what we trust.
    path: Vec<Certificate>,
    leaf: Certificate,
    anchor: Certificate,
    purpose: Purpose,
    verified_at: OffsetDateTime,
    from: OffsetDateTime,
    until: OffsetDateTime,
}

impl Verified {
    fn new(path: Path, standing: Standing, purpose: Purpose, verified_at: OffsetDateTime) -> Self {
        let leaf = path.leaf().clone();
        let anchor = path.anchor().clone();
        let path = path.certificates().to_vec();
        let (from, until) =
            path.iter().map(Certificate::identity).fold(
                (leaf.identity().not_before(), leaf.identity().not_after()),
                |(from, until), identity| (from.max(identity.not_before()), until.min(identity.not_after())),
            );
        let proof = Proof { path, leaf, anchor, purpose, verified_at, from, until };
        Self { proof: Arc::new(proof), standing: Arc::new(standing) }
    }

    /// The same path with another standing.
    fn standing(&self, standing: Standing) -> Self {
        Self { proof: Arc::clone(&self.proof), standing: Arc::new(standing) }
    }

    /// The certificate of the peer itself.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.proof.leaf
    }

    /// The path that was accepted: leaf first, authority last.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.proof.path
    }

    /// The authority that vouches for the leaf.
    #[must_use]
    pub fn anchor(&self) -> &Certificate {
        &self.proof.anchor
    }

    /// What the chain was accepted for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.proof.purpose
    }

    /// When it was accepted.
    #[must_use]
    pub fn verified_at(&self) -> OffsetDateTime {
        self.proof.verified_at
    }

    /// The first moment at which every certificate on the path is valid.
    #[must_use]
    pub fn from(&self) -> OffsetDateTime {
        self.proof.from
    }

    /// The last moment at which every certificate on the path is valid.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.proof.until
    }

    /// Which certificates of [`chain`](Self::chain) have to be asked about before the peer may be let in: the policy
    /// wants an answer, and nothing at hand gave one. Empty where it is whole.
    #[must_use]
    pub fn unanswered(&self) -> &[usize] {
        &self.standing.unanswered
    }

    /// What was let pass because the policy fails open, for the log.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.standing.warnings
    }

    /// Whether every certificate on the path is valid at `now`.
    #[must_use]
    pub fn holds_at(&self, now: OffsetDateTime) -> bool {
        (self.proof.from..=self.proof.until).contains(&now)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("leaf", &self.proof.leaf)
            .field("anchor", &self.proof.anchor)
            .field("purpose", &self.proof.purpose)
            .field("until", &self.proof.until)
            .finish_non_exhaustive()
    }
}

/// Judges `chain` (leaf first, the rest in any order) by `trust`, for `purpose`, at `now`.
///
/// What [`Trust::revocations`] knows is asked about every certificate of the path but the authority in which it ends.
///
/// A server is also held to `name`, a host name or an IP address, by RFC 9525: subject alternative names alone, a
/// wildcard for one whole leftmost label. `None` compares no name; a client has none to compare.
///
/// # Errors
/// A [`Refusal`] whose code says what kind of no it is, and whose cause names the certificate, the authority and both
/// clocks, as far as they matter.
pub fn verify(
    chain: &[CertificateDer<'_>],
    trust: &Trust,
    purpose: Purpose,
    name: Option<&str>,
    now: OffsetDateTime,
) -> Result<Verified, Refusal> {
    let presented = Presented::read(chain)?;
    rules::leaf(presented.leaf(), trust, purpose, now)?;
    let path = if let Some(path) = direct::find(&presented, trust) {
        path
    } else if presented.leaf().version() == 1 {
        version1::climb(&presented, trust, purpose, now)?
    } else {
        path::build(&presented, trust, purpose, now)?
    };
    rules::environment(path.leaf(), trust)?;
    if let (Purpose::Server, Some(name)) = (purpose, name) {
        server_name::covers(path.leaf(), name)?;
    }
    let standing = again::standing(path.certificates(), trust, now)?;
    Ok(Verified::new(path, standing, purpose, now))
}
