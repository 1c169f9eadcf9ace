//! A real PostgreSQL and a real redis accept a service by its own certificate (S4-8, S4-10).

use testkit::postgres::Setting;
use testkit::{Postgres, Ran, Redis};

use super::estate::Estate;

/// What `cert export` prints for a service, and what it says.
fn exported(estate: &Estate, client: &str, more: &[&str]) -> Ran {
    let args = ["cert", "export", "--service", "worker", "--realm", "r", "--for", client];
    estate.world.countersign(&[&args, more].concat())
}

/// Runs the line that was printed, as it stands there.
fn run(estate: &Estate, line: &str, more: &str) -> Ran {
    estate.world.try_sh(&format!("{} {more}", line.trim()))
}

/// S4-8, S4-10 (3): PostgreSQL takes the service's own certificate, before a rotation and after it.
#[test]
fn postgresql_accepts_a_service_by_its_own_certificate_through_a_rotation() {
    let estate = Estate::new();
    let node = estate.serve();
    // What the server trusts must be where it may read it.
    let trusted = tempfile::Builder::new().prefix("trusted-").tempdir().expect("a folder");
    let ca = trusted.path().join("ca.crt");
    estate.world.sh(&format!(
        "cp r/pki/root.crt {0}; chmod 755 {1}; chmod 644 {0}",
        ca.display(),
        trusted.path().display()
    ));
    let server = Postgres::with(Setting {
        conf: &format!("ssl_ca_file = '{}'", ca.display()),
        hba: "hostssl all worker 127.0.0.1/32 cert clientcert=verify-full",
    });
    server.sql("postgres", "CREATE USER worker");
    let (port, cacert) = (server.port().to_string(), server.file("ca.crt").display().to_string());
    let line = exported(
        &estate,
        "libpq",
        &["--host", "localhost", "--port", &port, "--database", "postgres", "--cacert", &cacert],
    );
    let line = line.succeeded().stdout;
    let who =
        |line: &str| run(&estate, line.lines().next().unwrap_or_default(), "-Atc 'SELECT current_user'");
    assert_eq!(who(&line).succeeded().stdout.trim(), "worker", "{line}");
    let before = estate.serial("worker");
    assert_eq!(estate.rotate(&node, "worker").status, 200);
    assert_ne!(estate.serial("worker"), before);
    assert_eq!(who(&line).succeeded().stdout.trim(), "worker", "the same line, the new certificate");
    let foreign = line.replace(&estate.files("worker")[0].display().to_string(), "admin.crt");
    let foreign = foreign.replace(&estate.files("worker")[1].display().to_string(), "admin.key");
    assert_ne!(who(&foreign).code, Some(0), "another's certificate is not the service's");
}

/// S4-8: redis with `tls-auth-clients yes` takes it, and nobody who has none.
#[test]
fn redis_accepts_a_service_by_its_own_certificate() {
    let estate = Estate::new();
    let node = estate.serve();
    let current = "r/state/services/backend/current";
    let redis = Redis::start(
        &estate.world,
        &format!("{current}/tls.crt"),
        &format!("{current}/tls.key"),
        "r/pki/root.crt",
    );
    let (port, cacert) =
        (redis.port().to_string(), estate.world.path("r/pki/root.crt").display().to_string());
    let line = exported(&estate, "redis", &["--host", "127.0.0.1", "--port", &port, "--cacert", &cacert]);
    let line = line.succeeded().stdout;
    run(&estate, &line, "PING").succeeded().says("PONG");
    assert_eq!(estate.rotate(&node, "worker").status, 200);
    run(&estate, &line, "PING").succeeded().says("PONG");
    let nobody =
        estate.world.try_sh(&format!("redis-cli -h 127.0.0.1 -p {port} --tls --cacert {cacert} PING"));
    assert!(!nobody.said().contains("PONG"), "{nobody}");
}

/// S4-8: a service whose certificate is revoked, expired or missing has no identity, and is told so.
#[test]
fn a_service_whose_certificate_is_revoked_or_missing_has_no_identity() {
    let estate = Estate::new();
    exported(&estate, "redis", &[]).exited(2).says("has no identity to present").says("no certificate here");
    drop(estate.serve());
    exported(&estate, "redis", &[]).succeeded();
    let serial = estate.serial("worker");
    let args = ["cert", "revoke", &serial, "--reason", "keyCompromise", "--realm", "r"];
    estate.world.countersign(&args).succeeded();
    exported(&estate, "redis", &[]).exited(2).says("has no identity to present").says("revoked");
    estate.configured("    service: { cert: pki/issuers/service.crt, key: pki/issuers/service.key }\n", "");
    estate.configured("service: backend, client_ca", "service: worker, client_ca");
    // Nothing else could be presented in its place.
    estate
        .world
        .countersign(&["serve", "--config", "r/countersign.yaml"])
        .exited(2)
        .says("Intermediate CA not configured");
}

/// A copy is what was asked for: whole, and private.
#[test]
fn a_copy_of_a_services_certificate_is_whole_and_private() {
    let estate = Estate::new();
    drop(estate.serve());
    exported(&estate, "libpq", &["--cacert", "r/pki/root.crt", "--out", "copied"]).succeeded();
    for (file, mode) in [("postgresql.crt", 0o644), ("postgresql.key", 0o600), ("root.crt", 0o644)] {
        assert_eq!(estate.world.mode(format!("copied/{file}")), mode, "{file}");
    }
    estate.openssl("verify -CAfile r/pki/root.crt -untrusted copied/postgresql.crt copied/postgresql.crt");
    estate.openssl("pkey -in copied/postgresql.key -noout");
}
