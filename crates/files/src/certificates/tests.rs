use rcgen::{CertificateParams, KeyPair};

use super::load_certificates;
use crate::write_public;

/// What is said about a file with this content.
fn told(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.crt");
    write_public(&path, content).unwrap();
    let fault = load_certificates(&path).unwrap_err();
    assert!(fault.place().is_some() && fault.remedy_text().is_some(), "{fault}");
    fault.to_string().replace(&path.display().to_string(), "server.crt")
}

#[test]
fn pem_and_der_both_load() {
    let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.crt");
    for content in [certificate.pem().as_bytes(), certificate.der().as_ref()] {
        write_public(&path, content).unwrap();
        assert_eq!(load_certificates(&path).unwrap()[0].der(), certificate.der());
    }
}

#[test]
fn an_empty_file_says_so_and_how_to_look_at_it() {
    assert_eq!(
        told(b""),
        "server.crt: tls: failed to find any PEM data in certificate input\n  cause: it is empty\n  try: look at it with openssl x509 -in server.crt -noout -text"
    );
}

#[test]
fn a_private_key_where_a_certificate_should_be_is_named_as_one() {
    let text = told(KeyPair::generate().unwrap().serialize_pem().as_bytes());
    assert!(text.contains("cause: found a private key (\"PRIVATE KEY\")"), "{text}");
    assert!(text.contains("swapped"), "{text}");
}

#[test]
fn der_that_is_no_certificate_says_that_it_looks_like_der_and_how_to_convert_it() {
    let text = told(&KeyPair::generate().unwrap().serialize_der());
    assert!(
        text.contains("cause: looks like DER\n  try: convert it with openssl x509 -inform der"),
        "{text}"
    );
}

#[test]
fn a_certificate_that_cannot_be_parsed_is_numbered() {
    let text = told(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    assert!(text.starts_with("server.crt: certificate 1 cannot be read: not an X.509 certificate"), "{text}");
}
