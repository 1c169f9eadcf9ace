use fault::Fault;
use identity::{Certificate, KeyKind, PrivateKey, Strictness, Trust};

use crate::key::SigningKey;
use identity::der;

/// A throw-away key of the issuer's kind, and trust in the issuer's certificate with that key in the place of its own.
///
/// A draft is signed with it for the lint: every byte of the later certificate but the signature is then there to be
/// parsed and verified, and the issuer's own key has signed nothing yet.
#[derive(Debug)]
pub(crate) struct StandIn {
    key: SigningKey,
    trust: Trust,
}

impl StandIn {
    /// For this issuer.
    pub(crate) fn of(issuer: &Certificate, kind: KeyKind) -> Result<Self, Fault> {
        let (key, spki) = throw_away(kind)?;
        let swapped = with_key(issuer.der(), issuer.spki_der(), &spki)
            .and_then(|der| Certificate::from_der(der.into()).ok())
            .ok_or_else(|| Fault::ours("the issuer's certificate could not be prepared for the lint"))?;
        Ok(Self { key, trust: Trust::new(vec![swapped], Strictness::default()) })
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// A new key that signs by the same algorithm; for RSA the size does not matter to that.
pub(crate) fn throw_away(kind: KeyKind) -> Result<(SigningKey, Vec<u8>), Fault> {
    let kind = match kind {
        KeyKind::Rsa(_) => KeyKind::Rsa(2048),
        other => other,
    };
    let key = PrivateKey::generate(kind)
        .map_err(|error| Fault::ours("no key could be made for the lint").because(error))?;
    Ok((SigningKey::of(&key)?, key.public_spki()))
}

/// A certificate with another public key; its signature is not good any more, which trust in it does not ask.
fn with_key(certificate: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let (whole, _) = der::content(der::SEQUENCE, certificate)?;
    let (tbs, signature) = der::element(whole)?;
    let (fields, _) = der::content(der::SEQUENCE, tbs)?;
    let fields = der::splice(fields, old, new)?;
    Some(der::wrap(der::SEQUENCE, &[&der::wrap(der::SEQUENCE, &[&fields]), signature]))
}
