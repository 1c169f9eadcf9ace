//! Databases, the authority and its ledger.

use super::{said, with};

#[test]
fn databases_keep_their_rules() {
    let databases = |text: &str| said(&with(&format!("databases: [ {text} ]")));
    assert_eq!(
        databases("{ name: a, path: a }, { name: a, path: b }"),
        "c.yaml:1:44: config: duplicate database \"a\"\n  try: give each its own name"
    );
    assert_eq!(
        databases("{ name: m, backend: memory-shared, path: a }, { name: b, backend: vault }"),
        "c.yaml:1:55: config: database \"m\" (memory-shared) has a path and is kept in memory\n  try: leave the path out, \
         or write backend: file\nc.yaml:1:80: databases[1].backend \"vault\" is not available in this version"
    );
    for name in ["_x", ".", "..", "a/b", "ä", "blob", "''"] {
        let said = databases(&format!("{{ name: {name}, path: a }}"));
        assert!(said.contains("has an invalid or reserved name"), "{name}: {said}");
    }
}

#[test]
fn what_a_profile_allows_is_written_in_patterns_that_can_be_read() {
    let names = |text: &str| {
        let issuer = "issuers: { client: { cert: c, key: k } }, root_cert: r";
        let profiles = format!("profiles: {{ client: {{ {text} }} }}");
        said(&with(&format!("ledger: {{ url: 'sqlite:l' }}\nauthority: {{ {issuer}, {profiles} }}")))
    };
    for (text, words) in [
        ("names: { dns: [\"a b\"] }", "is neither a host name nor one with a dot in front"),
        ("names: { dns: [.*.a.com] }", "is neither a host name nor one with a dot in front"),
        ("names: { uris: [\"spiffe://\"] }", "is no URI"),
        ("names: { emails: [\"@\"] }", "is no e-mail address"),
        ("names: { ips: [10.0.0.1/8] }", "is no network of IP addresses"),
        ("names: { hosts: [a] }", "hosts"),
        ("renew_after_expiry: 91d", "lets certificates be renewed too long after their end"),
        ("renewal_window: 0s", "suggests renewal when it is too late"),
    ] {
        let said = names(text);
        assert!(said.contains(words) && said.contains("c.yaml:2:"), "{text}: {said}");
    }
}

#[test]
fn the_authority_and_its_ledger_keep_their_rules() {
    assert_eq!(
        said(&with("authority: { profiles: { odd: {}, client: { lifetime: 0s, usages: [] } }, crl: { lifetime: 0s } }")),
        "c.yaml:1:12: config: authority needs issuers\n  try: write issuers: { server: { cert: …, key: … }, client: { cert: …, key: … } }
c.yaml:1:12: config: authority needs root_cert\n  try: write the path of the root's certificate, such as ./pki/root.crt
c.yaml:1:12: config: authority needs a ledger to record what it issues\n  try: write ledger: { url: \"sqlite:./state/ledger.db\" }
c.yaml:1:26: config: authority profile \"odd\" is not built in and needs lifetime and usages\n  try: write both, such as lifetime: 90d and usages: [client]
c.yaml:1:55: config: authority profile \"client\" has no lifetime\n  try: write a lifetime such as 90d
c.yaml:1:67: config: authority profile \"client\" may be used for nothing\n  try: write usages: [client], [server], or both
c.yaml:1:92: config: authority.crl.lifetime is no lifetime\n  try: write a lifetime such as 24h"
    );
    assert_eq!(
        said(&with(
            "authority: { issuers: { client: { cert: c, key: k, key_password_env: NONE } }, root_cert: r }\nledger: { url: 'mysql:x' }"
        )),
        "c.yaml:1:70: config: authority issuer \"client\": key_password_env names \"NONE\", which is not set\n  try: set \
         NONE to the key's password\nc.yaml:2:16: ledger.url \"mysql:x\" is not known (want \"sqlite:\" and the path of a \
         file, or \"postgresql://\" and where a database is)"
    );
}

#[test]
fn the_way_to_a_ledger_on_another_machine_is_protected_and_each_missing_thing_is_said() {
    let at = |parameters: &str| said(&with(&format!("ledger: {{ url: \"postgresql://u@db{parameters}\" }}")));
    for (parameters, words) in [
        ("", "sslmode=verify-full needs sslrootcert"),
        ("", "needs a client certificate"),
        ("?sslmode=require", "sslmode=require is for a server on this machine"),
        ("?sslmode=disable", "sslmode=disable is for a server on this machine"),
        ("?sslmode=prefer", "sslmode=prefer falls back to plaintext"),
        ("?sslmode=strict", "sslmode \"strict\""),
        ("?sslcert=c", "sslcert is set but sslkey is not"),
        ("?sslkey=c", "sslkey is set but sslcert is not"),
        ("?sslrootcert=system", "every public authority"),
        ("?sslrotcert=c", "did you mean sslrootcert?"),
        ("?sslcrl=c", "libpq knows and a ledger does not"),
        ("?connect_timeout=soon", "is no number of seconds"),
    ] {
        let said = at(parameters);
        assert!(said.contains(words) && said.contains("c.yaml:1:16:"), "{parameters}: {said}");
    }
    assert_eq!(at("?sslrootcert=r&sslcert=c&sslkey=k"), "nothing is wrong");
    let password = said(&with("ledger: { url: \"postgresql://u:hunter2@db?sslmode=verify-full\" }"));
    assert!(password.contains("holds a password") && !password.contains("hunter2"), "{password}");
}

#[test]
fn what_is_weaker_is_for_this_machine_and_must_be_written_out() {
    let url = |url: &str| said(&with(&format!("ledger: {{ url: \"{url}\" }}")));
    for well in [
        "postgresql://u@localhost/d?sslmode=disable",
        "postgresql://u@127.0.0.1/d?sslmode=require",
        "postgresql://u@[::1]/d?sslmode=verify-ca&sslrootcert=r",
        "postgresql://u@db?hostaddr=127.0.0.1&sslmode=disable",
        "postgresql:///d?user=u&host=/run/postgresql&sslmode=disable",
    ] {
        assert_eq!(url(well), "nothing is wrong", "{well}");
    }
    assert!(url("postgresql://u@localhost/d").contains("sslmode=verify-full needs sslrootcert"));
    assert!(url("postgresql://u@localhost?hostaddr=192.0.2.1&sslmode=disable").contains("on this machine"));
    assert!(url("postgresql:///d?user=u&host=/run/postgresql").contains("Unix socket"));
    assert!(url("postgresql:///d?user=u").contains("has no host"));
}
