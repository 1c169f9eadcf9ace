//! What a person reads when a configuration is wrong.

mod access;
mod doors;
mod http;
mod publishing;
mod revocation;
mod sections;
mod services;
mod upstreams;

use std::collections::BTreeMap;
use std::path::Path;

use countersign_config::{Overrides, Sources, read_text};

/// Everything that is said about the text.
fn said(text: &str) -> String {
    said_with(text, &[])
}

fn said_with(text: &str, env: &[(&str, &str)]) -> String {
    match read_text(&sources(env), text, Path::new("/etc/countersign")) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(faults) => faults.to_string(),
    }
}

fn sources(env: &[(&str, &str)]) -> Sources {
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Sources { file: Some("c.yaml".into()), env, overrides: Overrides::default() }
}

/// A whole configuration in which one section is replaced.
fn with(section: &str) -> String {
    let base = [
        ("tls", "tls: { prod: { mode: files, cert: s.crt, key: s.key, client_ca: ca.crt } }"),
        (
            "listeners",
            "listeners: [ { name: h2, transport: h2, address: \"127.0.0.1:7777\", tls: prod, auth: [mtls] } ]",
        ),
        (
            "auth",
            "auth: { principals: [ { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] } ] }",
        ),
        ("databases", "databases: [ { name: app, backend: file, path: app.db } ]"),
    ];
    let name = section.split(':').next().unwrap_or_default();
    let kept = base.iter().filter(|(of, _)| *of != name).map(|(_, line)| *line);
    std::iter::once(section).chain(kept).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_base_of_these_tests_is_valid() {
    assert_eq!(said(&with("limits: {}")), "nothing is wrong");
}

#[test]
fn an_unknown_key_names_the_nearest_and_the_line() {
    assert_eq!(
        said(&with("limits:\n  max_row: 5\n  colour: red")),
        "c.yaml:2:3: unknown key \"max_row\" in limits\n  try: did you mean \"max_rows\"?\n\
         c.yaml:3:3: unknown key \"colour\" in limits\n  try: the known keys are max_rows, max_result_bytes, \
         max_request_bytes, statement_timeout, handshake_timeout, header_timeout, body_timeout, idle_timeout, \
         max_connections, max_connections_per_ip, handshakes_per_ip, max_concurrent_per_db, rate, shutdown"
    );
    let top = with("lisseners: []");
    assert_eq!(said(&top), "c.yaml:1:1: unknown key \"lisseners\"\n  try: did you mean \"listeners\"?");
}

#[test]
fn leniency_turns_unknown_keys_into_warnings() {
    let mut sources = sources(&[]);
    sources.overrides.lenient = true;
    let (_, warnings) = read_text(&sources, &with("limits: { max_row: 5 }"), Path::new("/")).unwrap();
    assert_eq!(warnings[0].what(), "unknown key \"max_row\" in limits");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let text = "\
environment: prod
limits: { max_rows: many, statement_timeout: 30, max_result_bytes: 8MB }
logging: { format: xml, access: maybe }
tls: { prod: { mode: files, cert: s.crt } }
listeners:
  - { name: a, transport: h2, address: 7777, tls: prud, auth: [] }
  - { name: a, transport: h1, address: '0.0.0.0:80', auth: [mtls, telepathy] }
  - { name: pg, transport: redis, address: ./x, auth: [peercred] }
databases: [ { name: query, mode: w } ]
";
    assert_eq!(
        said(text),
        "c.yaml:1:14: environment \"prod\" is not known (want development, staging or production)
c.yaml:2:21: limits.max_rows \"many\" is not a whole number such as 100000
c.yaml:2:46: limits.statement_timeout \"30\" is not a duration (want a number with d, h, m, s or ms, such as 90d or 500ms)
c.yaml:2:68: limits.max_result_bytes \"8MB\" is not a size (want a number with B, KiB, MiB or GiB, such as 8MiB)
c.yaml:3:20: logging.format \"xml\" is not known (want text or json)
c.yaml:3:33: logging.access \"maybe\" is neither true nor false
c.yaml:4:8: config: tls profile \"prod\" is used by no listener
  try: write tls: prod under a listener, or leave the profile out
c.yaml:4:8: config: tls profile \"prod\" (files) needs cert and key
  try: write the paths of both
c.yaml:6:40: config: listener \"a\": the address \"7777\" is not HOST:PORT
  try: write it like 127.0.0.1:7777, [::1]:7777 or :7777
c.yaml:6:51: config: listener \"a\" references unknown tls profile \"prud\"
  try: did you mean \"prod\"?
c.yaml:6:63: config: listener \"a\" has an empty auth list
  try: write auth: [mtls]; only auth: [none] lets anonymous peers in
c.yaml:7:13: config: duplicate listener \"a\"
  try: give each its own name
c.yaml:7:61: config: listener \"a\": mtls auth requires a tls profile (with client_ca)
  try: add client_ca, the authorities that may vouch for clients, to the tls profile
c.yaml:7:67: listeners[1].auth[1] \"telepathy\" is not known (want mtls or none)
c.yaml:8:28: listeners[2].transport \"redis\" is not available in this version
c.yaml:8:56: listeners[2].auth[0] \"peercred\" is not available in this version
c.yaml:9:22: config: database \"query\" has an invalid or reserved name (want ASCII letters, digits, \"-\", \".\" and \"_\", not beginning with \"_\", and none of query, v2, v3, export, backup, changeset, blob, changes)
  try: choose another name
c.yaml:9:22: config: database \"query\" (file) needs a path
  try: write path: ./data/query.db
c.yaml:9:35: databases[0].mode \"w\" is not known (want rw, ro or rwc)
  try: did you mean \"rw\"?"
    );
}

#[test]
fn variables_are_replaced_and_missing_ones_are_named_with_their_key() {
    let text = with("databases: [ { name: app, path: \"${DATA}/$$x/${NAME:-app}.db\" } ]");
    assert_eq!(said_with(&text, &[("DATA", "/data")]), "nothing is wrong");
    assert_eq!(
        said(&text),
        "c.yaml:1:33: databases[0].path: the variable \"DATA\" is not set\n  try: set it, or give a default: \
         ${DATA:-value}"
    );
}

#[test]
fn text_that_is_no_configuration_says_where() {
    assert_eq!(
        said("tls: [1"),
        "c.yaml:2:1: the configuration is not valid YAML\n  cause: while parsing a flow sequence, \
         expected ',' or ']'"
    );
    assert_eq!(said("- a"), "c.yaml:1:1: the configuration is a list, want a table of keys");
    assert_eq!(
        said("a: 1\na: 2"),
        "c.yaml:2:1: the configuration is not valid YAML\n  cause: duplicated key in mapping"
    );
    assert_eq!(said(&with("limits: 5")), "c.yaml:1:9: limits is a single value, want a table of keys");
    assert_eq!(
        said(&with("limits: { max_rows: [1] }")),
        "c.yaml:1:21: limits.max_rows is a list, want number"
    );
    assert_eq!(
        said(&with("databases: { app: {} }")),
        "c.yaml:1:12: databases is a table of keys, want a list\n  try: begin each item with \"- \", or use [ ]"
    );
}
