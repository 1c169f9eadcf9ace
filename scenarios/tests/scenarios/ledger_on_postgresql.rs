//! The ledger on PostgreSQL: the server as the manual sets it up, a realm on it, and a node that loses it for a while.

mod judged;
mod recorded;
mod rotated;
mod served;
mod shared;

use testkit::patience::wait_for;
use testkit::{Node, Postgres, Ran, World, certificate};

/// What `psql` says when it connects as `countersign_user`, with these settings of its own.
fn psql(world: &World, server: &Postgres, settings: &str, sql: &str) -> Ran {
    let (ca, port) = (server.file("ca.crt"), server.port());
    world.try_sh(&format!(
        "psql -XAtq -c '{sql}' 'host=localhost port={port} dbname=postgres user=countersign_user \
         sslmode=verify-full sslrootcert={} {settings}'",
        ca.display()
    ))
}

#[test]
fn a_server_set_up_as_the_manual_says_lets_in_the_name_of_the_certificate_and_nobody_else() {
    let (world, server) = (World::new(), Postgres::shared());
    let own = format!(
        "sslcert={} sslkey={}",
        server.file("client.crt").display(),
        server.file("client.key").display()
    );
    let who = "SELECT current_user, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    psql(&world, server, &own, who).succeeded().says("countersign_user|t|/CN=countersign_user");

    let none = "sslcert=/nonexistent sslkey=/nonexistent";
    psql(&world, server, none, who).exited(2).says("FATAL:  connection requires a valid client certificate");

    world.write("ca.crt", std::fs::read(server.file("ca.crt")).unwrap());
    world.write_secret("ca.key", std::fs::read(server.file("ca.key")).unwrap());
    certificate::client(&world, "ca", "somebody_else");
    psql(&world, server, "sslcert=somebody_else.crt sslkey=somebody_else.key", who)
        .exited(2)
        .says("FATAL:  certificate authentication failed for user \"countersign_user\"");
    world.sh(&format!(
        "! psql -XAtq -c 'SELECT 1' 'host=localhost port={} user=countersign_user dbname=postgres sslmode=disable'",
        server.port()
    ))
    .says("no encryption");
}

/// The variables that name the files of the connection.
fn variables(server: &Postgres) -> Vec<(&'static str, String)> {
    let file = |name| server.file(name).display().to_string();
    vec![
        ("COUNTERSIGN_SSL_CERT", file("client.crt")),
        ("COUNTERSIGN_SSL_KEY", file("client.key")),
        ("COUNTERSIGN_SSL_ROOTCERT", file("ca.crt")),
    ]
}

fn init(world: &World, url: &str, variables: &[(&str, String)]) -> Ran {
    let env: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.countersign_with(&["init", "my-repo", "--metadata-url", url], &env)
}

fn url(server: &Postgres, database: &str) -> String {
    format!("postgresql://countersign_user@localhost:{}/{database}?sslmode=verify-full", server.port())
}

/// What the node answers to a query of a client of the realm.
fn ask(world: &World, node: &Node, client: &str) -> Ran {
    let url = format!("https://localhost:{}", node.port());
    world.countersign(&[
        "query",
        "app",
        "SELECT 41 + 1 AS n",
        "--realm",
        "my-repo",
        "--url",
        &url,
        "--as",
        client,
    ])
}

#[test]
fn init_makes_a_realm_whose_ledger_is_a_database_and_a_second_run_changes_nothing() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = server.database();
    let (url, variables) = (url(server, &database), variables(server));
    init(&world, &url, &variables).succeeded();
    let rows = || server.sql(&database, "SELECT count(*), max(revision) FROM countersign.certificates");
    let made = rows();
    assert!(made.starts_with("6|"), "{made}");
    init(&world, &url, &variables).succeeded().says("nothing was changed");
    assert_eq!(rows(), made);
    assert!(!world.path("my-repo/state/ledger.db").exists());
    world.countersign(&["cert", "list", "--realm", "my-repo"]).succeeded().says("analyst");
}

#[test]
fn init_says_what_keeps_it_from_the_database_and_makes_nothing() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = server.database();
    let (url, all) = (url(server, &database), variables(server));
    init(&world, &url, &[]).exited(2).says("COUNTERSIGN_SSL_ROOTCERT");
    init(&world, &url, &all[2..])
        .exited(1)
        .says("FATAL:  connection requires a valid client certificate")
        .says("COUNTERSIGN_SSL_CERT");
    let elsewhere = "postgresql://user@db.example.com/countersign?sslmode=verify-full";
    init(&world, elsewhere, &all[2..]).exited(2).says("needs a client certificate");
    init(&world, &url.replace("verify-full", "prefer"), &all).exited(2).says("falls back to plaintext");
    let secret =
        init(&world, "postgresql://u:hunter2@db.example.com/d", &all).exited(2).says("holds a password");
    assert!(!secret.said().contains("hunter2"), "{secret}");
    world.sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt -days 9 -subj '/CN=another CA'");
    let mut wrong = all;
    wrong[2].1 = world.path("other.crt").display().to_string();
    init(&world, &url, &wrong)
        .exited(1)
        .says("certificate verify failed")
        .says("database CA")
        .says("another CA");
    assert!(!world.path("my-repo").exists());
}

#[test]
fn a_node_that_loses_its_ledger_goes_on_serving_says_so_and_recovers() {
    let (world, server) = (World::new(), Postgres::start());
    init(&world, &url(&server, "countersign"), &variables(&server)).succeeded();
    let node = Node::start(&world, &["up", "--realm", "my-repo", "--listen", "127.0.0.1:0"], &[]);
    world.countersign(&["cert", "issue", "--realm", "my-repo", "--cn", "guest"]).succeeded();
    ask(&world, &node, "analyst").succeeded().says("42");

    server.crash();
    node.logged(&["the ledger does not say what was revoked"]);
    ask(&world, &node, "analyst").succeeded().says("42");
    let door = format!("https://localhost:{}", node.port());
    world
        .countersign(&["status", "--realm", "my-repo", "--url", &door, "--as", "admin"])
        .says("not followed since");

    server.resume();
    node.logged(&["the ledger says again what was revoked"]);
    world.countersign(&["cert", "revoke", "my-repo/clients/analyst.crt", "--realm", "my-repo"]).succeeded();
    wait_for("the refusal", || node.log(), || (ask(&world, &node, "analyst").code != Some(0)).then_some(()));
    ask(&world, &node, "admin").succeeded().says("42");
    world.countersign(&["ca", "crl", "--realm", "my-repo"]).succeeded();
}
