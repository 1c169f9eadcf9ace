//! The ledger's server is judged as `replication` says: by lists, and by its authority's word (R22).

use std::fs;

use testkit::certificate::{self, More};
use testkit::revocation::List;
use testkit::services::{Answer, Services};
use testkit::{Node, Postgres, Ran, World, openssl};

use super::{ask, init, url, variables};

/// A world with the authority of the server, and the server's certificate.
fn authority(server: &Postgres) -> World {
    let world = World::new();
    for file in ["ca.crt", "server.crt"] {
        world.write(file, fs::read(server.file(file)).unwrap());
    }
    world.write_secret("ca.key", fs::read(server.file("ca.key")).unwrap());
    world
}

/// A realm in the database whose configuration says this of `replication.mtls`.
fn realm(world: &World, server: &Postgres, database: &str, mtls: &str) {
    init(world, &url(server, database), &variables(server)).succeeded();
    let yaml = world.read("my-repo/countersign.yaml");
    world.write("my-repo/first.yaml", &yaml);
    judged_by(world, mtls);
}

fn judged_by(world: &World, mtls: &str) {
    let yaml = world.read("my-repo/first.yaml");
    world.write("my-repo/countersign.yaml", format!("{yaml}\nreplication: {{ mtls: {{ {mtls} }} }}\n"));
}

fn up(world: &World) -> Node {
    Node::start(world, &["up", "--realm", "my-repo", "--listen", "127.0.0.1:0"], &[])
}

fn does_not_start(world: &World) -> Ran {
    world.countersign(&["up", "--realm", "my-repo", "--listen", "127.0.0.1:0"]).exited(1)
}

/// Ends every connection that the node has.
fn cut(server: &Postgres, database: &str) {
    server.sql(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
    );
}

/// The list is read for each connection: no restart, and no way back in for a server that was taken back meanwhile.
#[test]
fn a_ledger_s_server_that_is_on_a_list_is_not_connected_to_and_named_with_its_serial_and_the_list() {
    let server = Postgres::shared();
    let (world, database) = (authority(server), server.database());
    let serial = openssl::serial(&world, "server.crt");
    List::of(&world, "ca").write("database.crl");
    realm(&world, server, &database, "crl_files: [../database.crl]");
    let node = up(&world);
    ask(&world, &node, "analyst").succeeded();

    List::of(&world, "ca").revoking("server", "keyCompromise").numbered(2).write("database.crl");
    cut(server, &database);
    let said = node.logged(&["the ledger does not say what was revoked", "certificate verify failed"]);
    for part in [serial.as_str(), "keyCompromise", "database.crl", "localhost"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    ask(&world, &node, "analyst").succeeded();
    let listed = world.countersign(&["cert", "list", "--realm", "my-repo"]).exited(1);
    listed.says(&serial).says("database.crl").says("certificate has been revoked");

    List::of(&world, "ca").numbered(3).write("database.crl");
    node.logged(&["the ledger says again what was revoked"]);
    drop(node);
    List::of(&world, "ca").revoking("server", "keyCompromise").numbered(4).write("database.crl");
    does_not_start(&world).says(&serial).says("database.crl").says("certificate verify failed");
}

#[test]
fn what_replication_says_and_cannot_be_done_is_told_by_check_before_anybody_connects() {
    let server = Postgres::shared();
    let (world, database) = (authority(server), server.database());
    certificate::authority(&world, "other", "another CA");
    List::of(&world, "other").write("other.crl");
    realm(&world, server, &database, "crl_files: [../other.crl]");
    let check = || world.countersign(&["check", "my-repo/countersign.yaml"]);
    check().exited(2).says("CN=another CA, which is no authority in sslrootcert");
    does_not_start_by_its_files(&world);
    judged_by(&world, "crl_files: [../missing.crl]");
    check().exited(2).says("missing.crl");
    judged_by(&world, "certificateVerification: true");
    let yaml = world.read("my-repo/countersign.yaml");
    assert!(yaml.contains("sslmode=verify-full"), "{yaml}");
    let unjudged = yaml.replace("sslmode=verify-full", "sslmode=disable");
    world.write("my-repo/countersign.yaml", unjudged);
    check().exited(2).says("sslmode=disable believes any").says("sslmode=verify-full");
}

fn does_not_start_by_its_files(world: &World) {
    world
        .countersign(&["up", "--realm", "my-repo", "--listen", "127.0.0.1:0"])
        .exited(2)
        .says("which is no authority in sslrootcert");
}

/// Gives the server a certificate that names a list at this address.
fn named_in_the_server_s_certificate(world: &World, server: &Postgres, address: &str) {
    let extensions = format!(
        "subjectAltName = DNS:localhost\nextendedKeyUsage = serverAuth\ncrlDistributionPoints = URI:{address}\n"
    );
    certificate::leaf(world, "ca", "server", "/CN=db.example.com", &extensions, &More::default());
    for file in ["server.crt", "server.key"] {
        // Into the files that are there, which stay the server's own.
        fs::write(server.folder().join(file), world.read(file)).unwrap();
    }
    server.sql("postgres", "SELECT pg_reload_conf()");
    let serial = openssl::serial(world, "server.crt");
    testkit::patience::wait_for(
        "the new certificate",
        || server.log(),
        || {
            let shown = world.try_sh(&format!(
                "openssl s_client -starttls postgres -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -serial",
                server.port()
            ));
            shown.said().contains(&serial).then_some(())
        },
    );
}

#[test]
fn without_an_answer_about_the_server_fail_closed_stays_away_and_fail_open_connects_with_a_warning() {
    let (server, services) = (Postgres::start(), Services::start());
    let world = authority(&server);
    named_in_the_server_s_certificate(&world, &server, &services.url("database.crl"));
    let asked = |mode: &str| {
        format!(
            "certificateVerification: {{ failureMode: {mode}, allowPrivateAddresses: true, ocsp: false }}"
        )
    };
    realm(&world, &server, "countersign", &asked("fail-closed"));
    let serial = openssl::serial(&world, "server.crt");
    does_not_start(&world).says(&serial).says("may be revoked").says("database.crl");

    judged_by(&world, &asked("fail-open"));
    let node = up(&world);
    node.logged(&["WARN", "CN=db.example.com", "let in unasked"]);
    ask(&world, &node, "analyst").succeeded();
    assert_eq!(node.interrupted().code, Some(0));

    judged_by(&world, &asked("fail-closed"));
    let publish = |list: List<'_>| {
        list.write("made.pem");
        world.sh("openssl crl -in made.pem -outform DER -out made.der");
        services.set("database.crl", Answer::File(fs::read(world.path("made.der")).unwrap()));
    };
    publish(List::of(&world, "ca"));
    let node = up(&world);
    ask(&world, &node, "analyst").succeeded();
    assert_eq!(node.interrupted().code, Some(0));

    publish(List::of(&world, "ca").revoking("server", "keyCompromise").numbered(2));
    judged_by(&world, &asked("fail-open"));
    does_not_start(&world).says(&serial).says("keyCompromise").says("database.crl");
}
