//! Ctrl-C and SIGTERM: what is in flight is finished, what is open is said goodbye to, and the data is whole.

use std::fs::OpenOptions;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use testkit::patience::wait_for;
use testkit::{Client, Node};

use crate::production::Production;

fn nobody_listens(node: &Node) -> Option<()> {
    TcpStream::connect(node.address()).is_err().then_some(())
}

/// A request that has begun before Ctrl-C is answered after it, and the node ends with exit code 0.
#[test]
fn a_request_in_flight_is_answered_before_the_node_ends() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    let body = br#"{"sql":"SELECT 'late'"}"#;
    wire.send(
        format!("POST /app/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: {}\r\n\r\n", body.len())
            .as_bytes(),
    );
    wire.send(&body[..5]);
    // The head must have arrived before the signal does: a second request on another connection proves nothing about the
    // first, but the session gauge does, for it counts connections past their handshake.
    wait_for(
        "the session",
        || node.log(),
        || {
            let metrics = production.curl(&node, "analyst").get("/_metrics").body;
            let sessions = metrics.lines().find(|line| line.starts_with("countersign_gateway_sessions"))?;
            sessions.split_whitespace().last()?.parse::<f64>().ok().filter(|count| *count >= 2.0).map(drop)
        },
    );
    node.signal("INT");
    wait_for("a closed door", || node.log(), || nobody_listens(&node));
    wire.send(&body[5..]);
    let reply = wire.answer();
    assert_eq!(reply.status, 200, "{reply:#?}");
    assert!(reply.body.contains("late"), "{reply:#?}");
    assert_eq!(node.ended().code, Some(0));
}

/// An idle connection does not hold the node back.
#[test]
fn an_idle_connection_does_not_hold_the_node_back() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    let mut silent =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    silent.ask("app", "SELECT 1");
    assert_eq!(silent.answer().status, 200);
    silent.is_silent_for(Duration::from_millis(1800));
    let began = Instant::now();
    let ended = node.interrupted();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// A client that never finishes its request holds the node back for the deadline, and no longer.
#[test]
fn a_client_that_never_finishes_holds_the_node_back_no_longer_than_the_deadline() {
    let production = Production::new();
    let node = production.serve_adding("limits: { shutdown: 1s }");
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.send(b"POST /app/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: 1000\r\n\r\n{");
    let began = Instant::now();
    let ended = node.interrupted();
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}\n{ended}", began.elapsed());
    assert_eq!(ended.code, Some(0), "{ended}");
}

/// After a shutdown the database is one file: everything is checkpointed.
#[test]
fn after_a_shutdown_the_database_is_one_whole_file() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    node.signal("TERM");
    let ended = node.ended();
    assert_eq!(ended.code, Some(0), "{ended}");
    let wal = production.world.path("app.db-wal");
    assert!(!wal.exists() || wal.metadata().is_ok_and(|file| file.len() == 0), "{ended}");
    let header = std::fs::read(production.world.path("app.db")).expect("a database file");
    assert!(header.starts_with(b"SQLite format 3\0"));
    assert!(header.windows(5).any(|bytes| bytes == b"three"), "the rows are in the file itself");
}

/// A running statement does not hold the node back past the deadline.
#[test]
fn a_running_statement_does_not_hold_the_node_back_past_the_deadline() {
    let production = Production::new();
    let node = production.serve_adding("limits: { shutdown: 1s, statement_timeout: 60s }");
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.ask("app", "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n");
    production.curl(&node, "reporting").sql("app", "SELECT 1").with_status(200);
    let began = Instant::now();
    let ended = node.interrupted();
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}\n{ended}", began.elapsed());
    assert_eq!(ended.code, Some(0), "{ended}");
}

/// SIGHUP ends no node, and does not go unanswered.
#[test]
fn sighup_makes_the_node_look_again_and_it_serves_on() {
    let production = Production::new();
    let node = production.serve();
    node.signal("HUP");
    node.logged(&["SIGHUP", "nothing has changed"]);
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
    assert_eq!(node.interrupted().code, Some(0));
}

/// A reload that hangs (here it waits for somebody to write into a pipe) holds the node back until it is told twice.
#[test]
fn a_second_signal_ends_a_node_that_waits_for_a_reload_that_hangs() {
    let production = Production::new();
    let node = production.serve_adding("reload: { watch: false }");
    production.world.sh("rm client-ca.crt && mkfifo client-ca.crt");
    node.signal("HUP");
    // Without waiting it can be opened only while somebody reads.
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(O_NONBLOCK).open(production.world.path("client-ca.crt")).ok()
    };
    let _pipe = wait_for("a reload that reads the pipe", || node.log(), open);
    node.signal("INT");
    wait_for("a closed door", || node.log(), || nobody_listens(&node));
    node.signal("TERM");
    let ended = node.ended();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(ended.stderr.contains("asked again: stopped"), "{ended}");
}

/// As the kernel has it.
const O_NONBLOCK: i32 = 0o4000;
