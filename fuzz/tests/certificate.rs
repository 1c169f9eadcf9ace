//! Certificates: the first thing that a stranger sends.

use bolero::check;
use identity::{Certificate, Serial, certificates_from_pem};
use rustls_pki_types::CertificateDer;

#[test]
fn any_bytes_are_refused_or_are_a_certificate_of_exactly_these_bytes() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(certificate) = Certificate::from_der(CertificateDer::from(bytes.to_vec())) {
            assert_eq!(certificate.der().as_ref(), bytes);
            let serial = certificate.identity().serial();
            assert_eq!(Serial::parse(&serial.to_string()).as_ref(), Ok(serial));
            assert!(!certificate.identity().subject().to_string().contains(char::is_control));
            assert!(matches!(certificate.version(), 1 | 3));
        }
    });
}

#[test]
fn any_file_is_refused_or_holds_certificates() {
    check!().for_each(|bytes: &[u8]| {
        assert!(certificates_from_pem(bytes).map_or(true, |certificates| !certificates.is_empty()));
    });
}
