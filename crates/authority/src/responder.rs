//! Who answers questions about single certificates in an issuer's name (OCSP), with a key of its own.

use std::fmt;

use fault::Fault;
use identity::ocsp::{self, Reply, may_answer};
use identity::{Certificate, KeyKind, Malformed, Pin, PrivateKey};
use ledger::Ledger;
use time::{Duration, OffsetDateTime};

use crate::authority::Authority;
use crate::crl::signature_algorithm;
use crate::issue::settle;
use crate::key::SigningKey;
use crate::sign::sign_with;

/// A key that an authority lets answer for it, for a while. That of an issuer is made in memory, and goes with this value.
pub struct Responder {
    authority: Certificate,
    certificate: Certificate,
    key: SigningKey,
}

impl Authority {
    /// Appoints a responder: a new key, whose certificate is drafted, recorded and signed as every other.
    ///
    /// # Errors
    /// Where the ledger or the key fails, or the issuer is at its end.
    pub async fn appoint_responder(
        &self,
        ledger: &dyn Ledger,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Responder, Fault> {
        // P-256 signs fastest of what every client takes, whatever the issuer's own key is.
        let key = PrivateKey::generate(KeyKind::EcdsaP256)
            .map_err(|error| Fault::ours("no key could be made for the OCSP responder").because(error))?;
        let signing = SigningKey::of(&key)?;
        let certificate = self.certify_responder(&key, ledger, lifetime, now).await?;
        Ok(Responder { authority: self.certificate().clone(), certificate, key: signing })
    }

    /// Certifies a key that somebody else keeps, to answer for this authority: what a root does by hand, whose own key is
    /// not where questions arrive.
    ///
    /// # Errors
    /// As [`appoint_responder`](Self::appoint_responder).
    pub async fn certify_responder(
        &self,
        key: &PrivateKey,
        ledger: &dyn Ledger,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Certificate, Fault> {
        let recorded = self.draft_responder(key, lifetime, now)?.record(ledger).await?;
        let sign = |recorded| sign_with(self.key(), self.key_id(), &recorded);
        settle(ledger, recorded, now, sign, |signed| signed.der().to_vec()).await
    }
}

impl Responder {
    /// A responder of this authority, whose key and certificate lie in files.
    ///
    /// # Errors
    /// Where the key is another one's, or the authority does not let it answer, even while it lasts.
    pub fn of(certificate: Certificate, key: &PrivateKey, authority: &Certificate) -> Result<Self, Fault> {
        let own = certificate.identity();
        if own.spki_sha256() != Pin::of_spki(&key.public_spki()) {
            return Err(Fault::yours("the key does not belong to the responder's certificate")
                .remedy("name the key that was made with it"));
        }
        may_answer(&certificate, authority, own.not_before()).map_err(|why| {
            let name = authority.identity().subject();
            Fault::yours(format!("the responder may not answer for \"{name}\""))
                .because(why)
                .remedy("make one with the root's key: countersign ca init-responder")
        })?;
        let key = SigningKey::of(key)?;
        Ok(Self { authority: authority.clone(), certificate, key })
    }

    /// The authority that it answers for.
    #[must_use]
    pub fn authority(&self) -> &Certificate {
        &self.authority
    }

    /// Signs an answer (DER), and puts the responder's certificate beside it.
    ///
    /// # Errors
    /// Where the key fails, or a part cannot be encoded.
    pub fn sign(&self, reply: &Reply) -> Result<Vec<u8>, Fault> {
        ocsp::sign(reply, &self.certificate, true, |bytes| {
            let signature = self.key.signature(bytes).map_err(Unsigned)?;
            Ok(ocsp::Signature { algorithm: signature_algorithm(self.key.kind()), bytes: signature })
        })
        .map_err(|Unsigned(fault)| fault)
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// Why an answer was not signed: the key failed, or a part could not be encoded.
struct Unsigned(Fault);

impl From<Malformed> for Unsigned {
    fn from(error: Malformed) -> Self {
        Self(Fault::ours("an OCSP answer could not be signed").because(error))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Responder({:?})", self.certificate)
    }
}
