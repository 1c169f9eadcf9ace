//! What administrators may ask, and that nobody else may.

use std::sync::Arc;

use countersign_gateway::AuditKind;
use serde_json::{Value, json};
use testkit::Wire;
use testkit::wire::Reply;

use crate::SOON;
use crate::house::{House, directory};

fn say(wire: &mut Wire, method: &str, path: &str, body: &str) -> Reply {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: {length}\r\n\r\n");
    wire.send(format!("{head}{body}").as_bytes());
    wire.answer()
}

fn get(wire: &mut Wire, path: &str) -> Value {
    let reply = say(wire, "GET", path, "");
    assert_eq!(reply.status, 200, "{reply:#?}");
    serde_json::from_str(&reply.body).unwrap()
}

/// Connections of the analyst, and of `reporting`, who is the administrator.
fn two(house: &House) -> [Wire; 2] {
    ["analyst", "reporting"].map(|name| {
        let mut wire = house.h1(name);
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
        wire
    })
}

#[test]
fn an_administrator_sees_who_is_connected_with_which_certificate_and_what_they_used() {
    let house = House::new();
    let [_analyst, mut admin] = two(&house);
    let seen = get(&mut admin, "/_admin/sessions");
    let sessions = seen["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{seen:#}");
    let session = sessions.iter().find(|session| session["principal"] == "analyst").unwrap();
    let identity = house.certificate("analyst").identity().clone();
    assert!(session["id"].as_str().unwrap().starts_with("se_"), "{session:#}");
    assert_eq!(session["method"], "mtls");
    assert_eq!(session["listener"], "main");
    assert_eq!(session["requests"], 1);
    assert_eq!(session["generation"], 1);
    assert_eq!(session["permits"], json!([{ "database": "app", "level": "read-write" }]));
    assert_eq!(session["certificate"]["serial"], identity.serial().to_string());
    assert_eq!(session["certificate"]["issuer"], "CN=countersign client CA");
    assert_eq!(session["certificate"]["spki_sha256"], identity.spki_sha256().to_string());

    let seen = get(&mut admin, "/_admin/connections");
    let connections = seen["connections"].as_array().unwrap();
    let connection = connections.iter().find(|one| one["principal"] == "analyst").unwrap();
    assert_eq!(connection["serial"], identity.serial().to_string());
    assert_eq!(connection["session"], session["id"]);
    assert!(connection["age_seconds"].as_i64().unwrap() >= 0);
}

#[test]
fn an_administrator_ends_sessions_and_it_is_on_record_who_did() {
    let house = House::new();
    let [mut analyst, mut admin] = two(&house);
    let reply = say(&mut admin, "POST", "/_admin/kill", r#"{"principal":"analyst"}"#);
    assert_eq!(reply.status, 200, "{reply:#?}");
    let said: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(said["status"], "killed");
    assert_eq!(said["sessions"][0]["principal"], "analyst");
    analyst.ends_within(SOON);
    assert!(house.ended(1).concat().starts_with("analyst: killed: killed by principal \"reporting\""));
    assert_eq!(house.record.of(AuditKind::Admin), ["reporting: ended sessions of principal \"analyst\": 1"]);
    let reply = say(&mut admin, "POST", "/_admin/kill", r#"{"principal":"analyst"}"#);
    assert_eq!(reply.status, 404, "{reply:#?}");
}

#[test]
fn what_to_end_is_said_exactly_or_nothing_is_ended() {
    let house = House::new();
    let [mut analyst, mut admin] = two(&house);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"everything":true}"#,
        r#"{"principal":"analyst","all":true}"#,
        r#"{"principal":"analyst","serial":"01"}"#,
        r#"{"id":"analyst"}"#,
        r#"{"serial":"no hex"}"#,
        r#"{"spki_sha256":"01"}"#,
    ] {
        let reply = say(&mut admin, "POST", "/_admin/kill", body);
        assert_eq!(reply.status, 400, "{body}: {reply:#?}");
    }
    assert_eq!(say(&mut admin, "GET", "/_admin/kill", "").status, 405);
    let reply = say(&mut admin, "POST", "/_admin/reload", r#"{"allow_weaker":"all"}"#);
    assert!(reply.status == 400 && reply.body.contains("true, false, or a list of names"), "{reply:#?}");
    for body in ["", "{}", r#"{"allow_weaker":true}"#, r#"{"allow_weaker":["a","b"]}"#] {
        assert_eq!(say(&mut admin, "POST", "/_admin/reload", body).status, 200, "{body}");
    }
    analyst.ask("app", "SELECT 1");
    assert_eq!(analyst.answer().status, 200);
}

#[test]
fn what_to_revoke_is_said_exactly_or_nothing_is_revoked() {
    let house = House::new();
    let [_analyst, mut admin] = two(&house);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"serial":7}"#,
        r#"{"serial":"no hex"}"#,
        r#"{"serial":"01","all":true}"#,
        r#"{"serial":"01","issuer_spki_sha256":"02"}"#,
        r#"{"serial":"01","reason":"lost"}"#,
        r#"{"serial":"01","reason":"removeFromCRL"}"#,
    ] {
        let reply = say(&mut admin, "POST", "/_admin/revoke", body);
        assert_eq!(reply.status, 400, "{body}: {reply:#?}");
    }
    let reply = say(&mut admin, "POST", "/_admin/revoke", r#"{"serial":"01","reason":"lost"}"#);
    assert!(reply.body.contains("keyCompromise"), "{reply:#?}");
    assert_eq!(say(&mut admin, "GET", "/_admin/revoke", "").status, 405);
    let reply = say(&mut admin, "POST", "/_admin/revoke", r#"{"serial":"0x00:0A"}"#);
    let said: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        said,
        json!({ "by": "reporting", "serial": "0A", "trusted": ["CN=countersign client CA"] }),
        "{reply:#?}"
    );
}

#[test]
fn who_is_no_administrator_learns_and_ends_nothing() {
    let house = House::new();
    let [mut analyst, _admin] = two(&house);
    for (method, path) in [
        ("GET", "/_admin/sessions"),
        ("GET", "/_admin/connections"),
        ("POST", "/_admin/kill"),
        ("POST", "/_admin/reload"),
        ("POST", "/_admin/revoke"),
        ("GET", "/_admin/nothing"),
    ] {
        let reply = say(&mut analyst, method, path, r#"{"principal":"reporting"}"#);
        assert_eq!(reply.status, 403, "{path}: {reply:#?}");
        assert!(reply.body.contains("admin-only"), "{path}: {reply:#?}");
    }
    assert_eq!(house.gateway.sessions().len(), 2);
    house.publish(|snapshot| snapshot.control_plane = false);
    assert_eq!(say(&mut analyst, "GET", "/_admin/sessions", "").status, 404);
}

#[test]
fn an_act_that_ends_its_administrator_s_own_session_is_answered_all_the_same() {
    for (path, body) in [("/_admin/reload", "{}"), ("/_admin/revoke", r#"{"serial":"01"}"#)] {
        for gone in ["principal", "listener"] {
            let house = House::new();
            let [_analyst, mut admin] = two(&house);
            house.when_administered(move |snapshot| match gone {
                "principal" => snapshot.directory = Arc::new(directory(&["analyst"])),
                _ => snapshot.entrances.clear(),
            });
            let reply = say(&mut admin, "POST", path, body);
            assert_eq!(reply.status, 200, "{path}, {gone}: {reply:#?}");
            admin.ends_within(SOON);
        }
    }
}
