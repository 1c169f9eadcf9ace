//! The ledger remembers every sign-in and every refusal.

use serde_json::{Value, json};
use testkit::wire::No;
use testkit::{Client, Curl, Node, World};

/// Asks the ledger of a realm, through a second node that serves the file read-only.
pub fn audited(world: &World, sql: &str) -> Value {
    let written = world.read("realm/countersign.yaml");
    assert!(written.contains("\ndatabases:\n"), "{written}");
    let with_ledger = written.replacen(
        "\ndatabases:\n",
        "\ndatabases:\n  - { name: record, backend: file, path: ./state/ledger.db, mode: ro, grants: [ { principal: admin, level: read-only } ] }\n",
        1,
    );
    let elsewhere = with_ledger.replace("sqlite:./state/ledger.db", "sqlite:./state/other.db");
    world.write("realm/reading.yaml", elsewhere);
    let node =
        Node::start(world, &["serve", "--config", "realm/reading.yaml", "--listen", "127.0.0.1:0"], &[]);
    let answer = as_client(world, &node, "admin").sql("record", sql).with_status(200).json();
    answer["rows"].clone()
}

fn as_client(world: &World, node: &Node, name: &str) -> Curl {
    Curl::to(node, "localhost").cacert(&world.path("realm/pki/server-ca.crt")).cert(
        &world.path(format!("realm/clients/{name}.crt")),
        &world.path(format!("realm/clients/{name}.key")),
    )
}

/// A11: a sign-in is on record with principal, method, certificate, serial, issuer and address.
#[test]
fn a_sign_in_is_on_record_with_its_evidence() {
    let world = World::new();
    let node = Node::up(&world);
    let whoami = as_client(&world, &node, "analyst").get("/_auth/whoami").with_status(200).json();
    assert_eq!(node.interrupted().code, Some(0));
    let rows = audited(
        &world,
        "SELECT principal, method, certificate, serial, remote LIKE '127.0.0.1:%', issuer IS NOT NULL, sni
           FROM audit WHERE kind = 'sign-in'",
    );
    assert_eq!(
        rows,
        json!([["analyst", "mtls", whoami["cert"]["sha256"], whoami["cert"]["serial"], 1, 1, "localhost"]])
    );
}

/// A11: a refused handshake and a refused request are on record with code, cause and the id that the client saw.
#[test]
fn a_refusal_is_on_record_with_its_code_and_the_id_that_the_client_saw() {
    let world = World::new();
    let node = Node::up(&world);
    Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .get("/_health")
        .failed(56, "alert");
    let refused = as_client(&world, &node, "analyst").sql("secret", "SELECT 1").with_status(403).json();
    let id = refused["error"]["refusal"].as_str().expect("an id").to_owned();
    assert_eq!(node.interrupted().code, Some(0));
    let rows = audited(
        &world,
        "SELECT code, principal, refusal, cause IS NOT NULL FROM audit WHERE kind = 'refusal' ORDER BY id",
    );
    assert_eq!(rows[0][0], "certificate-required", "{rows}");
    assert_eq!(rows[1], json!(["no-grant", "analyst", id, 1]), "{rows}");
}

/// Whoever has heard "no" is on record, however long it keeps the connection and however soon the node ends.
#[test]
fn a_refusal_is_on_record_when_the_node_ends_before_the_client_has_gone() {
    let world = World::new();
    let node = Node::up(&world);
    let mut client =
        Client::new().asking_for("localhost").connect(&node).expect("TLS 1.3 tells it after the handshake");
    assert!(matches!(client.hear(), Err(No::Alert(_))));
    assert_eq!(node.interrupted().code, Some(0));
    drop(client);
    let rows = audited(&world, "SELECT code FROM audit WHERE kind = 'refusal'");
    assert_eq!(rows, json!([["certificate-required"]]));
}

/// L4: what was issued is on record with the serial that openssl reads from the certificate.
#[test]
fn what_was_issued_is_on_record_with_its_real_serial() {
    let world = World::new();
    let node = Node::up(&world);
    assert_eq!(node.interrupted().code, Some(0));
    let serial = testkit::openssl::serial(&world, "realm/clients/analyst.crt");
    let rows =
        audited(&world, &format!("SELECT common_name, state FROM certificates WHERE serial = '{serial}'"));
    assert_eq!(rows, json!([["analyst", "issued"]]));
}

/// L19, V13: no private key and no password is in the ledger or in the log.
#[test]
fn no_private_key_is_in_the_ledger_or_in_the_log() {
    let world = World::new();
    let node = Node::up(&world);
    as_client(&world, &node, "analyst").sql("app", "SELECT 1").with_status(200);
    let log = node.log();
    assert_eq!(node.interrupted().code, Some(0));
    let ledger = std::fs::read(world.path("realm/state/ledger.db")).expect("a ledger");
    for key in ["realm/clients/analyst.key", "realm/pki/issuers/client.key", "realm/offline/root.key"] {
        let pem = world.read(key);
        let line = pem.lines().nth(1).expect("a key's body").to_owned();
        let der =
            world.sh(&format!("openssl pkey -in {key} -outform DER | od -An -tx1 | tr -d ' \\n'")).stdout;
        // The 32 bytes of a P-256 key lie after the version and the tag; the public half follows much later.
        let secret = der.find("0420").map(|at| &der[at + 4..at + 68]).expect("an EC key");
        let secret: Vec<u8> =
            (0..32).map(|n| u8::from_str_radix(&secret[2 * n..2 * n + 2], 16).expect("hex")).collect();
        assert!(!ledger.windows(32).any(|bytes| bytes == secret), "{key} is in the ledger");
        assert!(!log.contains(&line), "{key} is in the log");
    }
}

/// The ledger of a killed node is whole: what was recorded before stays on record.
#[test]
fn the_ledger_of_a_killed_node_is_whole() {
    let world = World::new();
    let node = Node::up(&world);
    let refused = as_client(&world, &node, "analyst").sql("secret", "SELECT 1").with_status(403).json();
    let id = refused["error"]["refusal"].as_str().expect("an id").to_owned();
    node.signal("KILL");
    drop(node);
    let rows = audited(&world, "PRAGMA integrity_check");
    assert_eq!(rows, json!([["ok"]]));
    let known = audited(
        &world,
        &format!("SELECT count(*) FROM certificates WHERE state = 'issued' AND '{id}' <> ''"),
    );
    assert!(known[0][0].as_i64().is_some_and(|count| count >= 3), "{known}");
}
