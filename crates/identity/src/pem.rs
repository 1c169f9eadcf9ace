//! Certificates out of PEM or DER, and what else a file may hold.

mod block;
#[cfg(test)]
mod tests;

use std::fmt;

use rustls_pki_types::CertificateDer;

pub(crate) use self::block::{Block, blocks};
use crate::{Certificate, Malformed};

/// What bytes look like, judged by how they begin; for messages to the one who picked the wrong file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or white space alone.
    Nothing,
    /// Binary DER.
    Der,
    /// PEM with this label, such as `CERTIFICATE` or `EC PRIVATE KEY`.
    Pem(String),
    /// A `BEGIN` line whose `END` is missing or whose content is not base64; says which.
    BrokenPem(String),
    /// Text without PEM.
    Text,
    /// Bytes of no kind that we know.
    Binary,
}

impl Found {
    /// Looks at the bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match blocks(bytes) {
            Err(broken) => return Self::BrokenPem(broken.to_string()),
            Ok(blocks) => {
                if let Some(block) = blocks.first() {
                    return Self::Pem(block.label.clone());
                }
            }
        }
        match bytes {
            bytes if bytes.trim_ascii().is_empty() => Self::Nothing,
            // A SEQUENCE with a long or a short length: every certificate and key begins so.
            [0x30, 0x80..=0x84, ..] => Self::Der,
            [0x30, length, rest @ ..] if usize::from(*length) == rest.len() => Self::Der,
            bytes if std::str::from_utf8(bytes).is_ok() => Self::Text,
            _ => Self::Binary,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("it is empty"),
            Self::Der => f.write_str("looks like DER"),
            Self::Pem(label) if label.ends_with("PRIVATE KEY") => {
                write!(f, "found a private key (\"{label}\")")
            }
            Self::Pem(label) if is_certificate(label) => write!(f, "found a certificate (\"{label}\")"),
            Self::Pem(label) => write!(f, "found PEM of another kind (\"{label}\")"),
            Self::BrokenPem(why) => f.write_str(why),
            Self::Text => f.write_str("found text without a PEM block"),
            Self::Binary => f.write_str("found bytes that are neither PEM nor DER"),
        }
    }
}

/// Why no certificates could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemError {
    /// There is no certificate in it; says what was found instead.
    NoCertificate(Found),
    /// A certificate is there and cannot be parsed; `block` counts the certificates from 1.
    Malformed {
        /// Which certificate, from 1.
        block: usize,
        /// Why.
        why: Malformed,
    },
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate(found) => {
                write!(f, "failed to find any PEM data in certificate input: {found}")
            }
            Self::Malformed { block, why } => write!(f, "certificate {block} cannot be read: {why}"),
        }
    }
}

impl std::error::Error for PemError {}

/// Every certificate in PEM (line ends of any kind, text around the blocks) or the one in bare DER, in file order.
///
/// # Errors
/// [`PemError`] where there is none, or one that cannot be parsed.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Certificate>, PemError> {
    let found = Found::of(pem);
    if found == Found::Der {
        // What parses as no certificate is something else in DER: the conversion that is offered then says what.
        let certificate = Certificate::from_der(CertificateDer::from(pem.to_vec()));
        return certificate.map(|certificate| vec![certificate]).map_err(|_| PemError::NoCertificate(found));
    }
    let blocks = blocks(pem).map_err(|_| PemError::NoCertificate(found.clone()))?;
    let certificates =
        blocks.iter().filter(|block| is_certificate(&block.label)).enumerate().map(|(n, block)| {
            let der = CertificateDer::from(block.content.to_vec());
            Certificate::from_der(der).map_err(|why| PemError::Malformed { block: n + 1, why })
        });
    let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() { Err(PemError::NoCertificate(found)) } else { Ok(certificates) }
}

/// The label of RFC 7468 §5 and that of older tools.
fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE")
}
