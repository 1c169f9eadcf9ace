//! The ten mistakes of Harper's certificate verification, each not made here.

use testkit::patience::wait_for;
use testkit::revocation::List;
use testkit::services::{Answer, Responder};

use super::town::{Town, revoked, unknown};

/// S3-3: valid is let in; revoked is refused on the first request of a fresh process with nothing in memory.
#[test]
fn harper_1_a_revoked_certificate_is_refused_on_the_first_request_of_a_fresh_process() {
    let town = Town::new();
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "keyCompromise"));
    let node = town.serve("ocsp: false");
    assert_eq!(town.knock(&node, "bad"), revoked());
    let line = node.logged(&["certificate-revoked", &town.serial("bad")]);
    assert!(line.contains("keyCompromise") && line.contains("clients.crl"), "reason and source: {line}");
    assert_eq!(town.knock(&node, "good"), Ok(()));
    assert_eq!(town.services.asked("clients.crl"), 1);
}

#[test]
fn harper_2_an_invalid_block_stops_the_start_and_switches_nothing_off() {
    let town = Town::new();
    for (wrong, words) in [
        ("failureMode: fail-opened", "fail-open"),
        ("crl: { timeout: 1 }", "CRL timeout must be at least 1000ms (1 second)"),
        ("oscp: false", "oscp"),
    ] {
        let said = town.production.refuses(&town.written(wrong));
        assert!(said.contains(words), "{wrong}: {said}");
    }
}

/// The certificate itself is what is trusted, and nobody knows who issued it: nobody can be asked.
#[test]
fn harper_3_a_certificate_whose_issuer_is_not_at_hand_is_refused_in_both_failure_modes() {
    let town = Town::new();
    town.client("client-ca", "alone", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    town.world().sh("cp alone.crt client-ca.crt");
    for mode in ["fail-closed", "fail-open"] {
        let node = town.serve(&format!("failure_mode: {mode}"));
        assert_eq!(town.knock(&node, "alone"), unknown(), "{mode}");
    }
    assert_eq!(town.services.asked("clients.crl"), 0);
}

#[test]
fn harper_4_fail_open_holds_for_ocsp_and_a_list_with_a_wrong_signature_is_never_outvoted() {
    let town = Town::new();
    town.client("client-ca", "quiet", &town.responders_at(&["down"]));
    let node = town.serve("failure_mode: fail-open");
    assert_eq!(town.knock(&node, "quiet"), Ok(()));
    node.logged(&["WARN", "let in unasked", "503"]);

    let ways = format!("{}\n{}", town.lists_at(&["forged.crl"]), town.responders_at(&["ocsp"]));
    town.client("client-ca", "either", &ways);
    let mut list = town.der(&List::of(town.world(), "client-ca"));
    *list.last_mut().expect("a signature") ^= 1;
    town.services.set("forged.crl", Answer::File(list));
    let responder = Responder::of(town.world(), "client-ca", "client-ca").good(&town.serial("either"));
    town.services.set("ocsp", Answer::Ocsp(responder));
    for mode in ["fail-closed", "fail-open"] {
        let node = town.serve(&format!("failure_mode: {mode}"));
        assert_eq!(town.knock(&node, "either"), unknown(), "{mode}");
        node.logged(&["forged.crl", "signature"]);
    }
    assert_eq!(town.services.asked("ocsp"), 0, "a responder's good word does not make up for it");
}

/// S3-3: both are down: refused. They come back: let in, after no longer than failures are remembered.
#[test]
fn harper_5_an_outage_is_forgotten_with_the_error_cache_and_locks_nobody_out_for_longer() {
    let town = Town::new();
    let ways = format!("{}\n{}", town.lists_at(&["clients.crl"]), town.responders_at(&["ocsp"]));
    town.client("client-ca", "patient", &ways);
    let node = town.serve("ocsp: { error_cache_ttl: 1s }");
    assert_eq!(town.knock(&node, "patient"), unknown());
    assert!(town.services.asked("clients.crl") > 0 && town.services.asked("ocsp") > 0, "both were asked");
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    wait_for("the client let in", || node.log(), || town.knock(&node, "patient").ok());
}

#[test]
fn harper_6_every_address_is_tried_and_intermediates_are_asked_about() {
    let town = Town::new();
    town.client("client-ca", "two", &town.lists_at(&["first.crl", "second.crl"]));
    town.client("client-ca", "too", &town.responders_at(&["first", "second"]));
    town.publish("second.crl", &List::of(town.world(), "client-ca"));
    let responder = Responder::of(town.world(), "client-ca", "client-ca").good(&town.serial("too"));
    town.services.set("second", Answer::Ocsp(responder));
    let node = town.serve("");
    assert_eq!(town.knock(&node, "two"), Ok(()));
    assert_eq!(town.knock(&node, "too"), Ok(()));
    assert_eq!((town.services.asked("first.crl"), town.services.asked("first")), (1, 1));

    town.intermediate("Inter", &town.lists_at(&["root.crl"]));
    town.client("Inter", "below", &town.lists_at(&["inter.crl"]));
    town.bring("below", "Inter");
    town.publish("inter.crl", &List::of(town.world(), "Inter"));
    town.publish("root.crl", &List::of(town.world(), "client-ca").revoking("Inter", "cACompromise"));
    assert_eq!(town.knock(&node, "below"), revoked());
    node.logged(&["certificate-revoked", "CN=Inter"]);
    let leaf_only = town.serve("check_intermediates: false");
    assert_eq!(town.knock(&leaf_only, "below"), Ok(()));
}

/// `nextUpdate` counts before the cache does, and the list is fetched again before it ends, without anybody asking.
#[test]
fn harper_7_a_list_is_fetched_again_before_its_next_update_and_not_only_when_the_cache_ends() {
    let town = Town::new();
    town.client("client-ca", "watched", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").for_seconds(4));
    let node = town.serve("ocsp: false, crl: { cache_ttl: 24h, grace: 0s }");
    assert_eq!(town.knock(&node, "watched"), Ok(()));
    town.publish(
        "clients.crl",
        &List::of(town.world(), "client-ca").numbered(2).revoking("watched", "superseded"),
    );
    wait_for(
        "a second request without a client",
        || node.log(),
        || (town.services.asked("clients.crl") >= 2).then_some(()),
    );
    wait_for(
        "the new list's word",
        || node.log(),
        || (town.knock(&node, "watched") == revoked()).then_some(()),
    );
}

/// Two authorities of one root, whose certificates bear the same serial number.
#[test]
fn harper_8_a_serial_number_revoked_by_one_authority_is_not_revoked_for_its_sibling() {
    let town = Town::new();
    town.publish("root.crl", &List::of(town.world(), "client-ca"));
    for authority in ["East", "West"] {
        town.intermediate(authority, &town.lists_at(&["root.crl"]));
        let list = format!("{authority}.crl");
        let name = format!("of{authority}");
        town.world().write(format!("{authority}.srl"), "1234\n");
        town.client(authority, &name, &town.lists_at(&[&list]));
        let empty = List::of(town.world(), authority);
        let full = if authority == "East" { empty.revoking("ofEast", "superseded") } else { empty };
        town.publish(&list, &full);
        town.bring(&name, authority);
    }
    assert_eq!(town.serial("ofEast"), town.serial("ofWest"));
    let node = town.serve("ocsp: false");
    assert_eq!(town.knock(&node, "ofEast"), revoked());
    assert_eq!(town.knock(&node, "ofWest"), Ok(()));
}

/// What is known is judged in the handshake: the client hears the alert, and no request is read.
#[test]
fn harper_9_what_is_known_is_judged_in_the_handshake() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "keyCompromise"));
    let node = town.serve("ocsp: false");
    assert_eq!(town.knock(&node, "bad"), revoked());
    let no = town.production.curl(&node, "bad").get("/_health");
    assert!(no.complaint.contains("certificate revoked"), "{no:#?}");
}

/// Size, private addresses, the nonce, and lists of a kind that cannot be followed.
#[test]
fn harper_10_an_answer_is_bounded_guarded_and_asked_for_by_a_nonce() {
    let town = Town::new();
    town.services.set("endless.crl", Answer::Endless);
    town.client("client-ca", "endless", &town.lists_at(&["endless.crl"]));
    town.client("client-ca", "asked", &town.responders_at(&["ocsp"]));
    let responder = Responder::of(town.world(), "client-ca", "client-ca").good(&town.serial("asked"));
    town.services.set("ocsp", Answer::Ocsp(responder));
    let node = town.serve("max_bytes: 64KiB");
    assert_eq!(town.knock(&node, "endless"), unknown());
    node.logged(&["endless.crl", "more than 65536 bytes"]);
    assert_eq!(town.knock(&node, "asked"), Ok(()));
    let requests = town.services.requests("ocsp");
    let nonce_oid = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    assert!(
        requests[0].body.windows(nonce_oid.len()).any(|part| part == nonce_oid),
        "the question has a nonce"
    );
    assert!(
        requests[0].head.to_ascii_lowercase().contains("user-agent: countersign/"),
        "{}",
        requests[0].head
    );

    town.client("client-ca", "private", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    let guarded = town.production.serve_written(&town.written_exactly("verification: true"));
    assert_eq!(town.knock(&guarded, "private"), unknown());
    guarded.logged(&["clients.crl", "not asked unless allowed"]);
    assert_eq!(town.services.asked("clients.crl"), 0);
}
