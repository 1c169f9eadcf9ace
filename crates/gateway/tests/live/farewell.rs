//! How a session hears of its end.

use std::time::Duration;

use crate::SOON;
use crate::house::House;
use countersign_gateway::{Selected, SessionShown};

/// A statement that takes far longer than any test.
const ENDLESS: &str =
    "INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";

fn kill(house: &House, name: &str) -> Vec<SessionShown> {
    house.gateway.kill(&Selected::Principal(name.to_owned()), "by principal \"reporting\"")
}

/// That so many requests of this principal are on their way to the database.
fn in_flight(house: &House, name: &str, requests: u64) {
    house.sessions("a request in flight", |sessions| {
        let session = sessions.iter().find(|session| session.principal.as_deref() == Some(name));
        session.is_some_and(|session| session.requests == requests && !session.permits.is_empty())
    });
}

#[test]
fn a_statement_in_flight_is_rolled_back_and_its_peer_hears_that_the_session_has_ended() {
    let house = House::new();
    let mut other = house.h1("reporting");
    other.ask("app", "CREATE TABLE t(x)");
    assert_eq!(other.answer().status, 200);
    let mut wire = house.h1("analyst");
    wire.ask("app", ENDLESS);
    in_flight(&house, "analyst", 1);
    assert_eq!(kill(&house, "analyst").len(), 1);
    let reply = wire.answer();
    assert_eq!(reply.status, 401, "{reply:#?}");
    assert!(reply.body.contains(r#""code":"session-ended""#), "{reply:#?}");
    assert!(reply.body.contains(r#""refusal":"rf_"#), "{reply:#?}");
    assert!(!reply.body.contains("killed") && !reply.body.contains("reporting"), "{reply:#?}");
    assert!(reply.head.to_ascii_lowercase().contains("connection: close"), "{reply:#?}");
    wire.ends_within(SOON);
    // The connection of another goes on, and finds nothing of the statement.
    other.ask("app", "SELECT count(*) AS rows FROM t");
    let found = other.answer().body;
    assert!(found.contains("0") && !found.contains("1"), "{found}");
    let ended = house.ended(1);
    assert!(ended[0].starts_with("analyst: killed: by principal \"reporting\"; "), "{ended:?}");
    assert_eq!(ended.len(), 1);
    let metrics = (house.exposition)();
    assert!(metrics.contains(r#"countersign_sessions_ended_total{reason="killed"} 1"#), "{metrics}");
    assert!(metrics.contains("countersign_session_end_seconds_count 1"), "{metrics}");
}

#[test]
fn every_stream_in_flight_is_answered_and_the_farewell_is_http_2_s_own() {
    let house = House::new();
    let mut other = house.h2("reporting");
    let made = other.ask("app", "CREATE TABLE t(x)");
    assert_eq!(other.answer(made).status, 200);
    let mut h2 = house.h2("analyst");
    let streams = [h2.ask("app", ENDLESS), h2.ask("app", ENDLESS), h2.head("POST", "/app/query", false)];
    in_flight(&house, "analyst", 3);
    kill(&house, "analyst");
    let heard = h2.ends_within(SOON);
    assert!(heard.goaway, "{heard:?}");
    for stream in streams {
        let answer = &heard.answers[&stream];
        assert_eq!(answer.status, 401, "{heard:?}");
        assert!(answer.body.contains("session-ended"), "{heard:?}");
    }
    let again = other.ask("app", "SELECT count(*) FROM t");
    assert_eq!(other.answer(again).status, 200);
}

#[test]
fn an_idle_connection_is_closed_whether_it_rests_or_not() {
    let house = House::new();
    let mut wires = Vec::new();
    for _ in 0..2 {
        let mut wire = house.h1("analyst");
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
        wires.push(wire);
        if wires.len() == 1 {
            // The first one rests by the time it is ended; the second one does not.
            wires[0].is_silent_for(Duration::from_millis(1_500));
        }
    }
    assert_eq!(kill(&house, "analyst").len(), 2);
    for wire in &mut wires {
        wire.ends_within(SOON);
    }
    assert_eq!(house.ended(2).len(), 2);
    assert!(house.gateway.sessions().is_empty());
}

#[test]
fn a_connection_that_never_asked_anything_is_closed() {
    let house = House::new();
    let (mut h1, h2) = (house.h1("analyst"), house.h2("analyst"));
    house.sessions("two sessions", |sessions| sessions.len() == 2);
    kill(&house, "analyst");
    h1.ends_within(SOON);
    assert!(h2.ends_within(SOON).goaway);
}

#[test]
fn a_peer_that_reads_nothing_is_cut() {
    let house = House::new();
    let mut wire = house.h1("analyst");
    let large = "SELECT replace(hex(zeroblob(4000000)), '00', 'xx')";
    for _ in 0..4 {
        wire.ask("app", large);
    }
    house.sessions("a request", |sessions| sessions.iter().any(|session| session.requests > 0));
    kill(&house, "analyst");
    house.ended(1);
    assert!(house.gateway.sessions().is_empty());
}

#[test]
fn a_session_is_ended_by_its_id_its_serial_and_its_key_as_well() {
    let house = House::new();
    let identity = house.certificate("analyst").identity().clone();
    let selections: [&dyn Fn(&SessionShown) -> Selected; 3] = [
        &|session| Selected::Id(session.id.parse().unwrap()),
        &|_| Selected::Serial(identity.serial().clone()),
        &|_| Selected::Spki(identity.spki_sha256()),
    ];
    let mut other = house.h1("reporting");
    for selected in selections {
        let mut wire = house.h1("analyst");
        let of = |session: &&SessionShown| session.principal.as_deref() == Some("analyst");
        let sessions = house.sessions("the session", |sessions| sessions.iter().any(|session| of(&session)));
        let session = sessions.iter().find(of).unwrap();
        assert_eq!(house.gateway.kill(&selected(session), "").len(), 1);
        wire.ends_within(SOON);
        house.sessions("the other one", |sessions| sessions.len() == 1);
    }
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200);
}
