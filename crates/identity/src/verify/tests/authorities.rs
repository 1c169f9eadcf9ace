//! What is asked of those who vouch.

use fault::Code;
use rcgen::{
    BasicConstraints, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ED25519, SanType,
};
use time::Duration;

use super::made::{Made, NOW, ca, client, judge, judge_for, params, trust};
use crate::{Purpose, verify};

#[test]
fn a_path_ends_when_its_first_certificate_ends_the_authority_included() {
    let mut short = ca("root");
    short.not_after = NOW + Duration::days(3);
    let root = Made::root(short);
    let issuer = root.issue(ca("issuer"));
    let mut young = client("alice");
    young.not_before = NOW - Duration::days(1);
    let alice = issuer.issue(young);
    let verified = judge(&[&alice, &issuer], &trust(&[&root])).unwrap();
    assert_eq!(verified.until(), NOW + Duration::days(3));
    assert_eq!(verified.from(), NOW - Duration::days(1));
    assert_eq!(verified.verified_at(), NOW);
    assert_eq!(verified.purpose(), Purpose::Client);
    assert_eq!(verified.chain(), [alice.certificate(), issuer.certificate(), root.certificate()]);
    assert_eq!(verified.leaf(), &alice.certificate());
    assert_eq!(verified.anchor(), &root.certificate());
    assert!(verified.holds_at(NOW + Duration::days(3)) && !verified.holds_at(NOW + Duration::days(4)));
}

#[test]
fn an_authority_that_stands_alone_vouches_without_its_root() {
    let root = Made::root(ca("root"));
    let issuer = root.issue(ca("issuer"));
    let alice = issuer.issue(client("alice"));
    let verified = judge(&[&alice, &issuer], &trust(&[&issuer])).unwrap();
    assert_eq!(verified.anchor(), &issuer.certificate());
    assert!(judge(&[&alice], &trust(&[&issuer])).is_ok());
    let refusal = judge(&[&alice], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownIssuer);
    assert_eq!(refusal.cause(), "\"CN=alice\" was issued by \"CN=issuer\"; trusted are \"CN=root\"");
}

#[test]
fn an_expired_authority_vouches_for_nobody_and_its_successor_does() {
    let mut old = ca("root");
    old.not_after = NOW - Duration::hours(1);
    let key = KeyPair::generate().unwrap();
    let same_key = KeyPair::from_pem(&key.serialize_pem()).unwrap();
    let (old, new) = (Made::root_with(old, key), Made::root_with(ca("root"), same_key));
    let alice = old.issue(client("alice"));
    let refusal = judge(&[&alice], &trust(&[&old])).unwrap_err();
    assert_eq!(refusal.code(), Code::CertificateExpired);
    assert_eq!(
        refusal.cause(),
        "\"CN=root\" expired at 2026-06-01T11:00:00Z; our clock says 2026-06-01T12:00:00Z"
    );
    for both in [[&old, &new], [&new, &old]] {
        assert_eq!(judge(&[&alice], &trust(&both)).unwrap().anchor(), &new.certificate());
    }
}

#[test]
fn an_authority_of_the_future_vouches_for_nobody_yet() {
    let mut early = ca("root");
    early.not_before = NOW + Duration::hours(1);
    let root = Made::root(early);
    let refusal = judge(&[&root.issue(client("alice"))], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::CertificateNotYetValid);
}

#[test]
fn the_authority_s_own_path_length_counts() {
    let mut short = ca("root");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = Made::root(short);
    let issuer = root.issue(ca("issuer"));
    let alice = issuer.issue(client("alice"));
    assert!(judge(&[&root.issue(client("bob"))], &trust(&[&root])).is_ok());
    let refusal = judge(&[&alice, &issuer], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::NameNotAllowed);
}

#[test]
fn an_authority_for_servers_vouches_for_no_client() {
    let mut servers = ca("server issuer");
    servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let root = Made::root(ca("root"));
    let issuer = root.issue(servers);
    let mut both = params("worker");
    both.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let worker = issuer.issue(both);
    for trusted in [&root, &issuer] {
        let refusal = judge(&[&worker, &issuer], &trust(&[trusted])).unwrap_err();
        assert_eq!(refusal.code(), Code::WrongPurpose);
        assert!(refusal.cause().contains("\"CN=server issuer\""), "{refusal}");
        assert!(judge_for(&[&worker, &issuer], &trust(&[trusted]), Purpose::Server, None).is_ok());
    }
}

#[test]
fn the_authority_s_own_name_constraints_count() {
    let mut narrow = ca("root");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
        excluded_subtrees: Vec::new(),
    });
    let root = Made::root(narrow);
    let named = |name: &str| {
        let mut params = params("server");
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        root.issue(params)
    };
    let trust = trust(&[&root]);
    assert!(judge_for(&[&named("db.example.com")], &trust, Purpose::Server, Some("db.example.com")).is_ok());
    let refusal = judge_for(&[&named("db.example.org")], &trust, Purpose::Server, None).unwrap_err();
    assert_eq!(refusal.code(), Code::NameNotAllowed);
}

#[test]
fn an_authority_without_key_usage_vouches_and_one_that_may_not_sign_does_not() {
    let plain = Made::root(ca("root"));
    assert!(judge(&[&plain.issue(client("alice"))], &trust(&[&plain])).is_ok());
    let mut mute = ca("root");
    mute.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mute = Made::root(mute);
    let refusal = judge(&[&mute.issue(client("alice"))], &trust(&[&mute])).unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownIssuer);
    assert!(refusal.cause().contains("key usage lacks keyCertSign"), "{refusal}");
}

#[test]
fn a_leaf_is_no_authority_neither_sent_along_nor_trusted() {
    let root = Made::root(ca("root"));
    let mallory = root.issue(client("mallory"));
    let forged = mallory.issue(client("admin"));
    for trusted in [&root, &mallory] {
        let refusal = judge(&[&forged, &mallory], &trust(&[trusted])).unwrap_err();
        assert_eq!(refusal.code(), Code::UnknownIssuer, "{refusal}");
    }
}

#[test]
fn a_namesake_is_not_the_authority() {
    let (ours, theirs) = (Made::root(ca("root")), Made::root(ca("root")));
    let refusal = judge(&[&theirs.issue(client("mallory"))], &trust(&[&ours])).unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownIssuer);
    assert!(refusal.cause().contains("was not signed by the key of the authority of that name"), "{refusal}");
}

#[test]
fn a_namesake_with_another_kind_of_key_is_not_the_authority_either() {
    let ours = Made::root(ca("root"));
    let theirs = Made::root_with(ca("root"), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let refusal = judge(&[&theirs.issue(client("mallory"))], &trust(&[&ours])).unwrap_err();
    assert_eq!(refusal.code(), Code::UnknownIssuer, "{refusal}");
}

#[test]
fn a_trusted_leaf_vouches_for_itself_alone() {
    let mut params = ca("localhost");
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    let own = Made::root(params);
    let trusted = trust(&[&own]);
    let verified = judge_for(&[&own], &trusted, Purpose::Server, Some("localhost")).unwrap();
    assert_eq!(verified.chain(), [own.certificate()]);
    assert_eq!(verified.anchor(), verified.leaf());
    assert!(judge_for(&[&own], &trusted, Purpose::Server, Some("elsewhere")).is_err());
    let later = verify(&[own.der], &trusted, Purpose::Server, None, NOW + Duration::days(31)).unwrap_err();
    assert_eq!(later.code(), Code::CertificateExpired);
}

#[test]
fn a_link_between_two_keys_of_one_authority_carries_a_rollover() {
    let old = Made::root(ca("root"));
    let link = old.issue(ca("root"));
    let alice = link.issue(client("alice"));
    let verified = judge(&[&alice, &link], &trust(&[&old])).unwrap();
    assert_eq!(verified.chain(), [alice.certificate(), link.certificate(), old.certificate()]);
    assert_eq!(judge(&[&alice], &trust(&[&old])).unwrap_err().code(), Code::UnknownIssuer);
    let bob = link.issue_version_1(params("bob"));
    assert!(judge(&[&bob, &link], &trust(&[&old])).is_ok());
}

#[test]
fn no_authority_at_all_is_said_so() {
    let root = Made::root(ca("root"));
    let mut params = client("alice");
    params.distinguished_name.push(DnType::OrganizationName, "Acme");
    let refusal = judge(&[&root.issue(params)], &trust(&[])).unwrap_err();
    assert_eq!(
        refusal.cause(),
        "\"CN=alice,O=Acme\" was issued by \"CN=root\"; trusted are no authorities at all"
    );
}
