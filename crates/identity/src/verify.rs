//! The one place that says yes to a chain of certificates.
//!
//! A path of X.509 version 3 is built by webpki; a leaf of version 1, and a leaf that is itself what we trust, take
//! narrow paths of our own. Whatever the path, [`rules`] judges every certificate on it, the authority included.

mod cause;
mod direct;
mod path;
mod presented;
mod rules;
mod server_name;
#[cfg(test)]
mod tests;
mod version1;

use std::fmt;
use std::sync::Arc;

use fault::Refusal;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use self::path::Path;
use self::presented::Presented;
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

/// Proof that a [`Trust`] has accepted a chain, at a moment, for a purpose. Only [`verify()`] makes one.
#[derive(Clone)]
pub struct Verified(Arc<Proof>);

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
    fn new(path: Path, purpose: Purpose, verified_at: OffsetDateTime) -> Self {
        let leaf = path.leaf().clone();
        let anchor = path.anchor().clone();
        let path = path.into_certificates();
        let (from, until) =
            path.iter().map(Certificate::identity).fold(
                (leaf.identity().not_before(), leaf.identity().not_after()),
                |(from, until), identity| (from.max(identity.not_before()), until.min(identity.not_after())),
            );
        Self(Arc::new(Proof { path, leaf, anchor, purpose, verified_at, from, until }))
    }

    /// The certificate of the peer itself.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.0.leaf
    }

    /// The path that was accepted: leaf first, authority last.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.0.path
    }

    /// The authority that vouches for the leaf.
    #[must_use]
    pub fn anchor(&self) -> &Certificate {
        &self.0.anchor
    }

    /// What the chain was accepted for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// When it was accepted.
    #[must_use]
    pub fn verified_at(&self) -> OffsetDateTime {
        self.0.verified_at
    }

    /// The first moment at which every certificate on the path is valid.
    #[must_use]
    pub fn from(&self) -> OffsetDateTime {
        self.0.from
    }

    /// The last moment at which every certificate on the path is valid.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.0.until
    }

    /// Whether every certificate on the path is valid at `now`.
    #[must_use]
    pub fn holds_at(&self, now: OffsetDateTime) -> bool {
        (self.0.from..=self.0.until).contains(&now)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("leaf", &self.0.leaf)
            .field("anchor", &self.0.anchor)
            .field("purpose", &self.0.purpose)
            .field("until", &self.0.until)
            .finish_non_exhaustive()
    }
}

/// Judges `chain` (leaf first, the rest in any order) by `trust`, for `purpose`, at `now`.
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
    Ok(Verified::new(path, purpose, now))
}
