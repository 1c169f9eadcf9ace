//! What a configuration says about revocation, and what it means.
#![expect(clippy::unwrap_used, reason = "a configuration that cannot be read is the test failing")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_config::{RevocationPlan, Sources, read_text};
use fault::Fault;
use identity::{FailureMode, IssuerMatch, OutdatedCrl, RevocationPolicy, Serial, Verification};

fn read(revocation: &str) -> (RevocationPlan, Vec<Fault>) {
    let text = format!(
        "tls: {{ prod: {{ mode: files, cert: a, key: b, client_ca: c{revocation} }} }}
listeners: [ {{ name: h2, address: '127.0.0.1:1', tls: prod, auth: [mtls] }} ]
auth: {{ principals: [ {{ name: a, methods: [ {{ mtls: {{ subject_cn: a }} }} ] }} ] }}"
    );
    let sources = Sources { file: Some("c.yaml".into()), ..Sources::default() };
    let (mut plan, warnings) = read_text(&sources, &text, Path::new("/etc/countersign")).unwrap();
    (plan.tls.remove("prod").unwrap().revocation, warnings)
}

fn plan(revocation: &str) -> RevocationPlan {
    read(&format!(", revocation: {{ {revocation} }}")).0
}

fn verification(text: &str) -> Verification {
    plan(&format!("verification: {text}")).policy.verification.unwrap()
}

#[test]
fn without_a_word_about_revocation_nobody_is_asked() {
    assert_eq!(read("").0, RevocationPlan::default());
    assert_eq!(plan("verification: false"), RevocationPlan::default());
    assert_eq!(
        RevocationPlan::default().policy,
        RevocationPolicy { outdated: OutdatedCrl::FailClosed, verification: None }
    );
}

#[test]
fn verification_true_is_every_default_and_so_is_an_empty_table() {
    for text in ["true", "{}", "{ crl: {}, ocsp: {} }", "{ crl: true, ocsp: { enabled: true } }"] {
        assert_eq!(verification(text), Verification::default(), "{text}");
    }
    assert_eq!(plan("verification: true").max_bytes, 16 << 20);
}

#[test]
fn both_spellings_mean_the_same() {
    let ours = "{ failure_mode: fail-open, check_intermediates: false, allow_private_addresses: true, max_bytes: 1MiB,
      crl: { timeout: 15s, cache_ttl: 12h, grace: 0s, failure_mode: fail-closed },
      ocsp: { timeout: 8s, cache_ttl: 2h, error_cache_ttl: 10m } }";
    let harpers =
        "{ failureMode: fail-open, checkIntermediates: false, allowPrivateAddresses: true, maxBytes: 1MiB,
      crl: { timeout: 15000, cacheTtl: 43200000, gracePeriod: 0, failureMode: fail-closed },
      ocsp: { enabled: true, timeout: 8000, cacheTtl: 7200000, errorCacheTtl: 600000 } }";
    let [ours, harpers] = [ours, harpers].map(|text| plan(&format!("verification: {text}")));
    assert_eq!(ours, harpers);
    let asked = ours.policy.verification.unwrap();
    let (crl, ocsp) = (asked.crl.unwrap(), asked.ocsp.unwrap());
    assert_eq!(
        (asked.check_intermediates, asked.allow_private_addresses, ours.max_bytes),
        (false, true, 1 << 20)
    );
    assert_eq!((crl.timeout, crl.cache_ttl), (Duration::from_secs(15), Duration::from_secs(43_200)));
    assert_eq!((crl.grace, ocsp.error_cache_ttl), (Duration::ZERO, Duration::from_secs(600)));
}

/// R9.
#[test]
fn a_method_without_a_failure_mode_of_its_own_has_the_one_of_the_whole() {
    let asked = verification("{ failureMode: fail-open, crl: { failureMode: fail-closed }, ocsp: {} }");
    assert_eq!(asked.failure_mode, FailureMode::FailOpen);
    assert_eq!(asked.crl.map(|crl| crl.failure_mode), Some(FailureMode::FailClosed));
    assert_eq!(asked.ocsp.map(|ocsp| ocsp.failure_mode), Some(FailureMode::FailOpen));
    let asked = verification("{ ocsp: { failure_mode: fail-open }, crl: true }");
    assert_eq!(asked.crl.map(|crl| crl.failure_mode), Some(FailureMode::FailClosed));
}

#[test]
fn a_method_can_be_switched_off() {
    for text in ["{ ocsp: false }", "{ ocsp: { enabled: false } }"] {
        let asked = verification(text);
        assert!(asked.ocsp.is_none() && asked.crl.is_some(), "{text}");
    }
    assert!(verification("{ crl: false }").crl.is_none());
}

#[test]
fn lists_stand_beside_the_file_and_have_a_policy() {
    let written = plan("crl_files: [crl/*.crl, /etc/crl/one.pem], outdated: grace, grace: 36h");
    assert_eq!(written.crl_files, ["/etc/countersign/crl/*.crl", "/etc/crl/one.pem"].map(PathBuf::from));
    assert_eq!(written.policy.outdated, OutdatedCrl::Grace(Duration::from_secs(36 * 3_600)));
    assert_eq!(plan("crl_files: [a], outdated: fail-open").policy.outdated, OutdatedCrl::FailOpen);
}

/// R14.
#[test]
fn a_denied_serial_is_the_same_in_every_spelling() {
    let pin = "ab".repeat(32);
    let denied = plan(&format!(
        "revoked_serials: [ {{ serial: \"1769F7D6A\", issuer: \"CN=Old CA\" }}, \"0A:0B\", a0b, 0x0A0B, 10,
         {{ serial: 01, issuer: {pin} }} ]"
    ))
    .revoked_serials;
    let serials: Vec<String> = denied.iter().map(|denied| denied.serial.to_string()).collect();
    assert_eq!(serials, ["01769F7D6A", "0A0B", "0A0B", "0A0B", "10", "01"]);
    assert_eq!(denied[0].issuer, Some("CN=Old CA".parse().unwrap()));
    assert_eq!(denied[1].serial, Serial::parse("a0b").unwrap());
    assert!(denied[1].issuer.is_none() && denied[1].place.is_some());
    assert_eq!(denied[5].issuer, Some(IssuerMatch::Key(identity::Pin::parse(&pin).unwrap())));
}

#[test]
fn addresses_are_kept_as_written() {
    let written = plan(
        "verification: { prefetch: [\"http://pki.example.com/crl.der\"],
           url_rewrite: [ { from: \"http://crl.example.com/\", to: \"https://mirror:8443/crl/\" } ] }",
    );
    assert_eq!(written.prefetch, ["http://pki.example.com/crl.der"]);
    assert_eq!(
        written.url_rewrite,
        [("http://crl.example.com/".to_owned(), "https://mirror:8443/crl/".to_owned())]
    );
}

#[test]
fn asking_nobody_where_no_list_is_at_hand_refuses_everyone_and_says_so() {
    let (_, warnings) = read(", revocation: { verification: { crl: false, ocsp: false } }");
    assert_eq!(
        warnings[0].to_string(),
        "c.yaml:1:88: tls profile \"prod\": revocation.verification has crl and ocsp switched off, and there are no \
         crl_files: every client certificate is refused\n  try: switch crl or ocsp on, or write crl_files"
    );
    let (_, warnings) = read(", revocation: { crl_files: [a], verification: { crl: false, ocsp: false } }");
    assert!(warnings.is_empty(), "{warnings:?}");
}
