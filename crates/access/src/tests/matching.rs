use identity::{Fingerprint, Pin, Verified};
use rcgen::{CertificateParams, DnType, DnValue};

use super::made::{Authority, authority, by_name, directory, params, principal, who};
use crate::{Directory, MtlsMatch};

fn matches(entry: MtlsMatch, verified: &Verified) -> bool {
    who(&directory(vec![principal("alice", vec![entry])]), verified) == Ok("alice".to_owned())
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn every_field_matches_what_the_certificate_has_and_nothing_else() {
    let authority = authority();
    let rich = authority.rich();
    let leaf = rich.leaf().clone();
    let issuer = authority.certificate().identity().spki_sha256();
    let d = MtlsMatch::default;
    let other_pin = Pin::of_spki(b"other");
    let pairs: Vec<(MtlsMatch, MtlsMatch)> = vec![
        (by_name("alice"), by_name("Alice")),
        (
            MtlsMatch { spki_sha256: Some(leaf.identity().spki_sha256()), ..d() },
            MtlsMatch { spki_sha256: Some(other_pin), ..d() },
        ),
        (
            MtlsMatch { san_dns: text("alice.EXAMPLE.com"), ..d() },
            MtlsMatch { san_dns: text("*.example.com"), ..d() },
        ),
        (
            MtlsMatch { san_uri: text("spiffe://example.com/alice"), ..d() },
            MtlsMatch { san_uri: text("spiffe://example.com/Alice"), ..d() },
        ),
        (
            MtlsMatch { san_email: text("Alice@EXAMPLE.com"), ..d() },
            MtlsMatch { san_email: text("alice@example.com"), ..d() },
        ),
        (
            MtlsMatch { san_ip: "10.0.0.7".parse().ok(), ..d() },
            MtlsMatch { san_ip: "10.0.0.8".parse().ok(), ..d() },
        ),
        (
            MtlsMatch { issuer_spki_sha256: Some(issuer), ..d() },
            MtlsMatch { issuer_spki_sha256: Some(leaf.identity().spki_sha256()), ..d() },
        ),
        (MtlsMatch { subject_o: text("Acme"), ..d() }, MtlsMatch { subject_o: text("acme"), ..d() }),
        (MtlsMatch { subject_ou: text("Sales"), ..d() }, MtlsMatch { subject_ou: text("Acme"), ..d() }),
        (
            MtlsMatch { cert_sha256: Some(leaf.fingerprint()), ..d() },
            MtlsMatch { cert_sha256: Some(Fingerprint::of_der(b"other")), ..d() },
        ),
    ];
    for (wanted, other) in pairs {
        assert!(matches(wanted.clone(), &rich), "{wanted:?}");
        assert!(!matches(other.clone(), &rich), "{other:?}");
        assert!(
            !matches(wanted.clone(), &authority.named("bob")) || wanted.issuer_spki_sha256.is_some(),
            "{wanted:?}"
        );
    }
}

#[test]
fn all_fields_of_an_entry_must_match_and_any_entry_is_enough() {
    let authority = authority();
    let rich = authority.rich();
    let both = MtlsMatch { subject_o: text("Acme"), ..by_name("alice") };
    let half = MtlsMatch { subject_o: text("Other"), ..by_name("alice") };
    assert!(matches(both.clone(), &rich));
    assert!(!matches(half.clone(), &rich));
    let several = directory(vec![principal("alice", vec![half, by_name("bob"), both])]);
    assert_eq!(who(&several, &rich), Ok("alice".to_owned()));
    assert_eq!(who(&several, &authority.named("bob")), Ok("alice".to_owned()));
    assert_eq!(who(&several, &authority.named("carol")), Err("unmapped-certificate".to_owned()));
}

fn with_second_name(first: &str, second: &str) -> CertificateParams {
    let mut params = params(first);
    let common_name = DnType::CustomDnType(vec![2, 5, 4, 3]);
    params.distinguished_name.push(common_name, DnValue::Utf8String(second.to_owned()));
    params
}

#[test]
fn a_common_name_that_could_be_read_two_ways_is_nobody_and_the_cause_says_why() {
    let authority = authority();
    let names = || {
        directory(vec![principal("alice", vec![by_name("alice")]), principal("bob", vec![by_name("bob")])])
    };
    let unusable =
        [with_second_name("alice", "bob"), with_second_name("alice", "alice"), params("alice\0"), params("")];
    for params in unusable {
        let verified = authority.verified(&params);
        for directory in [names(), Directory::common_name_is_principal()] {
            let refusal = super::decisions::refused(&directory, &verified);
            assert_eq!(refusal.code().as_str(), "unmapped-certificate");
            assert!(refusal.cause().contains("its common name cannot be used: "), "{}", refusal.cause());
        }
    }
    let mut nameless = params("x");
    nameless.distinguished_name = rcgen::DistinguishedName::new();
    nameless.distinguished_name.push(DnType::OrganizationName, "Acme");
    let verified = authority.verified(&nameless);
    assert_eq!(who(&names(), &verified), Err("unmapped-certificate".to_owned()));
    let refusal = super::decisions::refused(&Directory::common_name_is_principal(), &verified);
    assert!(refusal.cause().ends_with("it has no common name"), "{}", refusal.cause());
}

#[test]
fn two_principals_that_match_are_ambiguous_and_one_that_matches_twice_is_not() {
    let authority = authority();
    let rich = authority.rich();
    let by_unit = MtlsMatch { subject_ou: text("Sales"), ..MtlsMatch::default() };
    let two = directory(vec![principal("a", vec![by_name("alice")]), principal("b", vec![by_unit.clone()])]);
    let refusal = super::decisions::refused(&two, &rich);
    assert_eq!(refusal.code().as_str(), "ambiguous-identity");
    assert!(refusal.cause().ends_with("matches the principals \"a\" and \"b\""), "{}", refusal.cause());
    let one = directory(vec![principal("a", vec![by_name("alice"), by_unit])]);
    assert_eq!(who(&one, &rich), Ok("a".to_owned()));
}

fn refused_at_load(a: MtlsMatch, b: MtlsMatch) -> String {
    match Directory::new(vec![principal("a", vec![a]), principal("b", vec![b])]) {
        Ok(_) => "nothing".to_owned(),
        Err(faults) => faults.iter().map(fault::Fault::what).collect::<Vec<_>>().join("; "),
    }
}

#[test]
fn claims_that_could_only_be_ambiguous_are_refused_at_load() {
    let d = MtlsMatch::default;
    assert_eq!(
        refused_at_load(by_name("x"), by_name("x")),
        "principals \"a\" and \"b\" both claim subject_cn \"x\""
    );
    let hex = Pin::parse(&"AB".repeat(32)).ok();
    let curl = Pin::parse(&format!("sha256//{}q6s=", "q6ur".repeat(10))).ok();
    assert_eq!(
        refused_at_load(MtlsMatch { spki_sha256: hex, ..d() }, MtlsMatch { spki_sha256: curl, ..d() }),
        format!("principals \"a\" and \"b\" both claim spki_sha256 \"{}\"", "ab".repeat(32))
    );
    assert_eq!(
        refused_at_load(
            MtlsMatch { san_email: text("x@A.org"), ..d() },
            MtlsMatch { san_email: text("x@a.ORG"), ..d() }
        ),
        "principals \"a\" and \"b\" both claim san_email \"x@a.org\""
    );
    let narrow = || MtlsMatch { subject_o: text("Acme"), ..by_name("x") };
    let shared = "principals \"a\" and \"b\" both claim subject_cn \"x\"";
    assert_eq!(refused_at_load(by_name("x"), narrow()), shared);
    assert_eq!(
        refused_at_load(narrow(), by_name("x")),
        "principals \"b\" and \"a\" both claim subject_cn \"x\""
    );
    assert_eq!(
        refused_at_load(narrow(), narrow()),
        "principals \"a\" and \"b\" both claim subject_cn \"x\" and subject_o \"Acme\""
    );
    let elsewhere = MtlsMatch { subject_o: text("Other"), ..by_name("x") };
    assert_eq!(refused_at_load(narrow(), elsewhere), "nothing");
}

#[test]
fn names_and_entries_are_checked_at_load() {
    let specs = vec![
        principal("*", vec![]),
        principal("", vec![]),
        principal("a", vec![MtlsMatch::default()]),
        principal("a", vec![by_name("x"), by_name("x")]),
    ];
    let faults = Directory::new(specs).unwrap_err();
    let said: Vec<&str> = faults.iter().map(fault::Fault::what).collect();
    assert_eq!(
        said,
        [
            "config: auth principal \"*\" has an empty or reserved name",
            "config: auth principal \"\" has an empty or reserved name",
            "config: principal \"a\": an mtls entry needs at least one field",
            "config: duplicate auth principal \"a\"",
        ]
    );
}

#[test]
fn where_the_common_name_is_the_principal_the_name_of_everyone_is_nobody() {
    let authority: Authority = authority();
    let directory = Directory::common_name_is_principal();
    assert_eq!(who(&directory, &authority.named("alice")), Ok("alice".to_owned()));
    assert_eq!(who(&directory, &authority.named("*")), Err("unmapped-certificate".to_owned()));
}
