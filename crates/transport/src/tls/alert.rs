//! Which TLS alert a refusal becomes.

use fault::{Code, Refusal};
use rustls::{CertificateError, Error, OtherError};

/// rustls' error for a refusal, chosen for the alert that rustls makes of it; the refusal itself travels in
/// [`notes`](super::notes).
///
/// rustls has no error that makes a verifier's verdict `decode_error`, so a certificate that cannot be read is
/// `bad_certificate`, which RFC 8446 defines for corrupt certificates.
pub(crate) fn error_for(refusal: &Refusal) -> Error {
    let error = match refusal.code() {
        Code::CertificateRequired => return Error::NoCertificatesPresented,
        Code::UnknownIssuer => CertificateError::UnknownIssuer,
        Code::CertificateExpired => CertificateError::Expired,
        Code::CertificateRevoked => CertificateError::Revoked,
        Code::WrongPurpose => CertificateError::InvalidPurpose,
        Code::CertificateNotYetValid | Code::NameNotAllowed | Code::WeakCertificate => {
            CertificateError::NotValidForName
        }
        Code::MalformedCertificate => CertificateError::BadEncoding,
        // `revocation-unknown`, and whatever is no verdict on a certificate, is certificate_unknown.
        _ => CertificateError::Other(OtherError(std::sync::Arc::new(refusal.clone()))),
    };
    Error::InvalidCertificate(error)
}
