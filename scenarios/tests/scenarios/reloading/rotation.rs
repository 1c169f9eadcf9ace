//! Certificates and authorities that are replaced (S1-17, S1-18, S2-10, S2-12, E11).

use std::time::{Duration, Instant};

use rustls::AlertDescription;
use testkit::certificate::{self, More};
use testkit::wire::No;

use super::house::{House, SECOND};
use super::within;

/// S1-17: a bundle of the old and the new authority accepts both; without the old one, every old certificate fails, on
/// connections that are open, too.
#[test]
fn a_client_ca_is_rotated_by_a_bundle_and_the_old_one_is_worth_nothing_after_it() {
    let house = House::new();
    let world = &house.production.world;
    certificate::authority(world, "next-ca", "next clients");
    certificate::leaf(
        world,
        "next-ca",
        "next-analyst",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    certificate::leaf(
        world,
        "next-ca",
        "next-admin",
        "/CN=admin",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    let refused = Err(No::Alert(AlertDescription::UnknownCA));
    assert_eq!(house.client("next-admin").knock(&house.node), refused);
    world.sh("cat client-ca.crt next-ca.crt > bundle.new && mv bundle.new client-ca.crt");
    let anchor = format!("trust-anchor prod {}", house.sha256("next-ca.crt"));
    house.hup();
    house.node.logged(&["reload rejected", &anchor, "next clients"]);
    assert_eq!(house.client("next-analyst").knock(&house.node), refused);
    house.change(|yaml| format!("{yaml}allow_weaker: [ \"{anchor}\" ]\n"));
    house.hup_applies();
    let admin = "after=principal \"admin\"";
    house.node.logged(&["judged otherwise", "CN=admin", "before=refused (unknown-issuer)", admin]);
    let mut old = house.client("analyst").connect(&house.node).expect("a handshake");
    let mut new = house.client("next-analyst").connect(&house.node).expect("a handshake");
    for wire in [&mut old, &mut new] {
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
    }
    world.sh("cp next-ca.crt bundle.new && mv bundle.new client-ca.crt");
    house.hup_applies();
    old.ends_within(SECOND);
    assert_eq!(house.client("analyst").knock(&house.node), refused);
    new.ask("app", "SELECT 1");
    assert_eq!(new.answer().status, 200);
}

/// S2-10: one of three authorities is taken out; an empty bundle changes nothing.
#[test]
fn an_authority_that_leaves_the_bundle_takes_its_clients_along_and_no_others() {
    let house = House::new();
    let world = &house.production.world;
    for ca in ["acme", "bizdev"] {
        certificate::authority(world, ca, ca);
        certificate::leaf(
            world,
            ca,
            &format!("{ca}-analyst"),
            "/CN=analyst",
            "extendedKeyUsage = clientAuth",
            &More::default(),
        );
    }
    world.sh("cp client-ca.crt eng.crt && cat acme.crt bizdev.crt eng.crt > client-ca.crt");
    house.change(|yaml| format!("{yaml}allow_weaker: true\n"));
    house.hup_applies();
    for name in ["acme-analyst", "bizdev-analyst", "analyst"] {
        assert_eq!(house.client(name).knock(&house.node), Ok(200), "{name}");
    }
    world.sh("cat acme.crt eng.crt > client-ca.crt");
    house.hup_applies();
    assert!(house.client("bizdev-analyst").knock(&house.node).is_err());
    assert_eq!(house.client("acme-analyst").knock(&house.node), Ok(200));
    world.sh(": > client-ca.crt");
    house.hup();
    house.node.logged(&["reload rejected", "client CA bundle", "contains no valid PEM certificates"]);
    assert_eq!(house.client("acme-analyst").knock(&house.node), Ok(200), "the last good state stays");
}

/// S1-18, E11: new handshakes see the new certificate within two seconds; the request in flight completes.
#[test]
fn a_server_certificate_is_replaced_without_a_restart_and_without_a_lost_request() {
    let house = House::watching();
    let before = house.served_serial();
    let serial = house.new_server_certificate("fresh");
    assert_ne!(before, serial);
    let mut busy = house.client("analyst").connect(&house.node).expect("a handshake");
    busy.ask("app", "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 3000000) SELECT max(i) FROM n");
    house.install("fresh");
    let began = Instant::now();
    within(Duration::from_secs(10), "the new serial number", &house, || {
        (house.served_serial() == serial).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let answer = busy.answer();
    assert_eq!(answer.status, 200, "{}", answer.body);
    busy.ask("app", "SELECT 1");
    assert_eq!(busy.answer().status, 200, "the old connection lives on");
    assert!(!house.node.has_logged(&["reload rejected"]), "{}", house.node.log());
}
