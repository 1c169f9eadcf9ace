//! Sessions that are open when their certificate is taken back.

use std::time::Duration;

use testkit::Client;
use testkit::patience::{PATIENCE, wait_for};
use testkit::revocation::List;
use testkit::services::{Answer, Responder};

use super::town::{Town, revoked};

/// R16, R19: the list is fetched again in the background, and whoever it names is cut within a second of that; others
/// are not.
#[test]
fn a_live_session_ends_within_a_second_of_the_list_that_names_it() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").numbered(1));
    let node = town.serve("ocsp: false, crl: { cache_ttl: 2s }");
    let open = |name: &str| {
        let mut wire = Client::new().presenting(town.world(), name).connect(&node).expect("a handshake");
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
        wire
    };
    let (mut bad, mut good) = (open("bad"), open("good"));
    town.publish(
        "clients.crl",
        &List::of(town.world(), "client-ca").numbered(2).revoking("bad", "keyCompromise"),
    );
    // Nobody comes meanwhile: what keeps the list fresh is the live sessions.
    wait_for(
        "the new list",
        || node.log(),
        || node.has_logged(&["a revocation list was fetched", "0x02"]).then_some(()),
    );
    bad.ends_within(Duration::from_secs(1));
    node.logged(&["revoked", &town.serial("bad")]);
    good.ask("app", "SELECT 2");
    assert_eq!(good.answer().status, 200);
}

/// The same where a responder says so.
#[test]
fn a_live_session_ends_when_a_responder_says_that_it_is_revoked() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.responders_at(&["ocsp"]));
    let responder = || Responder::of(town.world(), "client-ca", "client-ca");
    town.services.set("ocsp", Answer::Ocsp(responder().good(&town.serial("bad"))));
    let node = town.serve("crl: false, ocsp: { cache_ttl: 2s }");
    let mut wire = Client::new().presenting(town.world(), "bad").connect(&node).expect("a handshake");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    town.services.set("ocsp", Answer::Ocsp(responder().revoked(&town.serial("bad"))));
    wire.ends_within(PATIENCE);
    let line = node.logged(&["revoked", &town.serial("bad"), "the OCSP responder"]);
    assert!(line.contains("keyCompromise"), "{line}");
}

/// An authority that falls silent for longer than its answers count ends the sessions that need them.
#[test]
fn a_live_session_ends_when_its_answer_does_and_nobody_gives_a_new_one() {
    let town = Town::new();
    town.client("client-ca", "waiting", &town.responders_at(&["ocsp"]));
    let responder = Responder::of(town.world(), "client-ca", "client-ca").good(&town.serial("waiting"));
    town.services.set("ocsp", Answer::Ocsp(responder));
    let node = town.serve("crl: false, ocsp: { cache_ttl: 2s }");
    let mut wire = Client::new().presenting(town.world(), "waiting").connect(&node).expect("a handshake");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    town.services.set("ocsp", Answer::Down);
    wire.ends_within(PATIENCE);
    node.logged(&["revocation-unknown", &town.serial("waiting"), "503"]);
}

/// A reload that changes nothing here forgets nothing: the list that was fetched before it still counts.
#[test]
fn a_reload_that_does_not_change_how_is_asked_forgets_nothing() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "superseded"));
    let yaml = town.written("ocsp: false");
    let node = town.production.serve_written(&yaml);
    assert_eq!(town.knock(&node, "good"), Ok(()));
    town.services.set("clients.crl", Answer::Down);
    town.world().write("countersign.yaml", yaml.replace("level: read-write", "level: read-only"));
    node.signal("HUP");
    let write = || town.production.curl(&node, "good").sql("app", "CREATE TABLE IF NOT EXISTS t(a)");
    wait_for("the lowered grant", || node.log(), || (write().status == 403).then_some(()));
    assert_eq!(town.knock(&node, "good"), Ok(()));
    assert_eq!(town.knock(&node, "bad"), revoked());
    assert_eq!(town.services.asked("clients.crl"), 1);
}

/// One that does change it forgets nothing either: who came in before does so again, and the authority is down.
#[test]
fn a_reload_that_changes_how_is_asked_forgets_no_answer() {
    let town = Town::new();
    let both = format!("{}\n{}", town.lists_at(&["down.crl"]), town.responders_at(&["ocsp"]));
    town.client("client-ca", "listed", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "good", &both);
    town.client("client-ca", "bad", &both);
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    let responder = Responder::of(town.world(), "client-ca", "client-ca");
    let knows = responder.good(&town.serial("good")).revoked(&town.serial("bad"));
    town.services.set("ocsp", Answer::Ocsp(knows));
    let yaml = town.written("ocsp: { timeout: 8s }");
    let node = town.production.serve_written(&yaml);
    let knock = || ["listed", "good", "bad"].map(|name| town.knock(&node, name));
    let as_known = [Ok(()), Ok(()), revoked()];
    assert_eq!(knock(), as_known);
    town.services.set("clients.crl", Answer::Down);
    town.services.set("ocsp", Answer::Down);
    let mut wire = Client::new().presenting(town.world(), "good").connect(&node).expect("a handshake");
    let changed =
        yaml.replace("timeout: 8s", "timeout: 15s").replace("level: read-write", "level: read-only");
    town.world().write("countersign.yaml", changed);
    node.signal("HUP");
    let write = || town.production.curl(&node, "good").sql("app", "CREATE TABLE IF NOT EXISTS t(a)");
    wait_for("the lowered grant", || node.log(), || (write().status == 403).then_some(()));
    assert_eq!(knock(), as_known);
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
}

/// What would be weaker is tried without a word to anybody outside, and refused.
#[test]
fn a_reload_that_is_refused_asks_nobody() {
    let town = Town::new();
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    let yaml = town.written("ocsp: false");
    let node = town.production.serve_written(&yaml);
    assert_eq!(town.knock(&node, "good"), Ok(()));
    let prefetch = format!("prefetch: [ \"{}\" ], failure_mode: ", town.services.url("early.crl"));
    let with = |mode: &str| yaml.replace("ocsp: false", &format!("ocsp: false, {prefetch}{mode}"));
    town.world().write("countersign.yaml", with("fail-open"));
    node.signal("HUP");
    node.logged(&["reload rejected: it would be weaker", "failure"]);
    assert_eq!(town.knock(&node, "good"), Ok(()));
    assert_eq!(town.services.asked("early.crl"), 0);
    town.world().write("countersign.yaml", with("fail-closed"));
    node.signal("HUP");
    let asked = || (town.services.asked("early.crl") > 0).then_some(());
    wait_for("the list that is fetched at the start", || node.log(), asked);
}
