//! Handshake signatures: the peer shows that it holds the key of the certificate that it presented.

use identity::BadSignature;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use rustls_pki_types::CertificateDer;

pub(crate) fn tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    answer(identity::verify_tls12_signature(certificate, signed.scheme, message, signed.signature()))
}

pub(crate) fn tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    answer(identity::verify_tls13_signature(certificate, signed.scheme, message, signed.signature()))
}

fn answer(outcome: Result<(), BadSignature>) -> Result<HandshakeSignatureValid, Error> {
    match outcome {
        Ok(()) => Ok(HandshakeSignatureValid::assertion()),
        Err(BadSignature::Wrong) => Err(CertificateError::BadSignature.into()),
        Err(BadSignature::UnreadableKey) => Err(CertificateError::BadEncoding.into()),
        Err(BadSignature::UnsupportedAlgorithm) => {
            Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
        }
    }
}
