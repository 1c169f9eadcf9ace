//! Reloads: everything live, all or nothing, nothing weaker, nobody disturbed (E8 to E11).

mod asked;
mod house;
mod rotation;
mod watched;
mod weaker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::patience::wait_at_most;
use testkit::{Client, Curl};

use crate::production::replaced;
use house::{House, SECOND};

/// S1-16: "remove the principal from the config and reload — a valid, unexpired cert becomes useless the instant no
/// principal maps it"; on the connection that is open already, too.
#[test]
fn a_principal_that_is_removed_is_cut_off_within_a_second_and_others_are_not_disturbed() {
    let house = House::new();
    let (reporting, analyst) = (house.client("reporting"), house.client("analyst"));
    let mut gone = reporting.connect(&house.node).expect("a handshake");
    let mut stays = analyst.connect(&house.node).expect("a handshake");
    for wire in [&mut gone, &mut stays] {
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
    }
    let pid = house.node.pid();
    house.change(|yaml| {
        let yaml = house.without_reporting(yaml);
        replaced(&yaml, "      - { principal: reporting, level: read-only }\n", "")
    });
    house.hup_applies();
    let began = Instant::now();
    gone.ends_within(SECOND);
    assert!(began.elapsed() < SECOND);
    house.curl("reporting").sql("app", "SELECT 1").is_refused(
        401,
        "authentication required",
        "unmapped-certificate",
    );
    stays.ask("app", "SELECT 2");
    assert_eq!(stays.answer().status, 200);
    assert_eq!(house.node.pid(), pid);
}

/// S1-16, the other way: the `mtls` method alone is removed.
#[test]
fn a_principal_whose_method_is_removed_can_sign_in_no_more() {
    let house = House::new();
    house.curl("reporting").sql("app", "SELECT 1").with_status(200);
    house.change(|yaml| {
        let pin = yaml.lines().find(|line| line.contains("spki_sha256")).expect("a pin").to_owned();
        yaml.replace(&format!("\n      methods:\n{pin}"), "")
    });
    house.hup_applies();
    house.curl("reporting").sql("app", "SELECT 1").with_status(401);
    house.curl("analyst").sql("app", "SELECT 1").with_status(200);
}

/// A grant that is lowered ends the session that used it, and no other.
#[test]
fn a_lowered_grant_ends_the_session_that_used_it_and_no_other() {
    let house = House::new();
    let mut wrote = house.client("analyst").connect(&house.node).expect("a handshake");
    wrote.ask("app", "CREATE TABLE t(x)");
    assert_eq!(wrote.answer().status, 200);
    let mut other = house.client("reporting").connect(&house.node).expect("a handshake");
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200);
    house.change(|yaml| replaced(yaml, "level: read-write", "level: read-only"));
    house.hup_applies();
    wrote.ends_within(SECOND);
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200);
    house.curl("analyst").sql("app", "INSERT INTO t VALUES (1)").is_refused(
        403,
        "forbidden: read-only (write not permitted)",
        "read-only",
    );
}

/// E10: principals, grants, limits, databases and listeners change while the node serves.
#[test]
fn databases_and_listeners_come_and_go_and_limits_change_without_a_restart() {
    let house = House::new();
    let mut kept = house.client("analyst").connect(&house.node).expect("a handshake");
    kept.ask("app", "CREATE TABLE t(x)");
    assert_eq!(kept.answer().status, 200);
    let before = house.yaml();
    house.change(|yaml| {
        let yaml = replaced(yaml, "databases:\n", "databases:\n  - { name: more, backend: memory-shared, grants: [ { principal: analyst, level: read-write } ] }\n");
        let yaml = replaced(&yaml, "auth:\n  principals", "  - { name: second, transport: h2, address: \"127.0.0.1:0\", tls: prod, auth: [mtls] }\nauth:\n  principals");
        format!("{yaml}limits: {{ max_rows: 1 }}\n")
    });
    house.hup_applies();
    house.node.logged(&["reload applied", "listener second added", "database more added", "limits"]);
    house.curl("analyst").sql("more", "SELECT 1").with_status(200);
    let rows = house.curl("analyst").sql("app", "SELECT 1 UNION SELECT 2");
    assert_eq!(rows.json()["truncated"], true, "{rows:#?}");
    let second = house.listener("second");
    let at_second = || house.curl_to(second, "analyst").sql("app", "SELECT 1");
    at_second().with_status(200);
    house.change(|_| before.clone());
    house.hup_applies();
    house.node.logged(&["reload applied", "listener second removed", "database more removed"]);
    assert_eq!(at_second().exit, 7, "nobody listens there any more");
    house.curl("analyst").sql("more", "SELECT 1").with_status(403);
    kept.ask("app", "INSERT INTO t VALUES (1)");
    assert_eq!(kept.answer().status, 200, "the first listener and its connections stayed");
}

/// E10: what cannot be changed while the node runs is named, and nothing else is applied with it.
#[test]
fn what_needs_a_restart_is_named_and_rejects_the_reload_whole() {
    let house = House::new();
    house.change(|yaml| {
        let yaml = replaced(yaml, "level: read-write", "level: read-only");
        format!("{yaml}ledger: {{ url: \"sqlite:./ledger.db\" }}\nlogging: {{ format: json }}\n")
    });
    house.hup();
    house.node.logged(&["reload rejected", "ledger needs a restart", "logging.format needs a restart"]);
    house.curl("analyst").sql("app", "CREATE TABLE t(x)").with_status(200);
}

/// The node itself holds the port, whatever address of the machine is asked for: nobody else is to be stopped for it.
#[test]
fn an_address_that_the_node_itself_holds_needs_a_restart() {
    let house = House::new();
    let port = house.node.port();
    house.change(|yaml| replaced(yaml, "127.0.0.1:0", &format!("0.0.0.0:{port}")));
    house.hup();
    house.node.logged(&["reload rejected", "needs a restart", "held by this node's own listener"]);
    assert!(!house.node.log().contains("taken"), "{}", house.node.log());
}

/// Each setting that a reload changed is named: the record is made of it.
#[test]
fn what_changed_is_named_setting_by_setting() {
    let house = House::new();
    house.change(|yaml| {
        let yaml = replaced(yaml, "127.0.0.1:0", "127.0.0.2:0");
        let yaml = replaced(&yaml, "mode: rwc", "mode: ro");
        let yaml = replaced(&yaml, "poll: 1h", "poll: 2h");
        format!("{yaml}allow_weaker: [ nothing in particular ]\n")
    });
    house.hup_applies();
    for named in ["listener h2 address", "database app mode", "reload", "allow_weaker"] {
        house.node.logged(&["reload applied", named]);
    }
}

/// Requests under way and connections that are open notice nothing of reloads that do not concern them.
#[test]
fn traffic_goes_on_while_the_configuration_is_read_again_and_again() {
    let house = House::new();
    let node = &house.node;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _told = Done(&done);
        for name in ["analyst", "reporting"] {
            let client = house.client(name);
            let done = &done;
            scope.spawn(move || {
                let mut wire = client.connect(node).expect("a handshake");
                let mut asked = 0;
                while !done.load(Ordering::Relaxed) {
                    wire.ask("app", "SELECT 1");
                    assert_eq!(wire.answer().status, 200, "after {asked} requests on one connection");
                    let fresh = client.connect(node).map(|mut wire| {
                        wire.ask("app", "SELECT 1");
                        wire.answer().status
                    });
                    assert_eq!(fresh.expect("a handshake"), 200);
                    asked += 1;
                }
                assert!(asked > 0);
            });
        }
        let yaml = house.yaml();
        for round in 1..=40 {
            house.change(|_| format!("{yaml}limits: {{ max_rows: {} }}\n", 1_000 + round));
            house.hup_applies();
            if round % 4 == 0 {
                // A pair that does not match is refused, and nothing happens.
                house.break_pair();
                house.hup();
                house.mend_pair();
            }
        }
    });
}

/// Says that it is done, also where a test fails: nobody waits for ever.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// E9: how often, how, and how long ago: for machines and for people.
#[test]
fn reloads_are_counted_and_their_age_and_last_error_are_shown() {
    let house = House::new();
    house.change(|yaml| format!("{yaml}limits: {{ max_rows: 7 }}\n"));
    house.hup_applies();
    house.hup();
    house.node.logged(&["nothing has changed"]);
    house.change(|yaml| format!("{yaml}nonsense: 1\n"));
    house.hup();
    house.node.logged(&["reload rejected", "unknown key \"nonsense\""]);
    let metrics = house.curl("admin").get("/_metrics").body;
    for (result, count) in [("applied", 1), ("unchanged", 1), ("rejected", 1), ("weaker", 0)] {
        let line = format!("countersign_reload_total{{result=\"{result}\"}} {count}");
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    let status = house.curl("admin").get("/_admin/status").with_status(200).json();
    assert_eq!(status["generation"], 2);
    let reload = &status["reload"];
    assert_eq!(reload["last_result"], "rejected");
    assert!(reload["age_seconds"].as_i64().is_some_and(|age| (0..60).contains(&age)), "{reload}");
    assert!(reload["last_error"]["reason"].as_str().is_some_and(|why| why.contains("nonsense")), "{reload}");
    house
        .countersign(&["status"])
        .succeeded()
        .says("generation 2")
        .says("last reload rejected")
        .says("nonsense");
}

/// S2-26.
#[test]
fn kill_hup_reloads_certificates() {
    let house = House::new();
    let serial = house.new_server_certificate("fresh");
    house.install("fresh");
    house.hup_applies();
    assert_eq!(house.served_serial(), serial);
    let stranger = Client::new().presenting(&house.production.world, "analyst");
    assert_eq!(stranger.knock(&house.node), Ok(200));
}

/// What a test waits for, with the node's log as its story.
fn within<T>(limit: Duration, what: &str, house: &House, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(limit, what, || house.node.log(), condition)
}

/// A call to an address of the node.
fn curl_at(port: u16) -> Curl {
    Curl::at(port, "db.example.com")
}
