//! Who asks the office, and by what it decides.

use std::net::SocketAddr;
use std::sync::Arc;

use access::Peer;
use authority::{Authority, Profile};
use fault::{Code, Fault, Refusal};
use gateway::{Ask, Asker};
use identity::{Certificate, Verified};
use ledger::{AuditEvent, AuditKind, CertificateRecord, Ledger, State};
use serde_json::Value;
use time::OffsetDateTime;

use super::no::No;
use crate::asker::administrator;
use crate::issuing::{Issuing, issuer_for, unknown_profile};
use crate::pace::home;
use crate::registrar::Registrar;

/// One request with what it is decided by.
pub(crate) struct Office<'a> {
    pub(crate) registrar: &'a Registrar,
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) issuing: Arc<Issuing>,
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) now: OffsetDateTime,
}

impl<'a> Office<'a> {
    /// The administrator who asks.
    pub(crate) fn administrator(&self) -> Result<&'a str, No> {
        Ok(administrator(self.ask, "the certificates")?)
    }

    /// Who asks, in the words of the audit record.
    pub(crate) fn asker(&self) -> String {
        match (self.peer().and_then(Peer::principal), self.verified()) {
            (Some(principal), _) => format!("principal {principal:?}"),
            (None, Some(verified)) => format!("the holder of {}", verified.leaf().identity().subject()),
            (None, None) => format!("somebody at {}", self.ask.remote),
        }
    }

    /// Whose requests are counted together: those of a principal, of the subject of certificates, or of
    /// an address. Renewing does not start another count.
    pub(crate) fn counted_as(&self) -> String {
        match (self.verified(), self.peer().and_then(Peer::principal)) {
            (_, Some(principal)) => format!("principal {principal:?}"),
            (Some(verified), None) => format!("the holder of {}", verified.leaf().identity().subject()),
            (None, None) => match self.address() {
                Some(address) => format!("address {}", home(address.ip())),
                None => format!("address {}", self.ask.remote),
            },
        }
    }

    pub(crate) fn peer(&self) -> Option<&'a Peer> {
        match self.ask.asker {
            Asker::Administrator(peer) | Asker::Known(peer) => Some(peer),
            Asker::Stranger(_) => None,
        }
    }

    /// The certificate that was presented in the handshake and is still good.
    pub(crate) fn verified(&self) -> Option<&'a Verified> {
        self.ask.verified
    }

    fn address(&self) -> Option<SocketAddr> {
        self.ask.remote.parse().ok()
    }

    /// The record of a certificate that we issued and that counts: what anybody else issued gives no right to anything here.
    pub(crate) async fn record_of(&self, certificate: &Certificate) -> Result<CertificateRecord, No> {
        let subject = certificate.identity().subject();
        let not = |why: &str| {
            Refusal::new(Code::RequestNotAllowed, format!("{subject}: {why}"))
                .saying(format!("the certificate cannot be renewed here: {why}"))
        };
        let record = self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await?;
        let record = record.ok_or_else(|| not("another authority issued it"))?;
        match record.state {
            State::Issued => Ok(record),
            State::Revoked => Err(not("it has been revoked").into()),
            State::Drafted | State::Abandoned => Err(not("it was never issued").into()),
        }
    }

    /// The profile of this name.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, Fault> {
        let known = self.issuing.profiles.keys().map(String::as_str);
        self.issuing.profiles.get(name).cloned().ok_or_else(|| unknown_profile(name, known))
    }

    /// The issuer for a profile, where it may still issue.
    pub(crate) async fn issuer(&self, profile: &Profile) -> Result<Arc<Authority>, Fault> {
        let issuer = issuer_for(&self.issuing.issuers, profile).map(Arc::clone);
        let issuer = issuer.ok_or_else(|| {
            let name = profile.name();
            Fault::theirs(format!("no issuer of this node may issue the profile \"{name}\"")).remedy(format!(
                "add authority.issuers.{name}: one whose certificate allows the profile's usages"
            ))
        })?;
        issuer.check_standing(self.ledger).await?;
        Ok(issuer)
    }

    /// Puts on record what was decided; without a record of it nothing is handed out.
    pub(crate) async fn audit(
        &self,
        kind: AuditKind,
        about: Option<&Certificate>,
        cause: String,
    ) -> Result<(), Fault> {
        let event = AuditEvent {
            principal: self.peer().and_then(Peer::principal).map(str::to_owned),
            method: self.peer().map(|peer| peer.method().to_owned()),
            certificate: about.map(Certificate::fingerprint),
            serial: about.map(|certificate| certificate.identity().serial().clone()),
            issuer: about.map(|certificate| certificate.identity().issuer().to_string()),
            remote: self.address(),
            cause: Some(cause),
            ..AuditEvent::new(kind, self.now)
        };
        Ok(self.ledger.audit(vec![event]).await?)
    }
}

/// The "no" to somebody who is not known.
pub(crate) fn stranger(refusal: Option<&Refusal>) -> Refusal {
    let nothing = || Refusal::new(Code::CertificateRequired, "neither a certificate nor an invitation");
    refusal.cloned().unwrap_or_else(nothing)
}

/// A request's body as JSON of the shape that is wanted.
pub(crate) fn body<T: serde::de::DeserializeOwned>(ask: &Ask<'_>) -> Result<T, No> {
    if ask.body.len() > LARGEST {
        return Err(No::too_large(
            Fault::yours(format!("the request is larger than {} KiB", LARGEST >> 10))
                .remedy("send one certificate request"),
        ));
    }
    serde_json::from_slice(&ask.body)
        .map_err(|error| No::bad(Fault::yours("the request's body cannot be read").because(error)))
}

/// A moment as RFC 3339 writes it.
pub(crate) fn moment(at: OffsetDateTime) -> Value {
    Value::from(at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default())
}

/// A chain with a large RSA key, a request, and room for what is around them.
const LARGEST: usize = 64 << 10;
