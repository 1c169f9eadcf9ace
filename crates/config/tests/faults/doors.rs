//! Listeners and TLS.

use super::{said, said_with, with};

#[test]
fn tls_profiles_keep_their_rules() {
    let tls = |text: &str| said(&with(&format!("tls: {{ {text} }}")));
    let prod = "prod: { mode: files, cert: a, key: b, client_ca: c";
    assert_eq!(
        tls("prod: { cert: a, key: b, client_ca: c }"),
        "c.yaml:1:8: config: tls profile \"prod\" missing mode (files|authority|self_signed)\n  try: write mode: files \
         with cert and key"
    );
    assert_eq!(
        tls(&format!("{prod}, min_version: 1.1 }}")),
        "c.yaml:1:73: config: tls profile \"prod\" invalid min_version \"1.1\" (want 1.2 or 1.3)\n  try: write \"1.2\" \
         or \"1.3\""
    );
    assert_eq!(
        tls(&format!("{prod}, client_auth: bogus }}")),
        "c.yaml:1:73: unknown tls.clientAuth \"bogus\" (use 'require' or 'request')\n  try: require demands a client \
         certificate, request lets it be left out"
    );
    assert_eq!(
        tls(&format!("{prod}, subdomain: x }}")),
        "c.yaml:1:60: tls.prod.subdomain is not available in this version\n  try: leave it out"
    );
    assert_eq!(
        tls(&format!("{prod} }}, old: {{ mode: files, cert: a, key: b }}")),
        "c.yaml:1:62: config: tls profile \"old\" is used by no listener\n  try: write tls: old under a listener, or \
         leave the profile out"
    );
    assert_eq!(
        tls("prod: { mode: acme, client_ca: c }"),
        "c.yaml:1:22: tls.prod.mode \"acme\" is not available in this version"
    );
    assert_eq!(
        tls("prod: { mode: authority, client_ca: authority }"),
        "c.yaml:1:22: config: tls profile \"prod\": mode authority needs an authority section\n  try: add an authority \
         section, or use files\nc.yaml:1:44: config: tls profile \"prod\": client_ca authority needs an authority \
         section\n  try: add an authority section, or use files"
    );
    assert_eq!(
        tls("prod: { mode: files, cert: a, key: b }"),
        "c.yaml:2:86: config: listener \"h2\": mtls auth requires a tls profile (with client_ca)\n  try: add client_ca, \
         the authorities that may vouch for clients, to the tls profile"
    );
}

#[test]
fn self_signed_is_refused_in_production_however_that_is_said() {
    let text = with("tls: { prod: { mode: self_signed, client_ca: c } }");
    let refused = "c.yaml:1:22: config: tls profile \"prod\": self_signed is refused in production\n  try: use mode files \
                   or authority";
    assert_eq!(said(&text), "nothing is wrong");
    assert_eq!(said_with(&text, &[("COUNTERSIGN_ENV", "production")]), refused);
    assert_eq!(
        said_with(&text, &[("COUNTERSIGN_ENV", "prod")]),
        "COUNTERSIGN_ENV: environment \"prod\" is not known (want development, staging or production)"
    );
}

#[test]
fn listeners_keep_their_rules() {
    let listeners = |text: &str| said(&with(&format!("listeners: [ {text} ]")));
    let prod = "{ name: a, address: ':1', tls: prod, auth: [mtls] }";
    assert_eq!(
        listeners(&format!("{prod}, {{ name: b, address: '0.0.0.0:1', tls: prod, auth: [mtls] }}")),
        "c.yaml:1:67: config: listeners \"a\" and \"b\" both bind tcp \"0.0.0.0:1\" (h2/h3 may share a port, but \
         same-family listeners may not)\n  try: give each its own address"
    );
    assert_eq!(
        listeners(&format!("{prod}, {{ name: b, address: '127.0.0.1:2', auth: [none] }}")),
        "c.yaml:1:67: config: listener \"b\" (h2) requires a tls profile\n  try: write tls: and the name of a profile, or \
         transport: h1 for clear text"
    );
    assert_eq!(
        listeners(&format!(
            "{prod}, {{ name: b, transport: h1, address: '127.0.0.1:2', tls: prod, auth: [none] }}"
        )),
        "c.yaml:1:122: config: listener \"b\" (h1) is clear text and has the tls profile \"prod\"\n  try: write \
         transport: h2, which serves HTTP/1.1 over TLS too, or leave tls out"
    );
    assert_eq!(
        listeners(&format!("{prod}, {{ name: b, transport: h1, address: '0.0.0.0:2', auth: [bearer] }}")),
        "c.yaml:1:122: listeners[1].auth[0] \"bearer\" is not available in this version"
    );
    assert_eq!(
        listeners("{ name: a, address: ':1', tls: prod }"),
        "c.yaml:1:14: config: listener \"a\" has no auth list\n  try: write auth: [mtls]; only auth: [none] lets \
         anonymous peers in"
    );
    assert_eq!(
        listeners("{ address: ':1', tls: prod, auth: [mtls, mtls] }"),
        "c.yaml:1:14: config: listeners[0] needs a name\n  try: write name: and a word of your own\n\
         c.yaml:1:55: config: listeners[0] accepts mtls twice\n  try: write it once"
    );
    assert_eq!(
        said("listeners: []"),
        "c.yaml:1:12: config: there are no listeners: nothing to serve\n  try: write at least one listener"
    );
}

#[test]
fn serving_everyone_needs_loopback_or_a_word() {
    let open = |address: &str, more: &str| {
        said(&format!(
            "{more}listeners: [ {{ name: a, transport: h1, address: '{address}', auth: [none] }} ]"
        ))
    };
    assert_eq!(open("127.0.0.1:1", ""), "nothing is wrong");
    assert_eq!(open("[::1]:1", ""), "nothing is wrong");
    assert_eq!(
        open(":1", ""),
        "c.yaml:1:14: config: listener \"a\" would let everyone read and write on :1: no principals and no grants are \
         configured\n  try: write principals and grants, or a loopback address, or allow_open: true"
    );
    assert_eq!(open(":1", "allow_open: true\n"), "nothing is wrong");
}

#[test]
fn tls_that_is_enabled_without_files_is_a_fault_and_never_clear_text() {
    assert_eq!(
        said("tls: { enabled: true }"),
        "c.yaml:1:17: TLS is enabled but COUNTERSIGN_TLS_CERT (or tls.certFile) is not set\n  try: set \
         COUNTERSIGN_TLS_CERT to the path of a PEM file\nc.yaml:1:17: TLS is enabled but COUNTERSIGN_TLS_KEY (or \
         tls.keyFile) is not set\n  try: set COUNTERSIGN_TLS_KEY to the path of a PEM file"
    );
    assert_eq!(
        said(
            "tls: { enabled: true, certFile: a, keyFile: b, clientCAFile: c, clientAuth: bogus, minVersion: 1.1 }"
        ),
        "c.yaml:1:77: unknown tls.clientAuth \"bogus\" (use 'require' or 'request')\n  try: require demands a client \
         certificate, request lets it be left out\nc.yaml:1:96: invalid tls min_version \"1.1\" (want 1.2 or 1.3)\n  try: \
         write \"1.2\" or \"1.3\""
    );
    assert_eq!(
        said("tls: { certFile: a, keyFile: b }"),
        "nothing to serve: tls.enabled is not true and there are no listeners\n  try: countersign up makes a realm and \
         serves it; or write listeners, or set COUNTERSIGN_TLS_ENABLED=true with COUNTERSIGN_TLS_CERT and \
         COUNTERSIGN_TLS_KEY"
    );
    assert_eq!(
        said("tls: { enabled: true, certfile: a, keyFile: b }").lines().next(),
        Some("c.yaml:1:17: TLS is enabled but COUNTERSIGN_TLS_CERT (or tls.certFile) is not set")
    );
}
