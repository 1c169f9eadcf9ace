//! One refusal, with all that it was decided by.

use std::net::SocketAddr;
use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{Certificate, Verified};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transport::{FailureKind, HelloId};

use crate::RefusalId;

/// One refusal, with all that it was decided by.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) id: RefusalId,
    pub(crate) hello: Option<HelloId>,
    pub(crate) at: OffsetDateTime,
    pub(crate) stage: Stage,
    pub(crate) listener: Arc<str>,
    pub(crate) peer: SocketAddr,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) why: Why,
    /// The generation of the snapshot that decided.
    pub(crate) generation: u64,
    pub(crate) evidence: Evidence,
    pub(crate) principal: Option<Box<str>>,
    /// The path that was asked for, where a request was refused.
    pub(crate) target: Option<Box<str>>,
}

/// Where on its way a peer was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// In the TLS handshake, where all it hears is an alert.
    Handshake,
    /// With a request, where it hears code and id.
    Request,
}

/// Why.
#[derive(Debug)]
pub(crate) enum Why {
    /// We said no.
    Refusal(Refusal),
    /// TLS came to nothing for another reason.
    Failure(FailureKind, Box<str>),
}

/// What the peer showed of itself.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// Nothing.
    Nothing,
    /// A certificate that did not verify, as it came.
    Presented(Box<[u8]>),
    /// A chain that verified.
    Verified(Verified),
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Request => "request",
        }
    }
}

impl Why {
    /// Our no. Its cause may quote what the peer sent, and is kept as far as that is bounded.
    pub(crate) fn refusal(refusal: &Refusal) -> Self {
        Self::Refusal(Refusal::new(refusal.code(), kept(refusal.cause())))
    }

    pub(crate) fn failure(kind: FailureKind, cause: &str) -> Self {
        Self::Failure(kind, kept(cause))
    }

    /// The refusal's code, or the kind of the failure.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.code().as_str(),
            Self::Failure(kind, _) => kind.as_str(),
        }
    }

    /// What anybody may hear: true for every cause, telling of none.
    pub(crate) fn sentence(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.code().sentence(),
            Self::Failure(kind, _) => kind.sentence(),
        }
    }

    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.code().remedy(),
            Self::Failure(kind, _) => kind.remedy(),
        }
    }

    /// For the operator alone.
    pub(crate) fn cause(&self) -> &str {
        match self {
            Self::Refusal(refusal) => refusal.cause(),
            Self::Failure(_, cause) => cause,
        }
    }

    /// Which step said no.
    pub(crate) fn check(&self) -> &'static str {
        match self {
            Self::Failure(..) => "handshake",
            Self::Refusal(refusal) => match refusal.code() {
                Code::CertificateRequired
                | Code::CredentialsRequired
                | Code::CredentialsInvalid
                | Code::CredentialsDisagree
                | Code::UnmappedCertificate
                | Code::AmbiguousIdentity
                | Code::PrincipalInactive => "recognize",
                Code::NoGrant | Code::NotOnAllowlist | Code::AdminOnly | Code::CrossSite => "admit",
                Code::ReadOnly | Code::StatementNotPermitted => "serve",
                Code::RequestNotAllowed | Code::InvitationInvalid => "enrol",
                Code::RateLimited | Code::TooManyConnections => "limits",
                Code::PlaintextRefused => "handshake",
                Code::RoleNotAllowed => "admit",
                Code::UpstreamUnreachable | Code::UpstreamSlow | Code::UpstreamRefused => "upstream",
                Code::SessionEnded => "session",
                Code::CertificateRevoked | Code::RevocationUnknown => "revocation",
                Code::UnknownIssuer
                | Code::CertificateExpired
                | Code::CertificateNotYetValid
                | Code::WrongPurpose
                | Code::NameNotAllowed
                | Code::WeakCertificate
                | Code::MalformedCertificate => "verify",
            },
        }
    }
}

impl Evidence {
    /// A certificate that did not verify; where it is longer than any that somebody made in good faith, nothing of it.
    pub(crate) fn presented(leaf: Option<&[u8]>) -> Self {
        match leaf {
            Some(leaf) if leaf.len() <= LONGEST_LEAF => Self::Presented(leaf.into()),
            Some(_) | None => Self::Nothing,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Presented(leaf) => leaf.len(),
            // What was read from it takes about as much again.
            Self::Verified(verified) => verified.chain().iter().map(|held| 2 * held.der().len()).sum(),
        }
    }
}

impl Refused {
    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        size_of::<Self>()
            + self.why.cause().len()
            + self.evidence.weight()
            + text(&self.server_name)
            + text(&self.principal)
            + text(&self.target)
    }

    /// What anybody may hear who knows the id.
    pub(crate) fn public(&self) -> Value {
        let why = &self.why;
        json!({ "code": why.code(), "message": why.sentence(), "remedy": why.remedy() })
    }

    /// One line of a list.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "refusal": self.id.to_string(),
            "handshake": self.hello.map(|hello| hello.to_string()),
            "at": moment(self.at),
            "stage": self.stage.as_str(),
            "listener": &*self.listener,
            "peer": self.peer.to_string(),
            "server_name": self.server_name,
            "code": self.why.code(),
            "cause": self.why.cause(),
            "principal": self.principal,
            "target": self.target,
        })
    }

    /// The certificate that was presented, as far as it can be read.
    pub(super) fn certificate(&self) -> Option<Result<Certificate, String>> {
        match &self.evidence {
            Evidence::Nothing => None,
            Evidence::Verified(verified) => Some(Ok(verified.leaf().clone())),
            Evidence::Presented(leaf) => {
                let leaf = rustls::pki_types::CertificateDer::from(leaf.to_vec());
                Some(Certificate::from_der(leaf).map_err(|error| error.to_string()))
            }
        }
    }
}

/// A text as it is kept: what a peer may choose must not fill the memory.
pub(crate) fn kept(text: &str) -> Box<str> {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text).into()
}

/// A moment in RFC 3339, to the millisecond, as the audit record has it.
pub(super) fn moment(at: OffsetDateTime) -> String {
    let at = at.replace_millisecond(at.millisecond()).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// Leaves of RSA 4096 with many names have 3 KiB.
const LONGEST_LEAF: usize = 8 * 1024;
const LONGEST_TEXT: usize = 1024;

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use fault::{Code, Refusal};
    use time::OffsetDateTime;
    use transport::HelloId;

    use super::{Evidence, Refused, Stage, Why};
    use crate::RefusalId;

    /// A refused handshake from this address, at a moment later than the last one.
    pub(in crate::refusals) fn refused(peer: &str) -> Refused {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut random = [n; 32];
        random[..5].copy_from_slice(&peer.as_bytes()[..5]);
        random[5..15].copy_from_slice(&RefusalId::draw().to_string().as_bytes()[3..13]);
        Refused {
            id: RefusalId::draw(),
            hello: Some(HelloId::of(&random)),
            at: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(n.into()),
            stage: Stage::Handshake,
            listener: "h2".into(),
            peer: peer.parse().unwrap(),
            server_name: None,
            why: Why::Refusal(Refusal::new(Code::UnknownIssuer, "whoever that is")),
            generation: 1,
            evidence: Evidence::Nothing,
            principal: None,
            target: None,
        }
    }
}
