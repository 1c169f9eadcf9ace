//! Handshakes as registered services see them: who called whom, and what came of it.

use std::collections::BTreeSet;

use access::Peer;
use fault::{Code, Refusal};
use identity::Certificate;

use crate::metrics::{CallLabels, Metrics};

/// By which names handshakes at an entrance are counted. Others are counted together: whoever could make up names could
/// fill our memory with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// The registered services.
    pub registered: BTreeSet<String>,
    /// The one that the entrance presents, where it presents one.
    pub to: Option<String>,
}

impl Callers {
    /// Counts a handshake by what came of it; of a certificate that was refused the name is a claim.
    pub(crate) fn count(&self, metrics: &Metrics, caller: Option<&Certificate>, failure: Option<&str>) {
        let labels = CallLabels {
            from_service: caller.map_or(NOBODY, |caller| self.name(caller)).to_owned(),
            to_service: self.to.as_deref().unwrap_or(OTHER).to_owned(),
            result: if failure.is_some() { "failure" } else { "success" },
            reason: failure.unwrap_or_default().to_owned(),
        };
        metrics.calls.get_or_create(&labels).inc();
    }

    /// Counts a handshake that was done, by whether its peer was recognized.
    pub(crate) fn count_peer(
        &self,
        metrics: &Metrics,
        caller: Option<&Certificate>,
        peer: Result<&Peer, &Refusal>,
    ) {
        self.count(metrics, caller, peer.err().map(|refusal| reason(refusal.code())));
    }

    fn name<'a>(&'a self, caller: &Certificate) -> &'a str {
        let name = caller.identity().common_name().one();
        name.and_then(|name| self.registered.get(name)).map_or(OTHER, String::as_str)
    }
}

/// Why a handshake came to nothing, in a few words that stay the same whatever refusals there will be.
pub(crate) fn reason(code: Code) -> &'static str {
    match code {
        Code::CertificateRequired | Code::CredentialsRequired => "no_cert",
        Code::UnknownIssuer => "unknown_ca",
        Code::CertificateExpired => "expired",
        Code::CertificateRevoked => "revoked",
        Code::UnmappedCertificate | Code::AmbiguousIdentity | Code::PrincipalInactive => "unmapped",
        Code::NameNotAllowed | Code::NotOnAllowlist | Code::NoGrant => "not_allowed",
        other => other.as_str(),
    }
}

/// A name that is not registered.
const OTHER: &str = "other";
/// No certificate at all.
const NOBODY: &str = "none";
