//! Why a session is ended, and why another one is not.

use std::sync::Arc;
use std::time::Instant;

use access::{Accepted, Level};
use countersign_gateway::{AuditKind, Snapshot};
use fault::Refusal;
use identity::{
    Asked, RecordedRevocation, RevocationPolicy, RevocationReason, Revocations, Verification, Verified,
    settle,
};
use parking_lot::Mutex;
use testkit::Wire;
use time::OffsetDateTime;
use transport::{Asking, ClientAuth, Clock as _, Online, SystemClock, TestClock};

use crate::SOON;
use crate::house::{House, directory, grants};

/// Connections of both principals that were served once.
fn two(house: &House) -> [Wire; 2] {
    ["analyst", "reporting"].map(|name| {
        let mut wire = house.h1(name);
        serves(&mut wire);
        wire
    })
}

fn serves(wire: &mut Wire) {
    wire.ask("app", "SELECT 1");
    let reply = wire.answer();
    assert_eq!(reply.status, 200, "{reply:#?}");
}

/// That a change ends the analyst's session for this reason, and not the other one's.
fn ends_the_analyst(reason: &str, change: impl FnOnce(&House, &mut Snapshot)) {
    let house = House::new();
    let [mut analyst, mut reporting] = two(&house);
    house.publish(|snapshot| change(&house, snapshot));
    analyst.ends_within(SOON);
    serves(&mut reporting);
    let ended = house.ended(1);
    assert!(ended.iter().all(|one| one.starts_with(&format!("analyst: {reason}: "))), "{ended:?}");
    assert_eq!(ended.len(), 1, "{ended:?}");
}

fn recorded(house: &House, name: &str) -> RecordedRevocation {
    RecordedRevocation {
        issuer: house.certificate("client-ca").identity().spki_sha256(),
        serial: house.certificate(name).identity().serial().clone(),
        reason: RevocationReason::KeyCompromise,
        at: SystemClock.now(),
    }
}

fn set(snapshot: &mut Snapshot, entrance: countersign_gateway::Entrance) {
    snapshot.entrances.insert("main".into(), entrance);
}

#[test]
fn a_revoked_certificate_ends_its_sessions_and_no_others() {
    ends_the_analyst("revoked", |house, snapshot| {
        let revocations = Arc::new(Revocations::default().with_recorded([recorded(house, "analyst")]));
        let mut entrance = snapshot.entrances["main"].clone();
        let door = entrance.door.as_ref().unwrap().with_revocations(revocations).unwrap();
        entrance.door = Some(Arc::new(door));
        set(snapshot, entrance);
    });
}

#[test]
fn a_principal_that_is_removed_loses_its_sessions() {
    ends_the_analyst("principal-removed", |_, snapshot| {
        snapshot.directory = Arc::new(directory(&["reporting"]));
        let specs = vec![access::GrantSpec::new("app", "reporting", Level::ReadWrite)];
        snapshot.grants = Arc::new(access::Grants::new(specs, &snapshot.directory).unwrap());
    });
}

#[test]
fn a_lowered_grant_ends_the_sessions_that_used_it() {
    for level in [Level::ReadOnly, Level::None] {
        ends_the_analyst("grant-lowered", |_, snapshot| {
            snapshot.grants = Arc::new(grants(&snapshot.directory, level, Level::ReadWrite));
        });
    }
}

#[test]
fn a_grant_that_was_not_used_or_was_raised_ends_nothing() {
    let house = House::new();
    let mut idle = house.h1("analyst");
    let [mut analyst, _] = two(&house);
    house.publish(|snapshot| {
        snapshot.grants = Arc::new(grants(&snapshot.directory, Level::Admin, Level::ReadWrite));
    });
    serves(&mut analyst);
    house.publish(|snapshot| {
        snapshot.grants = Arc::new(grants(&snapshot.directory, Level::None, Level::ReadWrite));
    });
    // The one that used the grant is gone; the one that did not is refused as anybody would be.
    analyst.ends_within(SOON);
    idle.ask("app", "SELECT 1");
    assert_eq!(idle.answer().status, 403);
    assert_eq!(house.ended(1).len(), 1);
}

#[test]
fn whoever_used_the_control_plane_and_may_not_any_more_is_ended() {
    let house = House::new();
    let [mut analyst, mut reporting] = two(&house);
    reporting.send(b"GET /_admin/status HTTP/1.1\r\nhost: db.example.com\r\n\r\n");
    assert_eq!(reporting.answer().status, 200);
    house.publish(|snapshot| snapshot.control_plane = false);
    reporting.ends_within(SOON);
    serves(&mut analyst);
    assert!(house.ended(1)[0].starts_with("reporting: grant-lowered: "));
}

#[test]
fn an_authority_that_leaves_takes_its_sessions_along() {
    ends_the_analyst("authority-withdrawn", |house, snapshot| {
        // The reporting client is trusted by itself.
        let trust = Arc::new(house.trust(&["server-ca", "reporting"]));
        set(snapshot, house.entrance(ClientAuth::Require(trust), None));
    });
}

#[test]
fn a_new_authority_beside_the_old_one_ends_nothing() {
    let house = House::new();
    let mut wires = two(&house);
    house.publish(|snapshot| {
        let trust = Arc::new(house.trust(&["client-ca", "server-ca"]));
        set(snapshot, house.entrance(ClientAuth::Require(trust), None));
    });
    house.sessions("judged by the new snapshot", |sessions| {
        sessions.iter().all(|session| session.generation == 2)
    });
    wires.iter_mut().for_each(serves);
    assert!(house.record.of(AuditKind::SessionEnd).is_empty());
}

#[test]
fn who_signed_in_without_a_certificate_is_ended_where_one_is_required_now() {
    let house = House::new();
    let trust = Arc::new(house.trust(&["client-ca"]));
    let open = access::Grants::new(
        vec![access::GrantSpec::new("app", access::EVERYONE, Level::ReadWrite)],
        &house.gateway.snapshot().directory,
    );
    let open = Arc::new(open.unwrap());
    house.publish(|snapshot| {
        let mut entrance = house.entrance(ClientAuth::Request(Arc::clone(&trust)), None);
        entrance.accepted.push(Accepted::None);
        set(snapshot, entrance);
        snapshot.grants = Arc::clone(&open);
    });
    let mut anonymous = testkit::Client::new().offering(&["http/1.1"]).connect_to(house.address).unwrap();
    serves(&mut anonymous);
    let [mut analyst, _reporting] = two(&house);
    house.publish(|snapshot| {
        let mut entrance = house.entrance(ClientAuth::Require(Arc::clone(&trust)), None);
        entrance.accepted.push(Accepted::None);
        set(snapshot, entrance);
    });
    anonymous.ends_within(SOON);
    serves(&mut analyst);
    assert!(house.ended(1)[0].starts_with("nobody: sign-in-changed: "));
}

#[test]
fn a_listener_that_is_removed_takes_its_sessions_along_and_its_socket_is_closed() {
    let house = House::new();
    let [mut analyst, mut reporting] = two(&house);
    house.publish(|snapshot| snapshot.entrances.clear());
    analyst.ends_within(SOON);
    reporting.ends_within(SOON);
    assert!(house.ended(2)[0].contains(": listener-removed: "));
    assert!(house.runtime.block_on(house.gateway.close(house.address)));
    assert!(std::net::TcpStream::connect(house.address).is_err());
    assert!(!house.runtime.block_on(house.gateway.close(house.address)));
}

/// An authority's service whose answer can be changed.
#[derive(Debug)]
struct Service {
    policy: Verification,
    answer: Mutex<Asked>,
}

impl Online for Service {
    fn recall(&self, _: &Verified, _: OffsetDateTime) -> Option<Result<Verified, Refusal>> {
        None
    }

    fn ask<'a>(&'a self, verified: &'a Verified) -> Asking<'a> {
        let answer = self.answer.lock().clone();
        Box::pin(async move { settle(verified, &self.policy, |_, _, _| answer.clone(), SystemClock.now()) })
    }
}

fn asking(house: &House, answer: Asked) -> Arc<Service> {
    let policy = Verification::default();
    let service = Arc::new(Service { policy, answer: Mutex::new(answer) });
    let revocations =
        Revocations::new(RevocationPolicy { verification: Some(policy), ..RevocationPolicy::default() });
    let trust = Arc::new(house.trust(&["client-ca"]).with_revocations(Arc::new(revocations)));
    let online = Arc::clone(&service) as Arc<dyn Online>;
    house.publish(|snapshot| set(snapshot, house.entrance(ClientAuth::Require(trust), Some(online))));
    service
}

#[test]
fn what_a_service_takes_back_later_ends_the_session() {
    let house = House::new();
    let until = SystemClock.now() + time::Duration::hours(1);
    let service = asking(&house, Asked::Good { until, source: "the service".into() });
    let mut wires = two(&house);
    *service.answer.lock() = Asked::Failed { why: "it is silent".into() };
    {
        let _inside = house.runtime.enter();
        house.gateway.judge_all(Instant::now().into());
    }
    for wire in &mut wires {
        wire.ends_within(SOON);
    }
    assert!(house.ended(2)[0].contains(": revocation-unknown: "));
}

#[test]
fn time_that_passes_unnoticed_ends_what_has_ended_meanwhile() {
    let clock = TestClock::at(SystemClock.now());
    let house = House::by(Arc::new(clock.clone()));
    let mut wires = two(&house);
    house.runtime.block_on(async { house.gateway.look_again() });
    wires.iter_mut().for_each(serves);
    // No timer knows that this clock was moved.
    clock.advance(time::Duration::days(91));
    house.runtime.block_on(async { house.gateway.look_again() });
    for wire in &mut wires {
        wire.ends_within(SOON);
    }
    assert!(house.ended(2).concat().contains(": expired: "));
    assert!(house.gateway.snapshot().generation == 1, "the snapshot is the same");
}

#[test]
fn a_refusal_that_comes_after_the_handshake_is_heard_by_the_first_request() {
    let house = House::new();
    asking(&house, Asked::Failed { why: "it is silent".into() });
    let mut wire = house.h1("analyst");
    wire.send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n\r\n");
    let reply = wire.answer();
    assert_eq!(reply.status, 401, "{reply:#?}");
    assert!(reply.body.contains(r#""code":"revocation-unknown""#), "{reply:#?}");
    assert!(reply.head.to_ascii_lowercase().contains("connection: close"), "{reply:#?}");
    wire.ends_within(SOON);
    let mut h2 = house.h2("analyst");
    let stream = h2.ask("app", "SELECT 1");
    let answer = h2.answer(stream);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(h2.ends_within(SOON).goaway);
    let refusals = house.record.of(AuditKind::Refusal);
    assert_eq!(refusals.len(), 2, "each of them once: {refusals:?}");
    let id = refusals[0].rsplit(' ').next().unwrap();
    assert!(reply.body.contains(id), "{refusals:?} {reply:?}");
    assert!(house.record.of(AuditKind::SessionEnd).is_empty());
    assert!(house.record.of(AuditKind::SignIn).is_empty());
}
