//! What the peer showed us, within bounds.

use fault::{Code, Refusal};
use rustls_pki_types::CertificateDer;

use crate::Certificate;

/// How many certificates a peer may present, so that a hostile chain costs little.
const MOST_CERTIFICATES: usize = 8;
/// How many bytes they may take together.
const MOST_BYTES: usize = 64 * 1024;

/// A presented chain: the leaf parsed, the rest as it came.
pub(super) struct Presented<'a> {
    leaf: Certificate,
    others: &'a [CertificateDer<'a>],
}

impl<'a> Presented<'a> {
    pub(super) fn read(chain: &'a [CertificateDer<'a>]) -> Result<Self, Refusal> {
        let (leaf, others) = chain
            .split_first()
            .ok_or_else(|| Refusal::new(Code::CertificateRequired, "no certificate was presented"))?;
        if chain.len() > MOST_CERTIFICATES {
            let count = chain.len();
            return Err(malformed(format!(
                "{count} certificates were presented; we read at most {MOST_CERTIFICATES}"
            )));
        }
        let bytes: usize = chain.iter().map(|certificate| certificate.len()).sum();
        if bytes > MOST_BYTES {
            return Err(malformed(format!("the chain takes {bytes} bytes; we read at most {MOST_BYTES}")));
        }
        let leaf = read(leaf)?;
        Ok(Self { leaf, others })
    }

    /// The peer's own certificate.
    pub(super) fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The certificates sent along with it, in the order sent.
    pub(super) fn others(&self) -> &'a [CertificateDer<'a>] {
        self.others
    }

    /// Those sent along that can be read at all.
    pub(super) fn readable_others(&self) -> impl Iterator<Item = Certificate> {
        self.others.iter().filter_map(|der| read(der).ok())
    }
}

/// Parses one certificate of the chain.
pub(super) fn read(der: &CertificateDer<'_>) -> Result<Certificate, Refusal> {
    Certificate::from_der(der.clone().into_owned())
        .map_err(|why| malformed(format!("the certificate cannot be read: {why}")))
}

pub(super) fn malformed(cause: String) -> Refusal {
    Refusal::new(Code::MalformedCertificate, cause)
}
