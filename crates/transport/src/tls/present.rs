//! A credential in rustls' shape.

use std::sync::Arc;

use fault::Fault;
use identity::{Certificate, Credential};
use rustls::sign::CertifiedKey;

/// Makes of a credential what rustls signs with.
///
/// rustls' own check that the key fits the certificate is left out: it parses only version 3, and a
/// [`Credential`] has made the check for every version.
pub(crate) fn certified_key(credential: &Credential) -> Result<Arc<CertifiedKey>, Fault> {
    let key =
        rustls::crypto::aws_lc_rs::sign::any_supported_type(credential.key().der()).map_err(|error| {
            Fault::yours(format!("the key of \"{}\" cannot sign a handshake", title(credential.leaf())))
                .because(error)
                .remedy("use an ECDSA P-256 or P-384, Ed25519 or RSA key of 2048 bits and more")
        })?;
    let chain = credential.chain().iter().map(|certificate| certificate.der().clone()).collect();
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// A certificate's name in faults.
pub(crate) fn title(certificate: &Certificate) -> String {
    certificate.identity().subject().to_string()
}
