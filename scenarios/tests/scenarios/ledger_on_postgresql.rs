//! The ledger on PostgreSQL: the server as the manual sets it up.

use testkit::{Postgres, World, certificate};

/// What `psql` says when it connects as `countersign_user`, with these settings of its own.
fn psql(world: &World, server: &Postgres, settings: &str, sql: &str) -> testkit::Ran {
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
