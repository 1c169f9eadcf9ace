//! TLS profiles: what starts, what starts with a warning, and what does not start (T1 to T7, T22 to T24).

use testkit::Client;
use testkit::certificate::{self, More};
use time::Duration;

use crate::production::{Production, replaced};

/// T7: an unknown TLS version is refused in the documented words.
#[test]
fn an_unknown_tls_version_is_refused_in_the_documented_words() {
    let production = Production::new();
    let said = production.refuses(&replaced(&production.written(), r#""1.3""#, r#""1.1""#));
    assert!(said.contains(r#"invalid min_version "1.1" (want 1.2 or 1.3)"#), "{said}");
}

/// T1: an unknown profile and one that nobody uses are faults.
#[test]
fn an_unknown_profile_and_an_unused_one_are_faults() {
    let production = Production::new();
    let said = production.refuses(&replaced(&production.written(), "tls: prod\n", "tls: prd\n"));
    assert!(said.contains(r#"listener "h2" references unknown tls profile "prd""#), "{said}");
    let said = production.refuses(&replaced(
        &production.written(),
        "tls:\n  prod:",
        "tls:\n  spare: { mode: self_signed }\n  prod:",
    ));
    assert!(said.contains("spare"), "{said}");
}

/// T3: `tls:` on a cleartext transport, and mtls without TLS or without a client authority, do not start.
#[test]
fn what_cannot_be_enforced_does_not_start() {
    let production = Production::new();
    let yaml = production.written();
    let said = production.refuses(&replaced(&yaml, "transport: h2", "transport: h1"));
    assert!(said.contains("h1") && said.contains("tls"), "{said}");
    let said = production.refuses(&replaced(&yaml, "    tls: prod\n", ""));
    assert!(said.contains(r#"listener "h2" (h2) requires a tls profile"#), "{said}");
    let ca = yaml.lines().find(|line| line.contains("client_ca")).expect("a client_ca").to_owned();
    let said = production.refuses(&replaced(&yaml, &format!("{ca}\n"), ""));
    assert!(said.contains("client_ca"), "{said}");
}

/// T5: a self-signed certificate is for development: it serves with a loud line, and not in production.
#[test]
fn a_self_signed_certificate_serves_loudly_and_not_in_production() {
    let production = Production::new();
    let yaml = production.written();
    let here = production.world.folder().display().to_string();
    let yaml = yaml
        .replace("mode: files", "mode: self_signed")
        .replace(&format!("    cert: {here}/server.crt\n"), "")
        .replace(&format!("    key:  {here}/server.key\n"), "");
    let node = production.serve_written(&yaml);
    node.logged(&["serving a self-signed (dev-only) TLS certificate — do not use in production"]);
    assert_eq!(Client::new().presenting(&production.world, "analyst").knock(&node), Ok(200));
    drop(node);
    let said = production.refuses(&format!("environment: production\n{yaml}"));
    assert!(said.contains("self_signed") && said.contains("production"), "{said}");
}

/// T4: a certificate that is expired, one that does not match its key, and one that is a client's do not start.
#[test]
fn a_server_certificate_that_clients_would_refuse_does_not_start() {
    let production = Production::new();
    let world = &production.world;
    let here = world.folder().display().to_string();
    let yaml = production.written();
    certificate::shaped(world, "server-ca", "old", |params| {
        params.not_before = time::OffsetDateTime::now_utc() - Duration::days(3);
        params.not_after = time::OffsetDateTime::now_utc() - Duration::days(1);
    });
    let said = production.refuses(&yaml.replace(&format!("{here}/server."), &format!("{here}/old.")));
    assert!(said.contains("expired") && said.contains("old.crt"), "{said}");
    let said =
        production.refuses(&yaml.replace(&format!("{here}/server.key"), &format!("{here}/nobody.key")));
    assert!(said.contains("key values mismatch"), "{said}");
    assert!(said.contains(&testkit::openssl::spki_sha256(world, "server.crt")), "both hashes: {said}");
    assert!(said.contains(&testkit::openssl::spki_sha256(world, "nobody.crt")), "both hashes: {said}");
}

/// T4, T24: a certificate near its end, or without names, serves with a warning.
#[test]
fn a_server_certificate_near_its_end_or_without_names_serves_with_a_warning() {
    let production = Production::new();
    let world = &production.world;
    let here = world.folder().display().to_string();
    certificate::leaf(
        world,
        "server-ca",
        "nameless",
        "/CN=db.example.com",
        "extendedKeyUsage = serverAuth",
        &More::default(),
    );
    let yaml = production.written().replace(&format!("{here}/server."), &format!("{here}/nameless."));
    let node = production.serve_written(&yaml);
    node.logged(&["WARN", "nameless.crt", "expires in"]);
    node.logged(&["WARN", "nameless.crt", "alternative name"]);
}

/// T22: the client authorities may be a folder of files.
#[test]
fn the_client_authorities_may_be_a_folder() {
    let production = Production::new();
    let world = &production.world;
    certificate::authority(world, "second-ca", "second");
    certificate::client(world, "second-ca", "second");
    world.sh("mkdir authorities; cp client-ca.crt second-ca.crt authorities/");
    let here = world.folder().display().to_string();
    let node = production.serve_with(&format!("{here}/client-ca.crt"), &format!("{here}/authorities"));
    assert_eq!(Client::new().presenting(world, "analyst").knock(&node), Ok(200));
    assert_eq!(Client::new().presenting(world, "second").knock(&node), Ok(200));
}

/// T23: one key for both authorities is allowed, with a warning.
#[test]
fn one_authority_for_servers_and_clients_is_warned_of() {
    let production = Production::new();
    let here = production.world.folder().display().to_string();
    let node = production.serve_with(&format!("{here}/client-ca.crt"), &format!("{here}/server-ca.crt"));
    node.logged(&["WARN", "one authority"]);
}
