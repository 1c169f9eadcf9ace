//! Who answers questions about single certificates in an issuer's name (OCSP), with a key of its own.

use std::fmt;

use fault::Fault;
use identity::ocsp::{self, Reply};
use identity::{Certificate, KeyKind, Malformed, PrivateKey};
use ledger::Ledger;
use time::{Duration, OffsetDateTime};

use crate::authority::Authority;
use crate::crl::signature_algorithm;
use crate::issue::settle;
use crate::key::SigningKey;
use crate::sign::sign_with;

/// A key that the issuer lets answer for it, for a while. It is made in memory, and goes with this value.
pub struct Responder {
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
        let recorded = self.draft_responder(&key, lifetime, now)?.record(ledger).await?;
        let sign = |recorded| sign_with(self.key(), self.key_id(), &recorded);
        let certificate = settle(ledger, recorded, now, sign, |signed| signed.der().to_vec()).await?;
        Ok(Responder { certificate, key: signing })
    }
}

impl Responder {
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
