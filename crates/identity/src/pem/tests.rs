use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, KeyPair};

use super::{Found, PemError, certificates_from_pem};

fn certificate() -> (String, Vec<u8>) {
    let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
    (certificate.pem(), certificate.der().to_vec())
}

fn told(bytes: &[u8]) -> String {
    certificates_from_pem(bytes).unwrap_err().to_string()
}

#[test]
fn certificates_are_read_in_file_order_with_any_line_ends_and_text_between() {
    let ((one, one_der), (two, two_der)) = (certificate(), certificate());
    assert_eq!(certificates_from_pem(format!("\u{feff}{one}").as_bytes()).unwrap().len(), 1);
    for ends in ["\n", "\r\n", "\r", "  \n"] {
        let file =
            format!("subject=CN = one\n{one}\nsubject: CN = two\nkey: value\n{two}bye").replace('\n', ends);
        let read = certificates_from_pem(file.as_bytes()).unwrap();
        let ders: Vec<_> = read.iter().map(|certificate| certificate.der().to_vec()).collect();
        assert_eq!(ders, [one_der.clone(), two_der.clone()], "{ends:?}");
    }
}

#[test]
fn other_blocks_in_the_file_are_passed_over() {
    let (pem, der) = certificate();
    let file = format!("{}{pem}", KeyPair::generate().unwrap().serialize_pem());
    assert_eq!(certificates_from_pem(file.as_bytes()).unwrap()[0].der().as_ref(), der);
}

#[test]
fn bare_der_is_read_and_can_be_told_from_pem() {
    let (pem, der) = certificate();
    assert_eq!(certificates_from_pem(&der).unwrap()[0].der().as_ref(), der);
    assert_eq!(Found::of(&der), Found::Der);
    assert_eq!(Found::of(pem.as_bytes()), Found::Pem("CERTIFICATE".into()));
}

#[test]
fn what_was_found_instead_of_a_certificate_is_said() {
    let key = KeyPair::generate().unwrap();
    let what = "failed to find any PEM data in certificate input: ";
    assert_eq!(told(b""), format!("{what}it is empty"));
    assert_eq!(told(b" \n\t"), format!("{what}it is empty"));
    assert_eq!(told(b"hello"), format!("{what}found text without a PEM block"));
    assert_eq!(told(&[0xff, 0xfe, 0]), format!("{what}found bytes that are neither PEM nor DER"));
    assert_eq!(told(&key.serialize_der()), format!("{what}looks like DER"));
    assert_eq!(told(key.serialize_pem().as_bytes()), format!("{what}found a private key (\"PRIVATE KEY\")"));
    let (pem, _) = certificate();
    let cut = pem.split("-----END").next().unwrap();
    assert_eq!(told(cut.as_bytes()), format!("{what}the PEM block \"CERTIFICATE\" has no END line"));
    let garbled = pem.replacen("MII", "M!I", 1);
    assert_eq!(told(garbled.as_bytes()), format!("{what}the PEM block \"CERTIFICATE\" is not base64"));
}

#[test]
fn a_certificate_that_cannot_be_parsed_is_numbered() {
    let (pem, der) = certificate();
    let cut = BASE64_STANDARD.encode(&der[..der.len() - 1]);
    let file = format!("{pem}-----BEGIN CERTIFICATE-----\n{cut}\n-----END CERTIFICATE-----\n");
    let error = certificates_from_pem(file.as_bytes()).unwrap_err();
    assert!(matches!(error, PemError::Malformed { block: 2, .. }), "{error}");
    assert!(
        error.to_string().starts_with("certificate 2 cannot be read: not an X.509 certificate"),
        "{error}"
    );
}
