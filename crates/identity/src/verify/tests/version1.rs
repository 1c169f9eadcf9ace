//! Leaves of X.509 version 1, and nothing else of it.

use fault::Code;
use rcgen::{BasicConstraints, GeneralSubtree, IsCa, NameConstraints};
use rustls_pki_types::CertificateDer;
use time::Duration;

use super::made::{Made, NOW, ca, client, judge, judge_for, params, strict, trust};
use crate::{Purpose, Strictness, verify};

#[test]
fn a_version_1_leaf_below_an_authority_is_taken_for_a_client_and_a_server() {
    let root = Made::root(ca("root"));
    let alice = root.issue_version_1(params("alice"));
    assert_eq!(alice.certificate().version(), 1);
    let trust = trust(&[&root]);
    let verified = judge(&[&alice], &trust).unwrap();
    assert_eq!(verified.chain(), [alice.certificate(), root.certificate()]);
    assert!(judge_for(&[&alice], &trust, Purpose::Server, None).is_ok());
    let refusal = judge_for(&[&alice], &trust, Purpose::Server, Some("alice")).unwrap_err();
    assert_eq!(refusal.code(), Code::NameNotAllowed);
}

#[test]
fn a_version_1_leaf_below_an_intermediate_is_taken_where_the_intermediate_is_sound() {
    let root = Made::root(ca("root"));
    let issuer = root.issue(ca("issuer"));
    let alice = issuer.issue_version_1(params("alice"));
    let trusted = trust(&[&root]);
    assert_eq!(judge(&[&alice, &issuer], &trusted).unwrap().chain().len(), 3);
    assert_eq!(judge(&[&alice], &trusted).unwrap_err().code(), Code::UnknownIssuer);
    let mut expired = ca("issuer");
    expired.not_after = NOW - Duration::days(1);
    let expired = root.issue(expired);
    let bob = expired.issue_version_1(params("bob"));
    assert_eq!(judge(&[&bob, &expired], &trusted).unwrap_err().code(), Code::CertificateExpired);
    let leaf = root.issue(client("mallory"));
    let forged = leaf.issue_version_1(params("admin"));
    assert_eq!(judge(&[&forged, &leaf], &trusted).unwrap_err().code(), Code::UnknownIssuer);
}

#[test]
fn a_version_1_authority_below_the_root_vouches_for_nobody() {
    let root = Made::root(ca("root"));
    let issuer = root.issue_version_1(params("issuer"));
    for leaf in [issuer.issue_version_1(params("alice")), issuer.issue(client("alice"))] {
        assert!(judge(&[&leaf, &issuer], &trust(&[&root])).is_err());
        let refusal = judge(&[&leaf, &issuer], &trust(&[&issuer])).unwrap_err();
        assert_eq!(refusal.code(), Code::UnknownIssuer, "{refusal}");
    }
}

#[test]
fn version_1_can_be_switched_off() {
    let root = Made::root(ca("root"));
    let strictness = Strictness { allow_x509_v1: false, ..Strictness::default() };
    let refusal =
        judge(&[&root.issue_version_1(params("alice"))], &strict(&[&root], strictness)).unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedCertificate);
    assert_eq!(refusal.cause(), "\"CN=alice\" is X.509 version 1, and allow_x509_v1 is off");
    let alice = root.issue_version_1(params("alice"));
    let strictness = Strictness { allow_x509_v1: false, ..Strictness::default() };
    assert!(judge(&[&alice], &strict(&[&alice], strictness)).is_err(), "not even a trusted one");
    assert!(judge(&[&alice], &trust(&[&alice])).is_ok());
}

#[test]
fn a_version_1_leaf_with_one_changed_bit_is_refused() {
    let root = Made::root(ca("root"));
    let alice = root.issue_version_1(params("alice"));
    let trust = trust(&[&root]);
    for byte in 0..alice.der.len() {
        let mut changed = alice.der.to_vec();
        changed[byte] ^= 0x01;
        let chain = [CertificateDer::from(changed)];
        assert!(verify(&chain, &trust, Purpose::Client, None, NOW).is_err(), "byte {byte}");
    }
}

#[test]
fn a_version_1_leaf_has_its_time() {
    let root = Made::root(ca("root"));
    let trust = trust(&[&root]);
    let mut late = params("late");
    late.not_after = NOW - Duration::seconds(1);
    assert_eq!(judge(&[&root.issue_version_1(late)], &trust).unwrap_err().code(), Code::CertificateExpired);
    let mut early = params("early");
    early.not_before = NOW + Duration::seconds(1);
    assert_eq!(
        judge(&[&root.issue_version_1(early)], &trust).unwrap_err().code(),
        Code::CertificateNotYetValid
    );
}

#[test]
fn a_constrained_authority_vouches_for_no_version_1_leaf() {
    let mut narrow = ca("root");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
        excluded_subtrees: Vec::new(),
    });
    let root = Made::root(narrow);
    let refusal = judge(&[&root.issue_version_1(params("alice"))], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::NameNotAllowed);
}

#[test]
fn path_length_counts_for_version_1_too() {
    let mut short = ca("root");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = Made::root(short);
    let issuer = root.issue(ca("issuer"));
    let alice = issuer.issue_version_1(params("alice"));
    assert_eq!(judge(&[&alice, &issuer], &trust(&[&root])).unwrap_err().code(), Code::NameNotAllowed);
}
