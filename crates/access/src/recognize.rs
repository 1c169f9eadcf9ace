use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{CommonName, Identity, Purpose, Verified};
use time::OffsetDateTime;

use crate::Directory;
use crate::directory::Found;

/// A way to sign in that a listener accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A client certificate.
    Mtls,
    /// Nothing: the peer is anonymous. Tried after all others, wherever it stands in the list.
    None,
}

impl Accepted {
    /// The word for it in a configuration, in logs and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::None => "none",
        }
    }
}

/// Proof of who is at the other end, with the evidence for it. Only [`recognize`] makes one.
#[derive(Clone, Debug)]
pub struct Peer {
    principal: Option<Arc<str>>,
    method: Accepted,
    verified: Option<Verified>,
    until: Option<OffsetDateTime>,
}

impl Peer {
    /// The principal's name; none where the peer is anonymous.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal.as_deref()
    }

    /// The way it signed in: `mtls` or `none`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method.as_str()
    }

    /// The certificate that it presented, also where that did not decide who it is.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// When the evidence ends; the session must not outlive it.
    #[must_use]
    pub fn until(&self) -> Option<OffsetDateTime> {
        self.until
    }

    /// The name, shared and not copied.
    pub(crate) fn shared_name(&self) -> Option<Arc<str>> {
        self.principal.clone()
    }
}

/// Decides who is at the other end.
///
/// A certificate decides where it belongs to a principal. One that belongs to nobody counts as no credential, and
/// becomes anonymous only where `none` is accepted by name.
///
/// # Errors
/// `certificate-required` or `credentials-required` where nothing was presented, `unmapped-certificate` where the
/// certificate belongs to nobody, `ambiguous-identity` where it belongs to two, `principal-inactive`,
/// `certificate-expired` where its end has passed since it was verified, `revocation-unknown` where the policy wants an
/// answer about its revocation that nobody has given yet, `wrong-purpose` for a proof about a server.
pub fn recognize(
    directory: &Directory,
    accepted: &[Accepted],
    verified: Option<&Verified>,
    now: OffsetDateTime,
) -> Result<Peer, Refusal> {
    if let Some(verified) = verified {
        still_good(verified, now)?;
    }
    let mtls = accepted.contains(&Accepted::Mtls);
    if let (true, Some(verified)) = (mtls, verified) {
        match directory.find(verified) {
            Found::One { name, active: true } => {
                let until = Some(verified.until());
                let (principal, verified) = (Some(name), Some(verified.clone()));
                return Ok(Peer { principal, method: Accepted::Mtls, verified, until });
            }
            Found::One { name, active: false } => {
                let cause = format!("principal {name:?} is switched off");
                return Err(Refusal::new(Code::PrincipalInactive, cause));
            }
            Found::Several(one, other) => return Err(ambiguous(verified, &one, &other)),
            Found::Nobody => {}
        }
    }
    if accepted.contains(&Accepted::None) {
        let until = verified.map(Verified::until);
        return Ok(Peer { principal: None, method: Accepted::None, verified: verified.cloned(), until });
    }
    Err(match verified {
        Some(verified) if mtls => unmapped(directory, verified),
        None if mtls => {
            let cause = "no client certificate was presented and the listener accepts nothing else";
            Refusal::new(Code::CertificateRequired, cause)
        }
        _ => Refusal::new(Code::CredentialsRequired, "the listener accepts no way to sign in"),
    })
}

fn still_good(verified: &Verified, now: OffsetDateTime) -> Result<(), Refusal> {
    if !matches!(verified.purpose(), Purpose::Client) {
        let cause = "the certificate was verified as a server's and presented as a client's";
        return Err(Refusal::new(Code::WrongPurpose, cause));
    }
    if now > verified.until() {
        let cause = format!("the certificate chain ended at {}, our clock says {now}", verified.until());
        return Err(Refusal::new(Code::CertificateExpired, cause));
    }
    if !verified.unanswered().is_empty() {
        let who = shown(verified.leaf().identity());
        let cause = format!("{who} may be revoked: nobody was asked about it or an authority above it");
        return Err(Refusal::new(Code::RevocationUnknown, cause));
    }
    Ok(())
}

fn ambiguous(verified: &Verified, one: &str, other: &str) -> Refusal {
    let who = shown(verified.leaf().identity());
    let cause = format!("{who} matches the principals {one:?} and {other:?}");
    Refusal::new(Code::AmbiguousIdentity, cause)
}

fn unmapped(directory: &Directory, verified: &Verified) -> Refusal {
    let identity = verified.leaf().identity();
    let why = match identity.common_name() {
        CommonName::Unusable(why) => format!("its common name cannot be used: {why}"),
        CommonName::None if directory.is_common_name_is_principal() => "it has no common name".to_owned(),
        CommonName::One(name) if directory.is_common_name_is_principal() => {
            format!("its common name {name:?} is reserved")
        }
        CommonName::None | CommonName::One(_) => "no principal has an mtls entry that it meets".to_owned(),
    };
    let cause = format!("{} belongs to no principal: {why}", shown(identity));
    Refusal::new(Code::UnmappedCertificate, cause)
}

/// The certificate as an operator looks for it.
fn shown(identity: &Identity) -> String {
    format!(
        "the certificate {:?} (serial {}, spki_sha256 {})",
        identity.subject().to_string(),
        identity.serial(),
        identity.spki_sha256()
    )
}
