//! A hostile chain costs little.

use fault::Code;
use proptest::prelude::*;
use rustls_pki_types::CertificateDer;

use super::made::{Made, NOW, ca, client, judge, trust};
use crate::{Certificate, Purpose, verify};

#[test]
fn an_empty_chain_is_no_certificate() {
    let root = Made::root(ca("root"));
    assert_eq!(judge(&[], &trust(&[&root])).unwrap_err().code(), Code::CertificateRequired);
}

#[test]
fn eight_certificates_are_read_and_nine_are_not() {
    let root = Made::root(ca("root"));
    let alice = root.issue(client("alice"));
    let mut chain = vec![&alice];
    chain.resize(8, &root);
    assert!(judge(&chain, &trust(&[&root])).is_ok());
    chain.push(&root);
    let refusal = judge(&chain, &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedCertificate);
    assert_eq!(refusal.cause(), "9 certificates were presented; we read at most 8");
}

#[test]
fn more_than_64_kib_are_not_read() {
    let root = Made::root(ca("root"));
    let chain = [root.issue(client("alice")).der, CertificateDer::from(vec![0; 64 * 1024])];
    let refusal = verify(&chain, &trust(&[&root]), Purpose::Client, None, NOW).unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedCertificate);
}

#[test]
fn rubbish_sent_along_does_not_matter() {
    let root = Made::root(ca("root"));
    let chain = [root.issue(client("alice")).der, CertificateDer::from(vec![0x30, 0x82, 0xff])];
    assert!(verify(&chain, &trust(&[&root]), Purpose::Client, None, NOW).is_ok());
    let stranger = [Made::root(ca("x")).issue(client("alice")).der, CertificateDer::from(vec![7; 40])];
    assert!(verify(&stranger, &trust(&[&root]), Purpose::Client, None, NOW).is_err());
}

#[test]
fn the_key_for_a_handshake_is_the_certificate_s_key() {
    let root = Made::root(ca("root"));
    for made in [root.issue(client("three")), root.issue_version_1(super::made::params("one"))] {
        let certificate = Certificate::from_der(made.der.clone()).unwrap();
        assert_eq!(crate::signature::public_key(&made.der).unwrap(), certificate.spki_der());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = crate::signature::public_key(&bytes);
        let _ = crate::signature::verify_issued(&bytes, &bytes);
    }

    #[test]
    fn a_changed_leaf_is_never_accepted(at in 0_usize..400, bit in 0_u8..8) {
        let root = Made::root(ca("root"));
        let alice = root.issue(client("alice"));
        let mut changed = alice.der.to_vec();
        let at = at % changed.len();
        changed[at] ^= 1 << bit;
        let chain = [CertificateDer::from(changed)];
        prop_assert!(verify(&chain, &trust(&[&root]), Purpose::Client, None, NOW).is_err());
    }
}
