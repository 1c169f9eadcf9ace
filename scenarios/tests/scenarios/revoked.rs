//! Revoked means gone: what `cert revoke` takes back is refused by the running node, and what it opened ends (R16, R17, Z17).

use std::time::{Duration, Instant};

use rustls::AlertDescription;
use serde_json::json;
use testkit::h2::H2;
use testkit::patience::wait_at_most;
use testkit::wire::No;
use testkit::{Client, Curl, Node, Wire, World};

use crate::audit::audited;

/// From the decision to the last byte.
const A_SECOND: Duration = Duration::from_secs(1);
/// A statement that would run for hours, and writes.
const ENDLESS: &str = "INSERT INTO notes SELECT i FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT i FROM n)";

fn revoke(world: &World, name: &str) {
    let certificate = format!("realm/clients/{name}.crt");
    world.countersign(&["cert", "revoke", &certificate, "--reason", "keyCompromise"]).succeeded();
}

fn client(world: &World, name: &str) -> Client {
    Client::new().asking_for("localhost").presenting(world, &format!("realm/clients/{name}"))
}

fn connected(world: &World, node: &Node, name: &str) -> Wire {
    client(world, name).connect(node).expect("a good client")
}

fn answers(wire: &mut Wire) {
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
}

fn admin(world: &World, node: &Node) -> Curl {
    let file = |end: &str| world.path(format!("realm/clients/admin.{end}"));
    Curl::to(node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&file("crt"), &file("key"))
}

/// R16: within a second of the revocation a resting connection has ended, and one that is asked all the time as well;
/// the connections of others answer as before, on the same connection.
#[test]
fn a_revoked_certificate_ends_its_connections_and_no_others() {
    let world = World::new();
    let node = Node::up(&world);
    let (mut idle, mut other) = (connected(&world, &node, "analyst"), connected(&world, &node, "admin"));
    answers(&mut idle);
    answers(&mut other);
    let mut busy = connected(&world, &node, "analyst");
    answers(&mut busy);
    // The first one rests by now: hyper's buffers are given back after a second.
    idle.is_silent_for(Duration::from_millis(1500));
    let asking = std::thread::spawn(move || {
        let began = Instant::now();
        loop {
            let answered = busy.try_ask("app", "SELECT 1").and_then(|()| busy.try_answer());
            match answered {
                Ok(reply) if reply.status == 200 => assert!(began.elapsed() < Duration::from_secs(30)),
                Ok(reply) => return Ok(reply),
                Err(no) => return Err(no),
            }
        }
    });
    revoke(&world, "analyst");
    idle.ends_within(A_SECOND);
    match asking.join().expect("a client does not panic") {
        Ok(reply) => {
            assert_eq!(reply.status, 401, "{reply:?}");
            assert!(reply.head.to_ascii_lowercase().contains("connection: close"), "{reply:?}");
            assert!(reply.body.contains("session-ended"), "{reply:?}");
            assert!(!reply.body.contains("revoked on"), "the cause is not the peer's to know: {reply:?}");
        }
        Err(no) => assert!(matches!(no, No::Closed | No::Other(_)), "{no:?}"),
    }
    answers(&mut other);
}

/// R16: the next handshake is refused with TLS' own word for it, over TLS 1.2 and 1.3.
#[test]
fn the_next_handshake_of_a_revoked_certificate_hears_certificate_revoked() {
    let world = World::new();
    let node = Node::up(&world);
    let analyst = client(&world, "analyst");
    assert_eq!(analyst.knock(&node), Ok(200));
    revoke(&world, "analyst");
    let revoked = Err(No::Alert(AlertDescription::CertificateRevoked));
    wait_at_most(A_SECOND, "the alert", || node.log(), || (analyst.knock(&node) == revoked).then_some(()));
    assert_eq!(client(&world, "admin").knock(&node), Ok(200));
    node.logged(&["handshake refused", "certificate-revoked", "keyCompromise", "our own ledger"]);
}

/// R17: what was revoked is revoked after a restart, on the first handshake.
#[test]
fn a_revocation_survives_a_restart() {
    let world = World::new();
    let node = Node::up(&world);
    assert_eq!(client(&world, "analyst").knock(&node), Ok(200));
    assert_eq!(node.interrupted().code, Some(0));
    revoke(&world, "analyst");
    let node = Node::up(&world);
    let revoked = Err(No::Alert(AlertDescription::CertificateRevoked));
    assert_eq!(client(&world, "analyst").knock(&node), revoked);
    assert_eq!(client(&world, "admin").knock(&node), Ok(200));
}

/// A statement in flight is interrupted, and nothing of it stays.
#[test]
fn a_statement_in_flight_of_a_revoked_certificate_is_interrupted_and_rolled_back() {
    let world = World::new();
    let node = Node::up(&world);
    let mut wire = connected(&world, &node, "analyst");
    wire.ask("app", "CREATE TABLE notes(id INTEGER PRIMARY KEY)");
    assert_eq!(wire.answer().status, 200);
    wire.ask("app", ENDLESS);
    wire.is_silent_for(Duration::from_millis(300));
    revoke(&world, "analyst");
    let reply = wire.answer();
    assert_eq!(reply.status, 401, "{reply:?}");
    assert!(reply.head.to_ascii_lowercase().contains("connection: close"), "{reply:?}");
    assert!(reply.body.contains("session-ended") && reply.body.contains("rf_"), "{reply:?}");
    wire.ends_within(A_SECOND);
    let rows = admin(&world, &node).sql("app", "SELECT count(*) FROM notes").with_status(200).json();
    assert_eq!(rows["rows"][0][0], 0);
}

/// Over HTTP/2 the farewell is GOAWAY, and a stream in flight is answered.
#[test]
fn over_http_2_the_farewell_is_goaway() {
    let world = World::new();
    let node = Node::up(&world);
    let mut idle =
        H2::over(client(&world, "analyst").offering(&["h2"]).connect(&node).expect("a good client"));
    let stream = idle.ask("app", "CREATE TABLE notes(id INTEGER PRIMARY KEY)");
    assert_eq!(idle.answer(stream).status, 200);
    let mut busy =
        H2::over(client(&world, "analyst").offering(&["h2"]).connect(&node).expect("a good client"));
    let stream = busy.ask("app", ENDLESS);
    node_is_busy(&world, &node);
    revoke(&world, "analyst");
    let heard = idle.ends_within(A_SECOND);
    assert!(heard.goaway, "{heard:?}");
    let heard = busy.ends_within(A_SECOND);
    assert!(heard.goaway, "{heard:?}");
    let answer = heard.answers.get(&stream).cloned().unwrap_or_default();
    assert_eq!(answer.status, 401, "{heard:?}");
    assert!(answer.body.contains("session-ended"), "{heard:?}");
    let rows = admin(&world, &node).sql("app", "SELECT count(*) FROM notes").with_status(200).json();
    assert_eq!(rows["rows"][0][0], 0);
}

/// Waits until the analyst has a second session that uses the database.
fn node_is_busy(world: &World, node: &Node) {
    testkit::patience::wait_for(
        "a session in the middle of a statement",
        || node.log(),
        || {
            let shown = admin(world, node).get("/_admin/sessions").with_status(200).json().to_string();
            (shown.matches("\"principal\":\"analyst\"").count() == 2).then_some(())
        },
    );
}

/// Log, audit and metric say who, which serial, why, and how long after the decision.
#[test]
fn the_end_is_on_record_with_its_cause_and_its_time() {
    let world = World::new();
    let node = Node::up(&world);
    let mut wire = connected(&world, &node, "analyst");
    answers(&mut wire);
    let serial = testkit::openssl::serial(&world, "realm/clients/analyst.crt");
    revoke(&world, "analyst");
    wire.ends_within(A_SECOND);
    node.logged(&["session ended", "revoked", "analyst", &serial]);
    let metrics = admin(&world, &node).get("/_metrics").with_status(200);
    assert!(metrics.body.contains("countersign_sessions_ended_total{reason=\"revoked\"} 1"), "{metrics:#?}");
    assert_eq!(node.interrupted().code, Some(0));
    let rows = audited(
        &world,
        "SELECT kind, principal, serial FROM audit WHERE kind IN ('revoke', 'session-end') ORDER BY id",
    );
    assert_eq!(rows, json!([["revoke", null, serial], ["session-end", "analyst", serial]]));
}
