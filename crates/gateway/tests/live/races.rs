//! Whatever comes first, a connection or a decision: none slips through between.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use access::Level;
use identity::{RecordedRevocation, RevocationReason, Revocations};
use testkit::patience::wait_for;
use transport::{Clock as _, SystemClock};

use crate::SOON;
use crate::house::{House, grants};

fn revoke(house: &House, name: &str) {
    let recorded = RecordedRevocation {
        issuer: house.certificate("client-ca").identity().spki_sha256(),
        serial: house.certificate(name).identity().serial().clone(),
        reason: RevocationReason::KeyCompromise,
        at: SystemClock.now(),
    };
    let revoked = [(recorded.issuer, recorded.serial.clone())];
    let revocations = Arc::new(Revocations::default().with_recorded([recorded]));
    let _inside = house.runtime.enter();
    house.gateway.amend(&revoked, Instant::now().into(), |snapshot| {
        let mut snapshot = snapshot.clone();
        for entrance in snapshot.entrances.values_mut() {
            let door = entrance.door.as_ref().unwrap().with_revocations(Arc::clone(&revocations)).unwrap();
            entrance.door = Some(Arc::new(door));
        }
        snapshot
    });
}

#[test]
fn of_many_that_come_while_their_certificate_is_revoked_none_stays() {
    let house = Arc::new(House::new());
    let mut other = house.h1("reporting");
    let revoked = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (house, revoked) = (Arc::clone(&house), Arc::clone(&revoked));
            std::thread::spawn(move || {
                let mut wires = Vec::new();
                while !revoked.load(Ordering::SeqCst) {
                    wires.extend(house.client("analyst").connect_to(house.address).ok());
                }
                wires
            })
        })
        .collect();
    house.sessions("many sessions", |sessions| sessions.len() > 40);
    revoke(&house, "analyst");
    revoked.store(true, Ordering::SeqCst);
    for client in clients {
        for mut wire in client.join().unwrap() {
            wire.ends_within(SOON);
        }
    }
    house.sessions("the other one alone", |sessions| sessions.len() == 1);
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200);
}

#[test]
fn a_handshake_that_was_begun_before_the_revocation_serves_nothing_after_it() {
    let house = House::new();
    let tcp = TcpStream::connect(house.address).unwrap();
    // It is accepted, and by the old door, once there is a slot less; nothing else shows it.
    wait_for("an accepted connection", || "", || (house.gateway.connections() == 1).then_some(()));
    revoke(&house, "analyst");
    let connected = house.client("analyst").offering(&["http/1.1"]).over(tcp);
    if let Ok(mut wire) = connected {
        let _ = wire.try_send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n\r\n");
        if let Ok(reply) = wire.try_answer() {
            assert_eq!(reply.status, 401, "{reply:#?}");
        }
        wire.ends_within(SOON);
    }
    house.sessions("nobody", <[_]>::is_empty);
}

#[test]
fn no_request_is_served_by_a_grant_that_was_lowered_before_it_was_sent() {
    let house = House::new();
    for round in 0..40 {
        let mut wires: Vec<_> = (0..4).map(|_| house.h1("analyst")).collect();
        let begun = Arc::new(AtomicBool::new(false));
        let asking: Vec<_> = wires
            .drain(..)
            .map(|mut wire| {
                let begun = Arc::clone(&begun);
                std::thread::spawn(move || {
                    loop {
                        let late = begun.load(Ordering::SeqCst);
                        if wire.try_ask("app", "SELECT 1").is_err() {
                            return true;
                        }
                        match wire.try_answer() {
                            Ok(reply) if reply.status == 200 && late => return false,
                            Ok(reply) if reply.status == 200 => {}
                            _ => return true,
                        }
                    }
                })
            })
            .collect();
        // Whoever has not used the higher grant yet may go on by the lower one.
        house.sessions("four that used their grants", |sessions| {
            sessions.len() == 4 && sessions.iter().all(|session| !session.permits.is_empty())
        });
        house.publish(|snapshot| {
            snapshot.grants = Arc::new(grants(&snapshot.directory, Level::ReadOnly, Level::ReadWrite));
        });
        begun.store(true, Ordering::SeqCst);
        assert!(asking.into_iter().all(|asked| asked.join().unwrap()), "round {round}");
        house.sessions("nobody", <[_]>::is_empty);
        house.publish(|snapshot| {
            snapshot.grants = Arc::new(grants(&snapshot.directory, Level::ReadWrite, Level::ReadWrite));
        });
    }
}
