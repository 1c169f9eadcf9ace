//! A certificate that has ended, or that is no client's, shows outside of a handshake that its key is held.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fault::{Code, Fault, Refusal};
use identity::{Certificate, Proof, Purpose, Strictness, Trust, Usage, Verified};
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use time::OffsetDateTime;

use super::no::No;
use crate::nonces::Nonces;

/// What a certificate's key is asked to sign: the number that the node gave, and the request.
#[must_use]
pub fn renewal_message(nonce: &str, csr: &str) -> Vec<u8> {
    [nonce.as_bytes(), b"\0", csr.as_bytes()].concat()
}

/// What a renewal's proof is for.
pub const RENEWAL: &str = "renewal";

/// A chain with the proof that its leaf's key is held, as it is written in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// The chain, PEM, leaf first.
    chain: String,
    nonce: String,
    scheme: u16,
    /// In base 64.
    signature: String,
}

fn not(why: &str) -> Refusal {
    Refusal::new(Code::RequestNotAllowed, format!("renewal: {why}"))
        .saying("the renewal's nonce cannot be used; get another one and ask again")
}

impl Written {
    /// The chain, whose leaf is proved to be held by whoever made this request, and once good by these authorities.
    ///
    /// It is judged as every certificate is, at its last moment where that has passed. Whether it was revoked, and for how
    /// long after its end it counts, the ledger and the profile say.
    pub(crate) fn prove(
        &self,
        csr: &str,
        anchors: Vec<Certificate>,
        environment: &str,
        nonces: &Nonces,
        now: OffsetDateTime,
    ) -> Result<Verified, No> {
        let chain = identity::certificates_from_pem(self.chain.as_bytes())
            .map_err(|error| bad("renewal.chain", &error))?;
        let leaf = chain.first().cloned().ok_or_else(|| bad("renewal.chain", &"it holds no certificate"))?;
        let signature =
            BASE64_STANDARD.decode(&self.signature).map_err(|error| bad("renewal.signature", &error))?;
        let fresh =
            nonces.check(&self.nonce, now).ok_or_else(|| not("the nonce is none of ours, or too old"))?;
        let proof = Proof { scheme: self.scheme, signature };
        proof.check(leaf.der(), RENEWAL, &renewal_message(&self.nonce, csr)).map_err(|error| {
            Refusal::new(
                Code::RequestNotAllowed,
                format!("renewal of {}: {error}", leaf.identity().subject()),
            )
            .saying("the renewal does not show that the certificate's key is held")
        })?;
        let at = now.min(leaf.identity().not_after());
        let strictness = Strictness { environment: Some(environment.to_owned()), ..Strictness::default() };
        let trust = Trust::new(anchors, strictness);
        let chain: Vec<CertificateDer<'_>> =
            chain.iter().map(|certificate| certificate.der().clone()).collect();
        let verified = identity::verify(&chain, &trust, purpose(&leaf), None, at)?;
        // Only a proof that holds uses a nonce up: who has no certificate of ours cannot use up everybody's.
        match nonces.spend(fresh) {
            true => Ok(verified),
            false => Err(not("the nonce was used before").into()),
        }
    }
}

/// A certificate for both is judged as a client's.
fn purpose(leaf: &Certificate) -> Purpose {
    match leaf.usages() {
        Some(usages) if !usages.contains(&Usage::ClientAuth) => Purpose::Server,
        _ => Purpose::Client,
    }
}

fn bad(place: &str, why: &impl std::fmt::Display) -> No {
    No::bad(Fault::yours(format!("{place} cannot be read")).because(why))
}
