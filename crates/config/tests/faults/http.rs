//! Harper's spelling beside others, and what of it a later version brings.

use super::{said, said_with, with};

const REQUIRED: &str = "COUNTERSIGN_HTTP_MTLS_REQUIRED";
const VERIFICATION: &str = "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION";

#[test]
fn the_block_stands_in_the_place_of_listeners() {
    let refused = "c.yaml:1:7: config: http makes a listener of its own, and the file has listeners\n  try: leave http out, \
                   or listeners";
    assert_eq!(said(&with("http: { mtls: true }")), refused);
    assert_eq!(
        said("http: { mtls: true }\ntls: { enabled: false, certificate: a }"),
        "c.yaml:2:17: config: http serves HTTPS, and tls is not enabled\n  try: leave the one or the other out"
    );
    assert_eq!(
        said_with("http: { mtls: true }", &[("COUNTERSIGN_TLS_ENABLED", "false")]),
        "COUNTERSIGN_TLS_ENABLED: config: http serves HTTPS, and tls is not enabled\n  try: leave the one or the other out"
    );
    assert_eq!(
        said("http: { mtls: true }\ntls: { clientAuth: request }"),
        "c.yaml:2:20: config: tls.clientAuth and http say the same thing twice\n  try: leave tls.clientAuth out, and write \
         http.mtls.required"
    );
}

#[test]
fn what_a_later_version_brings_is_refused_by_name() {
    for (text, wanted) in [
        ("http: { mtls: { user: admin } }", "c.yaml:1:17: http.mtls.user is not available in this version"),
        ("http: { mtls: true, port: 9926 }", "c.yaml:1:21: http.port is not available in this version"),
        (
            "http: { mtls: true }\nreplication: { mtls: true, securePort: 9933 }",
            "c.yaml:2:28: replication.securePort is not available in this version",
        ),
    ] {
        assert_eq!(said(text).lines().next(), Some(wanted), "{text}");
    }
}

#[test]
fn a_misspelt_block_stops_the_start() {
    assert_eq!(
        said("http: { mtls: { requierd: true } }"),
        "c.yaml:1:17: unknown key \"requierd\" in http.mtls\n  try: did you mean \"required\"?"
    );
    assert_eq!(said("http: { mtls: yess }"), "c.yaml:1:15: http.mtls \"yess\" is neither true nor false");
    assert_eq!(
        said("http: { mtls: { certificateVerification: { crl: { timeout: 500 } } } }"),
        "c.yaml:1:60: CRL timeout must be at least 1000ms (1 second)\n  try: write a duration such as 10s, or a number of \
         milliseconds"
    );
    assert_eq!(
        said("http: { securePort: 99999 }"),
        "c.yaml:1:21: config: http.securePort: the address \":99999\" is not HOST:PORT\n  try: write it like \
         127.0.0.1:7777, [::1]:7777 or :7777"
    );
    assert_eq!(said("http: [mtls]"), "c.yaml:1:7: http is a list, want a table of keys");
}

#[test]
fn variables_of_the_block_are_as_strict_as_the_file() {
    let block = |pairs: &[(&str, &str)]| said_with("http: { mtls: true }", pairs);
    assert_eq!(
        block(&[(REQUIRED, "maybe")]),
        "COUNTERSIGN_HTTP_MTLS_REQUIRED: http.mtls.required \"maybe\" is neither true nor false"
    );
    let timeout = format!("{VERIFICATION}_OCSP_TIMEOUT");
    assert_eq!(
        block(&[(&timeout, "10")]).lines().next(),
        Some(format!("{timeout}: OCSP timeout must be at least 1000ms (1 second)").as_str())
    );
    assert_eq!(
        block(&[(VERIFICATION, "false"), (&timeout, "2s")]),
        format!("{timeout}: {VERIFICATION} is false and {timeout} is given\n  try: leave one of them out")
    );
    assert_eq!(
        block(&[(REQUIRED, "true"), ("COUNTERSIGN_TLS_CLIENT_AUTH", "request")]),
        "COUNTERSIGN_TLS_CLIENT_AUTH: COUNTERSIGN_HTTP_MTLS_REQUIRED and COUNTERSIGN_TLS_CLIENT_AUTH say the same thing \
         twice\n  try: keep one of them"
    );
    let no_ca = "tls: { enabled: true, certFile: a, keyFile: b }";
    assert_eq!(
        said_with(no_ca, &[(REQUIRED, "true")]),
        "COUNTERSIGN_HTTP_MTLS_REQUIRED: COUNTERSIGN_HTTP_MTLS_REQUIRED is true and nobody may vouch for clients\n  try: \
         set COUNTERSIGN_TLS_CLIENT_CA, or write client_ca in the tls profile"
    );
    let two = "tls: { a: { mode: files, cert: c, key: k }, b: { mode: files, cert: c, key: k } }
listeners: [ { name: a, address: ':1', tls: a, auth: [none] }, { name: b, address: ':2', tls: b, auth: [none] } ]
allow_open: true";
    assert_eq!(
        said_with(two, &[(VERIFICATION, "true")]),
        format!(
            "{VERIFICATION}: config: {VERIFICATION} names no tls profile, and the file has 2\n  try: write it under the \
             profile that is meant"
        )
    );
}

#[test]
fn reload_and_allow_weaker_keep_their_rules() {
    assert_eq!(
        said(&with("reload: { poll: 10ms }")),
        "c.yaml:1:17: config: reload.poll must be at least 1s\n  try: write a duration such as 60s; watch: false looks never"
    );
    assert_eq!(
        said(&with("allow_weaker: trust")),
        "c.yaml:1:15: allow_weaker \"trust\" is neither true nor false"
    );
    assert_eq!(
        said(&with("allow_weaker: { a: b }")),
        "c.yaml:1:15: allow_weaker is a table of keys, want a list\n  try: begin each item with \"- \", or use [ ]"
    );
}
