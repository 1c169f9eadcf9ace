use std::path::Path;

use identity::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, SerialNumber,
};
use time::macros::datetime;

use super::{load_revocation_lists, matches};
use crate::write_public;

struct Ca {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().clone();
    Ca { certificate: Certificate::from_der(der).unwrap(), issuer: Issuer::new(params, key) }
}

impl Ca {
    fn list(&self) -> rcgen::CertificateRevocationList {
        let params = CertificateRevocationListParams {
            this_update: datetime!(2026-06-01 12:00 UTC),
            next_update: datetime!(2026-06-02 12:00 UTC),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap()
    }
}

fn told(pattern: &Path, anchors: &[Certificate]) -> String {
    load_revocation_lists(pattern, anchors).unwrap_err().to_string()
}

#[test]
fn pem_and_der_are_loaded_and_a_pattern_names_many_files() {
    let (ours, other) = (ca("ours"), ca("other"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_public(&at("a.crl"), ours.list().der()).unwrap();
    write_public(&at("b.crl"), ours.list().pem().unwrap().as_bytes()).unwrap();
    let both = [ours.list().pem().unwrap(), other.list().pem().unwrap()].concat();
    write_public(&at("c.crl"), both.as_bytes()).unwrap();
    write_public(&at(".hidden.crl"), b"no list").unwrap();
    let anchors = [ours.certificate];
    let lists = load_revocation_lists(&at("*.crl"), &anchors).unwrap();
    let signed: Vec<bool> = lists.iter().map(|list| list.crl().signed_by().is_some()).collect();
    assert_eq!(signed, [true, true, true, false], "another authority's is kept for whoever shows that one");
    let [.., last] = lists.as_slice() else { panic!("four lists") };
    assert_eq!(last.source(), format!("the list \"{}\"", at("c.crl").display()));
    assert_eq!(load_revocation_lists(&at("a.crl"), &anchors).unwrap().len(), 1);
}

#[test]
fn a_list_that_its_issuer_did_not_sign_is_refused() {
    let (ours, pretender) = (ca("ours"), ca("ours"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.crl");
    let mut der = ours.list().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    write_public(&file, &der).unwrap();
    let said = told(&file, &[pretender.certificate, ours.certificate]);
    assert!(said.contains("is not one of its issuer \"CN=ours\""), "{said}");
    assert!(said.contains("the list's signature is not the authority's"), "{said}");
}

#[test]
fn a_pattern_that_names_nothing_and_a_file_without_a_list_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let said = told(&folder.path().join("*.crl"), &[]);
    assert!(said.contains("no file is named like"), "{said}");
    let file = folder.path().join("a.crl");
    for (content, wanted) in [
        (&b""[..], "it is empty"),
        (b"\x30\x03\x02\x01\x01", "not a certificate revocation list"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "found a certificate"),
    ] {
        write_public(&file, content).unwrap();
        let said = told(&folder.path().join("*.crl"), &[]);
        assert!(said.contains(wanted) && said.contains("a.crl"), "{said}");
    }
    assert!(told(&folder.path().join("absent.crl"), &[]).contains("No such file"));
    assert!(told(&folder.path().join("absent/*.crl"), &[]).contains("cannot list"));
}

#[test]
fn a_star_stands_for_any_characters() {
    for (pattern, name, wanted) in [
        ("*.crl", "a.crl", true),
        ("*.crl", ".crl", false),
        (".*", ".crl", true),
        ("*", "a", true),
        ("a*b*c", "abc", true),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "acb", false),
        ("ab*ba", "aba", false),
        ("*.crl", "a.crl.bak", false),
        ("*a*", "bab", true),
    ] {
        assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
    }
}
