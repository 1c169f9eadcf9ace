//! What is asked of the peer's own certificate.

use fault::Code;
use rcgen::{DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P521_SHA512, SanType};

use super::made::{Made, ca, client, judge, judge_for, params, strict, trust};
use crate::{Purpose, Strictness};

fn root() -> Made {
    Made::root(ca("root"))
}

#[test]
fn no_extended_key_usage_is_every_one() {
    let root = root();
    let plain = root.issue(params("plain"));
    assert!(judge_for(&[&plain], &trust(&[&root]), Purpose::Client, None).is_ok());
    assert!(judge_for(&[&plain], &trust(&[&root]), Purpose::Server, None).is_ok());
}

#[test]
fn a_server_s_certificate_is_none_for_a_client_and_public_authorities_are_named() {
    let root = root();
    let mut params = params("server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let refusal = judge(&[&root.issue(params)], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::WrongPurpose);
    assert_eq!(
        refusal.cause(),
        "unsupported certificate purpose: \"CN=server\": extended key usage is serverAuth, clientAuth is needed \
         (public authorities stopped issuing clientAuth in 2025 and 2026)"
    );
    let refusal =
        judge_for(&[&root.issue(client("c"))], &trust(&[&root]), Purpose::Server, None).unwrap_err();
    assert_eq!(refusal.code(), Code::WrongPurpose);
}

#[test]
fn any_usage_is_not_the_one_that_is_needed() {
    let root = root();
    let mut params = params("any");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let refusal = judge(&[&root.issue(params)], &trust(&[&root])).unwrap_err();
    assert!(refusal.cause().contains("extended key usage is anyExtendedKeyUsage"), "{refusal}");
}

#[test]
fn key_usage_must_allow_a_handshake() {
    let root = root();
    let used = |usage| {
        let mut params = client("alice");
        params.key_usages = vec![usage];
        judge(&[&root.issue(params)], &trust(&[&root]))
    };
    assert!(used(KeyUsagePurpose::DigitalSignature).is_ok());
    assert_eq!(used(KeyUsagePurpose::DataEncipherment).unwrap_err().code(), Code::WrongPurpose);
    assert_eq!(used(KeyUsagePurpose::KeyCertSign).unwrap_err().code(), Code::MalformedCertificate);
}

#[test]
fn a_curve_that_we_do_not_take_is_weak() {
    let root = Made::root_with(ca("root"), KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap());
    let refusal = judge(&[&root.issue(client("alice"))], &trust(&[&root])).unwrap_err();
    assert_eq!(refusal.code(), Code::WeakCertificate);
    assert!(
        refusal.cause().contains("\"CN=root\" has a key of a kind or curve that we do not take"),
        "{refusal}"
    );
}

#[test]
fn a_service_belongs_to_one_environment_and_others_to_none() {
    let root = root();
    let service = |organizations: &[&str], unit: &str| {
        let mut params = client("worker");
        for organization in organizations {
            params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 10]), *organization);
        }
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
        root.issue(params)
    };
    let strictness = Strictness { environment: Some("production".to_owned()), ..Strictness::default() };
    let production = strict(&[&root], strictness);
    let internal = "countersign-internal";
    assert!(judge(&[&service(&["production"], internal)], &production).is_ok());
    assert!(judge(&[&service(&["staging"], "guests")], &production).is_ok());
    assert!(judge(&[&service(&["staging"], internal)], &trust(&[&root])).is_ok());
    let refusal = judge(&[&service(&["staging"], internal)], &production).unwrap_err();
    assert_eq!(refusal.code(), Code::NameNotAllowed);
    assert_eq!(refusal.cause(), "certificate is for environment \"staging\", this is \"production\"");
    assert!(judge(&[&service(&["Production"], internal)], &production).is_err());
    assert!(judge(&[&service(&[], internal)], &production).is_err());
}

#[test]
fn a_server_answers_to_its_alternative_names_alone() {
    let root = root();
    let mut params = params("common.example.com");
    params.subject_alt_names = vec![
        SanType::DnsName("db.example.com".try_into().unwrap()),
        SanType::DnsName("*.db.internal".try_into().unwrap()),
        SanType::IpAddress("203.0.113.10".parse().unwrap()),
        SanType::IpAddress("::1".parse().unwrap()),
    ];
    let server = root.issue(params);
    let trust = trust(&[&root]);
    let asked = |name: &str| judge_for(&[&server], &trust, Purpose::Server, Some(name));
    for name in ["db.example.com", "DB.EXAMPLE.COM", "a.db.internal", "203.0.113.10", "::1", "[::1]"] {
        assert!(asked(name).is_ok(), "{name}");
    }
    let others =
        ["common.example.com", "db.internal", "a.b.db.internal", "203.0.113.11", "x.example.com", "", "a b"];
    for name in others {
        assert_eq!(asked(name).unwrap_err().code(), Code::NameNotAllowed, "{name}");
    }
    assert_eq!(
        asked("x.example.com").unwrap_err().cause(),
        "\"x.example.com\" is wanted, and \"CN=common.example.com\" is for DNS:db.example.com, DNS:*.db.internal, \
         IP:203.0.113.10, IP:::1"
    );
}
