use std::fmt;

use crate::{Certificate, DistinguishedName, Pin, PrivateKey};

/// A certificate chain with the private key of its leaf: what a side presents.
pub struct Credential {
    /// Leaf first; never empty.
    chain: Vec<Certificate>,
    leaf: Certificate,
    /// How many certificates of the chain follow one another without a gap, the leaf included.
    linked: usize,
    key: PrivateKey,
}

impl Credential {
    /// Puts the chain in order, leaf first and each followed by its issuer; what links to nothing stays, at the end.
    /// The leaf is the certificate that the key belongs to.
    ///
    /// # Errors
    /// [`CredentialError`] where there is no certificate or the key belongs to none of them.
    pub fn new(chain: Vec<Certificate>, key: PrivateKey) -> Result<Self, CredentialError> {
        let first = chain.first().ok_or(CredentialError::NoCertificate)?;
        let key_spki = Pin::of_spki(&key.public_spki());
        let certificate_spki = first.identity().spki_sha256();
        let leaf = chain
            .iter()
            .find(|certificate| certificate.identity().spki_sha256() == key_spki)
            .cloned()
            .ok_or(CredentialError::KeyMismatch { certificate_spki, key_spki })?;
        let (chain, linked) = ordered(chain, &leaf);
        Ok(Self { chain, leaf, linked, key })
    }

    /// The certificate that the key belongs to.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The chain to present, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Certificates that vouch for nothing in the chain before them: the sign of a missing intermediate.
    #[must_use]
    pub fn unlinked(&self) -> &[Certificate] {
        self.chain.get(self.linked..).unwrap_or_default()
    }

    /// Whom the other side must know to believe this chain: the issuer of the last certificate that follows from the leaf.
    #[must_use]
    pub fn expected_issuer(&self) -> &DistinguishedName {
        let last = self.chain.get(self.linked.saturating_sub(1)).unwrap_or(&self.leaf);
        last.identity().issuer()
    }
}

/// Leaf first, then by issuer; and how many are linked.
fn ordered(certificates: Vec<Certificate>, leaf: &Certificate) -> (Vec<Certificate>, usize) {
    let mut rest: Vec<Certificate> = Vec::new();
    for certificate in certificates {
        if certificate != *leaf && !rest.contains(&certificate) {
            rest.push(certificate);
        }
    }
    let mut chain = vec![leaf.clone()];
    // A cross-signed authority has several certificates: all that vouch for one already in the chain count as linked.
    let issues = |chain: &[Certificate], candidate: &Certificate| {
        chain.iter().rev().any(|below| below.identity().issuer() == candidate.identity().subject())
    };
    while let Some(next) = rest.iter().position(|candidate| issues(&chain, candidate)) {
        chain.push(rest.remove(next));
    }
    let linked = chain.len();
    chain.extend(rest);
    (chain, linked)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}, chain of {}, {:?})", self.leaf, self.chain.len(), self.key)
    }
}

/// Why certificates and a key make no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// There is no certificate.
    NoCertificate,
    /// The key belongs to none of the certificates.
    KeyMismatch {
        /// The public key of the first certificate.
        certificate_spki: Pin,
        /// The public key that belongs to the private key.
        key_spki: Pin,
    },
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("there is no certificate"),
            Self::KeyMismatch { certificate_spki, key_spki } => write!(
                f,
                "key values mismatch: the certificate's public key has SHA-256 {certificate_spki}, the private key's {key_spki}"
            ),
        }
    }
}

impl std::error::Error for CredentialError {}

#[cfg(test)]
mod tests;
