use std::fmt;

use base64::Engine as _;
use fault::Fault;
use identity::{Certificate, Pin};

use crate::authority::Authority;
use crate::key::SigningKey;
use crate::record::Recorded;
use identity::der;

/// A certificate that was recorded and then signed.
#[derive(Clone)]
pub struct Issued {
    certificate: Certificate,
    chain: Vec<Certificate>,
    warnings: Vec<Fault>,
}

impl Issued {
    /// The leaf.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Leaf and issuers, without a root: what its holder presents.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The chain as PEM, leaf first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(to_pem).collect()
    }

    /// What was allowed and yet worth a word.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issued({:?})", self.certificate)
    }
}

impl Authority {
    /// Signs what the ledger holds.
    ///
    /// The caller [completes](ledger::Ledger::complete) the record with what comes back;
    /// [`issue`](Self::issue) does all the steps.
    ///
    /// # Errors
    /// Where the draft is another authority's, or the key fails.
    pub fn sign(&self, recorded: Recorded) -> Result<Issued, Fault> {
        let certificate = sign_with(self.key(), self.key_id(), &recorded)?;
        let chain = self.chain_of(&certificate);
        Ok(Issued { certificate, chain, warnings: recorded.into_draft().into_warnings() })
    }
}

/// The linted bytes with a signature of this key: nothing else about them changes.
pub(crate) fn sign_with(key: &SigningKey, key_id: Pin, recorded: &Recorded) -> Result<Certificate, Fault> {
    let draft = recorded.draft();
    if draft.summary().issuer.key != key_id {
        return Err(Fault::ours("a draft of another issuer was handed to this one for signing"));
    }
    let signature = key.signature(draft.tbs())?;
    // A BIT STRING begins with the number of bits that its last byte leaves unused: none.
    let signature = der::wrap(der::BIT_STRING, &[&[0], &signature]);
    let der = der::wrap(der::SEQUENCE, &[draft.tbs(), draft.algorithm(), &signature]);
    Certificate::from_der(der.into())
        .map_err(|error| Fault::ours("the signed certificate cannot be read back").because(error))
}

/// One certificate as PEM.
#[must_use]
pub fn to_pem(certificate: &Certificate) -> String {
    pem("CERTIFICATE", certificate.der())
}

/// DER as PEM, under this label.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = base64::prelude::BASE64_STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (n, c) in encoded.chars().enumerate() {
        if n > 0 && n % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n-----END " + label + "-----\n"
}
