//! Who is let in, by whom, and what is said otherwise.

use std::path::PathBuf;

use ledger::Ledger;
use testkit::postgres::Setting;
use testkit::{Postgres, World, certificate};

use super::{draft, issued, spec};
use crate::{Address, PostgresLedger, PostgresSpec, Protection};

async fn refused(spec: PostgresSpec) -> String {
    PostgresLedger::open(spec).await.unwrap_err().to_string()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected to read {part:?} in:\n{text}");
    }
}

/// The server's authority, with its key, in a world of its own.
fn authority(server: &Postgres) -> World {
    let world = World::new();
    world.write("ca.crt", std::fs::read(server.file("ca.crt")).unwrap());
    world.write_secret("ca.key", std::fs::read(server.file("ca.key")).unwrap());
    world
}

fn of(world: &World, name: &str) -> Option<(PathBuf, PathBuf)> {
    Some((world.path(format!("{name}.crt")), world.path(format!("{name}.key"))))
}

#[tokio::test]
async fn every_connection_is_the_certificate_s_over_tls() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    issued(&ledger, 1).await;
    ledger.changed(0).await.unwrap();
    let connections = server.sql(
        &database,
        &format!(
            "SELECT DISTINCT usename, ssl, client_dn, application_name FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE datname = '{database}' AND usename <> 'postgres'"
        ),
    );
    assert_eq!(connections, "countersign_user|t|/CN=countersign_user|countersign");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted_and_both_are_named() {
    let server = Postgres::shared();
    let world = World::new();
    world.sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt -days 9 -subj '/CN=another CA'");
    let protection = Protection::Full(world.path("other.crt"));
    let said = refused(PostgresSpec { protection, ..spec(server, "postgres") }).await;
    says(&said, &["certificate verify failed", "database CA", "another CA", "other.crt", "sslrootcert"]);
}

#[tokio::test]
async fn a_server_by_another_name_is_not_trusted() {
    let server = Postgres::shared();
    let address = Address::Tcp {
        host: "db.example.org".into(),
        addr: Some([127, 0, 0, 1].into()),
        port: server.port(),
    };
    let by_name = PostgresSpec { address, ..spec(server, &server.database()) };
    let said = refused(by_name.clone()).await;
    says(&said, &["certificate verify failed", "not for this host", "db.example.org"]);
    let chain = PostgresSpec { protection: Protection::Chain(server.file("ca.crt")), ..by_name };
    PostgresLedger::open(chain).await.unwrap();
}

#[tokio::test]
async fn the_server_s_no_is_told_with_what_to_do() {
    let server = Postgres::shared();
    let plain = || spec(server, "postgres");
    let said = refused(PostgresSpec { credential: None, ..plain() }).await;
    says(&said, &["FATAL:  connection requires a valid client certificate", "COUNTERSIGN_SSL_CERT"]);

    let world = authority(server);
    certificate::client(&world, "ca", "somebody_else");
    let said = refused(PostgresSpec { credential: of(&world, "somebody_else"), ..plain() }).await;
    says(&said, &["certificate authentication failed for user \"countersign_user\"", "common name"]);

    let said = refused(PostgresSpec { protection: Protection::Plaintext, ..plain() }).await;
    says(&said, &["no pg_hba.conf entry", "no encryption", "hostssl postgres countersign_user"]);

    let said = refused(spec(server, "nowhere")).await;
    says(&said, &["database \"nowhere\" does not exist", "CREATE DATABASE nowhere OWNER countersign_user"]);

    let said = refused(plain()).await;
    says(
        &said,
        &[
            "permission denied for database postgres",
            "CREATE SCHEMA countersign AUTHORIZATION countersign_user",
        ],
    );

    let closed = Address::Tcp { host: "localhost".into(), addr: None, port: 1 };
    let said = refused(PostgresSpec { address: closed, ..plain() }).await;
    says(&said, &["localhost:1/postgres", "connection was refused", "start PostgreSQL"]);
}

#[tokio::test]
async fn a_database_without_a_ledger_is_left_without_one_by_whoever_looks_for_it() {
    let server = Postgres::shared();
    let database = server.database();
    let said = PostgresLedger::open_existing(spec(server, &database)).await.unwrap_err().to_string();
    says(&said, &["holds no ledger", "ledger.url", "countersign init"]);
    let made = server.sql(&database, "SELECT count(*) FROM pg_namespace WHERE nspname = $$countersign$$");
    assert_eq!(made.trim(), "0");
    PostgresLedger::open(spec(server, &database)).await.unwrap().close().await.unwrap();
    PostgresLedger::open_existing(spec(server, &database)).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_was_replaced_is_presented_by_the_next_connection() {
    let server = Postgres::shared();
    let world = authority(server);
    certificate::client(&world, "ca", "countersign_user");
    let database = server.database();
    let spec = PostgresSpec { credential: of(&world, "countersign_user"), ..spec(server, &database) };
    let ledger = PostgresLedger::open(spec).await.unwrap();
    let serials = || {
        server.sql(
            &database,
            &format!(
                "SELECT DISTINCT client_serial FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '{database}'
                 AND usename <> 'postgres'"
            ),
        )
    };
    let first = serials();
    certificate::client(&world, "ca", "countersign_user");
    server.sql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
    );
    super::once_back(|| ledger.record(draft(1))).await;
    let second = serials();
    assert!(!second.contains(&first), "{first} {second}");
}

#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    let server = Postgres::shared();
    let world = authority(server);
    certificate::client(&world, "ca", "countersign_user");
    world.set_mode(world.path("countersign_user.key"), 0o644);
    let said =
        refused(PostgresSpec { credential: of(&world, "countersign_user"), ..spec(server, "postgres") })
            .await;
    says(&said, &["has group or world access", "countersign_user.key"]);
}

#[tokio::test]
async fn a_newer_ledger_and_a_schema_of_somebody_else_s_are_left_as_they_are() {
    let server = Postgres::shared();
    let database = server.database();
    drop(PostgresLedger::open(spec(server, &database)).await.unwrap());
    server.sql(&database, "INSERT INTO countersign.schema_version OVERRIDING SYSTEM VALUE VALUES (99)");
    says(
        &refused(spec(server, &database)).await,
        &["newer countersign", "version is 99", "run the newer countersign"]
            .map(|part| if part == "version is 99" { "version 99" } else { part }),
    );

    let foreign = server.database();
    server.sql(&foreign, "CREATE SCHEMA countersign; CREATE TABLE countersign.revision (mine int); GRANT ALL ON SCHEMA countersign TO countersign_user");
    says(&refused(spec(server, &foreign)).await, &["a schema \"countersign\" that is no ledger"]);
    assert_eq!(
        server
            .sql(&foreign, "SELECT count(*) FROM pg_class WHERE relnamespace = 'countersign'::regnamespace"),
        "1"
    );
}

/// An administrator who gives nobody the right to make a schema makes it instead.
#[tokio::test]
async fn an_empty_schema_that_was_made_for_the_user_is_used_beside_whatever_else_is_there() {
    let server = Postgres::shared();
    let database = server.database();
    server.sql(
        &database,
        &format!(
            "ALTER DATABASE {database} OWNER TO postgres; CREATE SCHEMA countersign AUTHORIZATION countersign_user;
             CREATE TABLE public.certificates (mine int); INSERT INTO public.certificates VALUES (1)"
        ),
    );
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    issued(&ledger, 1).await;
    assert_eq!(server.sql(&database, "SELECT * FROM public.certificates"), "1");
    assert_eq!(server.sql(&database, "SELECT count(*) FROM countersign.certificates"), "1");
}

#[tokio::test]
async fn a_server_that_keeps_nothing_is_refused_and_one_that_answers_early_is_made_to_wait() {
    let server = Postgres::with(Setting { conf: "synchronous_commit = off", ..Setting::default() });
    let ledger = PostgresLedger::open(spec(&server, "countersign")).await.unwrap();
    let session = ledger.writing.session().await.unwrap();
    let rows = session.query("SELECT current_setting('synchronous_commit') AS setting", &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, String>("setting"), "on");
    server.sql("postgres", "ALTER SYSTEM SET fsync = off");
    server.sql("postgres", "SELECT pg_reload_conf()");
    testkit::patience::wait_for(
        "fsync = off",
        || server.log(),
        || (server.sql("postgres", "SHOW fsync") == "off").then_some(()),
    );
    says(&refused(spec(&server, "countersign")).await, &["fsync = off", "set fsync = on"]);
}
