//! What cannot be enforced about revocation is a fault, and a misspelt word never switches it off.

use super::{said, with};

fn revocation(text: &str) -> String {
    said(&with(&format!(
        "tls: {{ prod: {{ mode: files, cert: a, key: b, client_ca: c,\n revocation: {{ {text} }} }} }}"
    )))
}

fn verification(text: &str) -> String {
    revocation(&format!("verification: {{ {text} }}"))
}

#[test]
fn revocation_without_a_client_authority_is_a_fault() {
    let text = "tls: { prod: { mode: files, cert: a, key: b, revocation: { verification: true } } }
listeners: [ { name: a, address: '127.0.0.1:1', tls: prod, auth: [none] } ]";
    assert_eq!(
        said(text),
        "c.yaml:1:58: config: tls profile \"prod\" has revocation and no client_ca\n  try: add client_ca: who may vouch \
         for clients"
    );
}

#[test]
fn a_word_that_is_unknown_stops_the_start_and_switches_nothing_off() {
    assert_eq!(
        revocation("verifcation: true"),
        "c.yaml:2:16: unknown key \"verifcation\" in tls.prod.revocation\n  try: did you mean \"verification\"?"
    );
    assert_eq!(
        revocation("verification: maybe"),
        "c.yaml:2:30: tls.prod.revocation.verification \"maybe\" is neither true nor false"
    );
    assert_eq!(
        revocation("verification: [crl]"),
        "c.yaml:2:30: tls.prod.revocation.verification is a list, want a table of keys"
    );
    assert_eq!(
        verification("failureMode: fail_open"),
        "c.yaml:2:45: tls.prod.revocation.verification.failureMode \"fail_open\" is not known (want fail-closed or \
         fail-open)\n  try: did you mean \"fail-open\"?"
    );
    assert_eq!(
        verification("crl: { timout: 5s }, ocsp: { chacheTtl: 5 }"),
        "c.yaml:2:39: unknown key \"timout\" in tls.prod.revocation.verification.crl\n  try: did you mean \"timeout\"?\n\
         c.yaml:2:61: unknown key \"chacheTtl\" in tls.prod.revocation.verification.ocsp\n  try: did you mean \"cacheTtl\"?"
    );
    assert_eq!(
        verification("failure_mode: fail-closed, failureMode: fail-open"),
        "c.yaml:2:59: tls.prod.revocation.verification.failure_mode and failureMode are two spellings of one key\n  try: \
         keep one of them"
    );
}

#[test]
fn durations_that_are_too_short_are_refused_in_the_documented_words() {
    for (text, wanted) in [
        ("crl: { timeout: 999 }", "c.yaml:2:48: CRL timeout must be at least 1000ms (1 second)"),
        ("crl: { timeout: 999ms }", "c.yaml:2:48: CRL timeout must be at least 1000ms (1 second)"),
        ("crl: { cacheTtl: 0 }", "c.yaml:2:49: CRL cacheTtl must be at least 1000ms (1 second)"),
        ("crl: { gracePeriod: -1 }", "c.yaml:2:52: CRL gracePeriod must be at least 0ms"),
        ("ocsp: { timeout: 10 }", "c.yaml:2:49: OCSP timeout must be at least 1000ms (1 second)"),
        ("ocsp: { cache_ttl: 10ms }", "c.yaml:2:51: OCSP cacheTtl must be at least 1000ms (1 second)"),
        ("ocsp: { errorCacheTtl: 1 }", "c.yaml:2:55: OCSP errorCacheTtl must be at least 1000ms (1 second)"),
    ] {
        assert_eq!(verification(text).lines().next(), Some(wanted), "{text}");
    }
    assert_eq!(
        verification("crl: { timeout: 1000, gracePeriod: 0 }, ocsp: { timeout: 1s }"),
        "nothing is wrong"
    );
    assert_eq!(
        verification("crl: { timeout: 10 seconds }"),
        "c.yaml:2:48: tls.prod.revocation.verification.crl.timeout \"10 seconds\" is neither a duration such as 10s nor a \
         number of milliseconds"
    );
    assert!(verification("crl: { cache_ttl: 4000d }").contains("a duration is longer than ten years"));
}

#[test]
fn lists_from_files_keep_their_rules() {
    assert_eq!(
        revocation("crl_files: []"),
        "c.yaml:2:27: config: tls profile \"prod\": revocation.crl_files names no list\n  try: write the path of a list, \
         or leave crl_files out"
    );
    assert_eq!(
        revocation("crl_files: [a], outdated: grace"),
        "c.yaml:2:42: config: tls profile \"prod\": revocation.outdated is grace and has no end\n  try: write grace: and \
         how long, such as 24h"
    );
    assert_eq!(
        revocation("crl_files: [a], grace: 24h"),
        "c.yaml:2:39: config: tls profile \"prod\": revocation.grace counts only with outdated: grace, and it is \
         fail-closed\n  try: write outdated: grace, or leave grace out"
    );
    assert_eq!(
        revocation("crl_files: [a], outdated: fail"),
        "c.yaml:2:42: tls.prod.revocation.outdated \"fail\" is not known (want fail-closed, fail-open or grace)"
    );
}

#[test]
fn a_denied_serial_number_is_a_number_with_an_issuer_or_without() {
    assert_eq!(
        revocation("revoked_serials: [ \"1G\", { serial: 5, issuer: Old }, { issuer: \"CN=a\" } ]"),
        "c.yaml:2:35: tls.prod.revocation.revoked_serials[0] \"1G\" is not a serial number in hexadecimal\n  try: openssl \
         x509 -in FILE -noout -serial prints it\n\
         c.yaml:2:62: tls.prod.revocation.revoked_serials[1].issuer \"Old\" is neither the subject of an authority nor the \
         pin of its key\n  try: write it as countersign cert show prints the certificate's issuer, such as \"CN=Old CA\"\n\
         c.yaml:2:69: config: tls profile \"prod\": an entry of revocation.revoked_serials needs a serial\n  try: write \
         serial: and the number in hexadecimal"
    );
}

#[test]
fn verification_that_verifies_nothing_is_a_fault() {
    assert_eq!(
        verification("failure_mode: fail-open, crl: false, ocsp: { enabled: false }"),
        "c.yaml:2:30: config: tls profile \"prod\": revocation.verification has crl and ocsp switched off and fails open: \
         it verifies nothing\n  try: switch crl or ocsp on, write failure_mode: fail-closed, or leave verification out"
    );
}

#[test]
fn addresses_are_addresses() {
    for (text, wanted) in [
        ("prefetch: [\"ftp://a/\"]", "verification.prefetch[0] \"ftp://a/\" is not an address"),
        ("prefetch: [\"http:///a\"]", "verification.prefetch[0] \"http:///a\" is not an address"),
        ("prefetch: [\"http://user:pw@a/\"]", "is not an address"),
        ("urlRewrite: [ { from: \"http://a/\", to: /etc } ]", "urlRewrite[0].to \"/etc\" is not an address"),
        ("url_rewrite: [ { from: \"http://a/\" } ]", "an entry of url_rewrite needs from and to"),
        ("max_bytes: 0", "max_bytes is 0"),
    ] {
        let said = verification(text);
        assert!(said.contains(wanted), "{text}: {said}");
    }
}
