//! The enforcement matrix: every way to present a certificate, on every transport, at every moment.

use std::path::Path;

use access::Accepted;
use config::{ClientAuth, Overrides, Plan, Sources, TlsVersion};
use matrix::{Case, Report, Source};
use serde_json::Value;
use testkit::revocation::List;
use testkit::{Node, Ran, World, binary};

use crate::production::{Production, replaced};

/// Runs the matrix on a configuration and returns its JSON; nothing is left open but what must be.
fn passes(world: &World, file: &str, at_least: u64) -> Value {
    let ran = tried(world, file).exited(0);
    let report: Value = serde_json::from_str(&world.read("matrix.json")).expect("JSON");
    assert_eq!(report["passed"], true, "{ran}");
    assert!(report["counts"]["cells"].as_u64() >= Some(at_least), "{ran}");
    assert_eq!(report["counts"]["passed"], report["counts"]["cells"], "{ran}");
    let page = world.read("matrix.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("Every cell is as it must be"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http:"), "the page needs nothing beside it");
    report
}

fn tried(world: &World, file: &str) -> Ran {
    world.countersign(&["check", file, "--matrix", "--report", "matrix"])
}

/// The cells of all tables with this case, where there is such a cell.
fn cells<'a>(report: &'a Value, case: &str) -> Vec<&'a Value> {
    let tables = report["tables"].as_array().expect("tables").iter();
    let cells = tables.flat_map(|table| table["cells"].as_array().expect("cells"));
    cells.filter(|cell| cell["case"] == case && cell["verdict"] != "impossible").collect()
}

/// S1-5's file: whoever has no good certificate of a principal does not come in, in any way that there is.
#[test]
fn every_cell_of_the_production_file_is_as_it_must_be() {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    let report = passes(&production.world, "countersign.yaml", CELLS);
    for case in ["no certificate", "expired", "weak key (RSA 1024)", "weak signature (SHA-1)"] {
        for cell in cells(&report, case) {
            assert!(cell["seen"].as_str().is_some_and(|seen| seen.starts_with("alert ")), "{cell}");
        }
    }
    let valid = cells(&report, "valid");
    for when in ["fresh", "fresh, after reload", "open before, after reload", "fresh, after CA swap"] {
        let at = |cell: &&&Value| cell["moment"] == when && cell["seen"] == "let in as analyst";
        assert_eq!(valid.iter().filter(at).count(), 2, "{when}: {valid:?}");
    }
    assert!(!production.world.path("app.db").exists(), "the rehearsal leaves the user's own alone");
}

/// A realm of `up`: its certificates come from its own authority, and the rehearsal has another.
#[test]
fn every_cell_of_a_realm_is_as_it_must_be() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    let before = world.sh("find realm -type f | sort | xargs sha256sum").stdout;
    let report = passes(&world, "realm/countersign.yaml", CELLS);
    let ours = cells(&report, "revoked by our own authority");
    assert!(ours.iter().filter(|cell| cell["recorded"] == "certificate-revoked").count() >= 12, "{ours:?}");
    assert_eq!(world.sh("find realm -type f | sort | xargs sha256sum").stdout, before);
}

/// Where a certificate may be left out, a bad one still counts as bad and never as none.
#[test]
fn every_cell_of_a_listener_that_lets_anonymous_peers_in_is_as_it_must_be() {
    let production = Production::new();
    let text = replaced(&production.written(), "auth: [mtls]", "auth: [mtls, none]");
    let text = replaced(&text, "\"1.3\"", "\"1.2\"");
    production.world.write("countersign.yaml", text);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    for cell in cells(&report, "no certificate") {
        assert_eq!(cell["seen"], "let in, anonymous");
    }
    for cell in cells(&report, "expired") {
        assert_eq!(cell["seen"], "alert certificate_expired");
        assert_eq!(cell["recorded"], "certificate-expired");
    }
}

/// Clear text beside TLS, several listeners, no X.509 version 1, a switched-off principal, an entry with many fields.
#[test]
fn every_cell_of_a_file_with_every_kind_of_listener_is_as_it_must_be() {
    let production = Production::new();
    production.world.write("countersign.yaml", EVERY_KIND);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    let listeners: Vec<&str> = report["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .filter_map(|table| table["listener"].as_str())
        .collect();
    for name in ["strict", "lenient", "nobody", "plain"] {
        assert!(listeners.contains(&name), "{name}: {listeners:?}");
    }
}

/// PostgreSQL's protocol, asked for and begun directly, beside HTTP on the same certificates: one door.
#[test]
fn every_cell_of_listeners_for_postgresql_is_as_it_must_be() {
    let production = Production::new();
    production.world.write("countersign.yaml", FOR_POSTGRESQL);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    let wires: Vec<&str> = report["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .filter(|table| table["listener"] == "pg")
        .filter_map(|table| table["wire"].as_str())
        .collect();
    for begun in ["postgresql (SSLRequest) over TLS 1.3", "postgresql (direct) over TLS 1.3"] {
        assert!(wires.contains(&begun), "{begun}: {wires:?}");
    }
    let valid = cells(&report, "valid");
    assert!(valid.iter().any(|cell| cell["seen"] == "let in as analyst"), "{valid:?}");
    let nameless = cells(&report, "no certificate");
    assert!(nameless.iter().any(|cell| cell["recorded"] == "role-not-allowed"), "{nameless:?}");
}

/// Whoever is on a list, or whose serial number is denied, is revoked, whatever else is configured about it.
#[test]
fn every_cell_of_a_file_with_sources_of_revocation_is_as_it_must_be() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").write("clients.crl");
    let text = replaced(&production.written(), "    min_version", &format!("{REVOCATION}    min_version"));
    world.write("countersign.yaml", text);
    let report = passes(world, "countersign.yaml", CELLS);
    for case in ["revoked by serial number", "revoked by a list (CRL)"] {
        let revoked = cells(&report, case);
        let told = revoked.iter().filter(|cell| cell["recorded"] == "certificate-revoked");
        assert!(told.count() >= 4, "{case}: {revoked:?}");
    }
}

/// Where authorities are asked, the list that a certificate names is fetched, and whoever is on it does not come in.
#[test]
fn every_cell_of_a_file_that_asks_authorities_is_as_it_must_be() {
    let production = Production::new();
    let asking = "    revocation: { verification: true }\n    min_version";
    let text = replaced(&production.written(), "    min_version", asking);
    production.world.write("countersign.yaml", text);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    let fetched = cells(&report, "revoked by a list that is fetched");
    assert!(
        fetched.iter().filter(|cell| cell["recorded"] == "certificate-revoked").count() >= 8,
        "{fetched:?}"
    );
    let placeless = cells(&report, "X.509 version 1");
    assert!(placeless.iter().any(|cell| cell["recorded"] == "revocation-unknown"), "{placeless:?}");
}

/// Harper's block: whoever a certificate names comes in under that name, unless its authority has revoked it.
#[test]
fn every_cell_of_harpers_block_is_as_it_must_be() {
    let production = Production::new();
    production.world.write("countersign.yaml", HARPER);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    assert!(!cells(&report, "revoked by a list that is fetched").is_empty(), "{report}");
}

/// The environment alone: whoever a certificate names comes in under that name.
#[test]
fn every_cell_of_the_short_spelling_is_as_it_must_be() {
    let production = Production::new();
    let yaml =
        "tls: { enabled: true, certFile: server.crt, keyFile: server.key, clientCAFile: client-ca.crt }";
    production.world.write("countersign.yaml", yaml);
    let report = passes(&production.world, "countersign.yaml", CELLS);
    let valid = cells(&report, "valid");
    assert!(valid.iter().all(|cell| cell["seen"] == "let in as countersign matrix client"), "{valid:?}");
}

/// A node that serves something weaker than what it is held to is found out, and by whom it lets in.
#[test]
fn a_node_that_is_weaker_than_its_configuration_is_found_out() {
    let production = Production::new();
    let plan = plan(&production, &production.written());
    for (weakened, let_in) in [
        (with(&plan, |plan| plan.listeners[0].auth.push(Accepted::None)), Case::NoCertificate),
        (with(&plan, |plan| profile(plan).client_auth = Some(ClientAuth::Request)), Case::NoCertificate),
        (with(&plan, |plan| profile(plan).min_version = TlsVersion::V1_2), Case::Valid),
    ] {
        let report = held_to(&plan, &weakened);
        assert!(!report.passed);
        let found = report.unmet().any(|(_, cell)| cell.case == let_in);
        assert!(found, "{let_in}: {:?}", report.unmet().collect::<Vec<_>>());
    }
}

/// The same over PostgreSQL's protocol: whoever was to end in the handshake gets as far as a word.
#[test]
fn a_listener_for_postgresql_that_is_weaker_than_its_configuration_is_found_out() {
    let production = Production::new();
    let plan = plan(&production, FOR_POSTGRESQL);
    let weakened = with(&plan, |plan| profile(plan).client_auth = Some(ClientAuth::Request));
    let report = held_to(&plan, &weakened);
    let found = report.unmet().filter(|(row, cell)| row.listener == "pg" && cell.case == Case::NoCertificate);
    assert!(!report.passed && found.count() >= 3, "{:?}", report.unmet().collect::<Vec<_>>());
}

/// A node without the list that its configuration names lets in who is on it, and the matrix says so.
#[test]
fn a_node_that_forgot_its_revocation_list_is_found_out() {
    let production = Production::new();
    List::of(&production.world, "client-ca").write("clients.crl");
    let listed = replaced(&production.written(), "    min_version", &format!("{REVOCATION}    min_version"));
    let plan = plan(&production, &listed);
    let weakened = with(&plan, |plan| profile(plan).revocation.crl_files.clear());
    let weakened = with(&weakened, |plan| profile(plan).revocation.policy = Default::default());
    let report = held_to(&plan, &weakened);
    let on_the_list = |(_, cell): &(_, &matrix::Cell)| cell.case == Case::Revoked(Source::List);
    assert!(!report.passed);
    assert!(report.unmet().filter(on_the_list).any(|(_, cell)| cell.is_let_in()));
}

/// What serve would refuse is refused before anything is tried, and a report without the matrix is a misunderstanding.
#[test]
fn a_report_needs_the_matrix_and_the_matrix_a_good_configuration() {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    let ran = production.world.countersign(&["check", "countersign.yaml", "--report", "matrix"]);
    ran.exited(2).says("--matrix");
    production.world.write("countersign.yaml", replaced(&production.written(), "[mtls]", "[mlts]"));
    tried(&production.world, "countersign.yaml").exited(2).says("mlts");
}

fn held_to(plan: &Plan, served: &Plan) -> Report {
    let now = time::OffsetDateTime::now_utc();
    matrix::rehearse_otherwise(plan, served, binary::path(), now).expect("a rehearsal")
}

fn plan(production: &Production, text: &str) -> Plan {
    let sources = Sources { file: None, env: Default::default(), overrides: Overrides::default() };
    let folder: &Path = production.world.folder();
    config::read_text(&sources, text, folder).expect("a good configuration").0
}

fn with(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut changed = plan.clone();
    change(&mut changed);
    changed
}

fn profile(plan: &mut Plan) -> &mut config::TlsPlan {
    plan.tls.get_mut("prod").expect("the profile of S1-5")
}

/// Cases times moments times ways to speak to one listener: fewer would mean that something is no longer tried.
const CELLS: u64 = 200;

const REVOCATION: &str = r#"    revocation:
      crl_files: [ "*.crl" ]
      revoked_serials: [ "0A:0b", { serial: ff, issuer: "CN=Old CA" } ]
      verification: { failure_mode: fail-closed, ocsp: false }
"#;

const HARPER: &str = "
tls: { certificate: server.crt, privateKey: server.key, certificateAuthority: client-ca.crt }
http: { securePort: 9926, mtls: { required: true, certificateVerification: { ocsp: false } } }
";

const EVERY_KIND: &str = r#"
tls:
  strict: { mode: files, cert: server.crt, key: server.key, client_ca: client-ca.crt, min_version: "1.2", allow_x509_v1: false }
  lenient: { mode: self_signed, hosts: ["*.example.com"], client_ca: client-ca.crt, client_auth: request }
  open: { mode: self_signed }
listeners:
  - { name: strict, transport: h2, address: 127.0.0.1:7777, tls: strict, auth: [mtls] }
  - { name: lenient, transport: h2, address: 127.0.0.1:7778, tls: lenient, auth: [none, mtls] }
  - { name: nobody, transport: h2, address: 127.0.0.1:7779, tls: open, auth: [none] }
  - { name: plain, transport: h1, address: 127.0.0.1:7780, auth: [none] }
auth:
  principals:
    - { name: retired, active: false, methods: [ { mtls: { subject_cn: retired } } ] }
    - name: service
      methods:
        - mtls:
            subject_cn: "$$service"
            subject_o: "development"
            subject_ou: "countersign-internal"
            san_dns: service.example.com
            san_uri: "spiffe://example.com/service"
            san_email: service@example.com
            san_ip: 192.0.2.1
            spki_sha256: "0000000000000000000000000000000000000000000000000000000000000000"
            issuer_spki_sha256: "0000000000000000000000000000000000000000000000000000000000000001"
            cert_sha256: "0000000000000000000000000000000000000000000000000000000000000002"
databases:
  - { name: app, backend: memory-shared, grants: [ { principal: service, level: read-write } ] }
limits: { max_connections_per_ip: 1, handshakes_per_ip: 1, rate: { per_principal_rps: 1 } }
"#;

/// Two listeners for PostgreSQL, with and without peers that have no name.
const FOR_POSTGRESQL: &str = r#"
tls:
  prod: { mode: files, cert: server.crt, key: server.key, client_ca: client-ca.crt, min_version: "1.2" }
  asking:
    mode: files
    cert: server.crt
    key: server.key
    client_ca: client-ca.crt
    revocation: { verification: true }
listeners:
  - { name: pg, transport: postgres, address: "127.0.0.1:6432", tls: prod, auth: [mtls] }
  - { name: lenient, transport: postgres, address: "127.0.0.1:6433", tls: asking, auth: [mtls, none] }
auth:
  principals:
    - { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] }
services:
  - name: orders-pg
    postgres: { address: "127.0.0.1:5432", database: orders, sslmode: disable, identity: shared }
databases:
  - { name: orders, backend: postgres, service: orders-pg, grants: [ { principal: analyst, level: read-write } ] }
"#;
