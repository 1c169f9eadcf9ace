//! The ledger's views, served through the door where the ledger is on PostgreSQL.

use testkit::postgres::Setting;
use testkit::{Node, Postgres, Ran, World, certificate};

use super::{init, url, variables};

const READER: &str = "hostssl all ledger_reader 0.0.0.0/0 cert clientcert=verify-full";

fn ask(world: &World, node: &Node, client: &str, sql: &str) -> Ran {
    let url = format!("https://localhost:{}", node.port());
    world.countersign(&["query", "ledger", sql, "--realm", "my-repo", "--url", &url, "--as", client])
}

/// The lines of the manual's page about the ledger.
fn configured(text: &str, server: &Postgres, database: &str) -> String {
    let served = "databases:
  - { name: ledger, backend: postgres, service: ledger-pg, grants: [ { principal: admin, level: read-only } ] }
";
    let port = server.port();
    let service = format!(
        "services:
  - name: ledger-pg
    postgres:
      address: \"localhost:{port}\"
      database: {database}
      ssl_rootcert: ../server-ca.crt
      ssl_cert: ../ledger_reader.crt
      ssl_key: ../ledger_reader.key
      identity: shared
      roles: {{ read-only: ledger_reader }}
"
    );
    assert!(text.contains("\ndatabases:\n"), "{text}");
    format!("{}{service}", text.replacen("databases:\n", served, 1))
}

#[test]
fn the_views_of_a_ledger_on_postgresql_are_served_through_the_door_to_those_with_a_grant() {
    let (world, server) = (World::new(), Postgres::with(Setting { hba: READER, ..Setting::default() }));
    let database = server.database();
    init(&world, &url(&server, &database), &variables(&server)).succeeded();
    server.sql(
        &database,
        "CREATE ROLE ledger_reader LOGIN;
         GRANT USAGE ON SCHEMA countersign TO ledger_reader;
         GRANT SELECT ON countersign.mtls_service_certificates, countersign.mtls_crl_entries,
           countersign.mtls_handshake_audit TO ledger_reader",
    );
    world.write("server-ca.crt", std::fs::read(server.file("ca.crt")).unwrap());
    world.write("ca.crt", std::fs::read(server.file("ca.crt")).unwrap());
    world.write_secret("ca.key", std::fs::read(server.file("ca.key")).unwrap());
    certificate::client(&world, "ca", "ledger_reader");
    let text = configured(&world.read("my-repo/countersign.yaml"), &server, &database);
    world.write("my-repo/countersign.yaml", text);
    let node = Node::start(&world, &["up", "--realm", "my-repo", "--listen", "127.0.0.1:0"], &[]);

    world
        .countersign(&["cert", "issue", "--realm", "my-repo", "--cn", "guest", "--out", "guest"])
        .succeeded();
    world.countersign(&["cert", "revoke", "guest/guest.crt", "--realm", "my-repo"]).succeeded();
    let revoked = "SELECT service_name FROM countersign.mtls_crl_entries";
    ask(&world, &node, "admin", revoked).succeeded().says("guest");
    ask(&world, &node, "analyst", revoked).exited(1).says("no-grant");
    // What is behind the views, and whatever would change something, the server itself refuses to this role.
    ask(&world, &node, "admin", "SELECT * FROM countersign.certificates").exited(1).says("permission denied");
    ask(&world, &node, "admin", "CREATE TABLE countersign.mine (n int)").exited(1);
}
