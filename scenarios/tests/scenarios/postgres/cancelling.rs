//! Who may stop a statement that runs.

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use testkit::patience::wait_for;
use testkit::{Client, Node, Wire};

use super::House;
use super::starting::{until_ready, within_tls};
use super::unprotected::start_up;
use crate::hostile::SOON;

/// A statement that runs for longer than any test, of this principal; and the request by which it is cancelled.
fn running(house: &House, node: &Node, name: &str, mark: &str) -> (Wire, Vec<u8>) {
    let mut wire = within_tls(house, node, name);
    wire.send(&start_up(&[("user", name), ("database", "orders"), ("application_name", mark)]));
    let messages = until_ready(&mut wire);
    let (_, key) = messages.iter().find(|(tag, _)| *tag == b'K').expect("a key for cancelling");
    let mut request = vec![0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];
    request.extend(key);
    wire.send(b"Q\0\0\0\x19SELECT pg_sleep(300)\0");
    let active = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{mark}' AND state = 'active' AND query LIKE '%sleep%'"
    );
    wait_for(
        "the statement to run",
        || node.log(),
        || (house.server.sql("orders", &active) == "1").then_some(()),
    );
    (wire, request)
}

/// The error that a statement ends with.
fn end_of_statement(wire: &mut Wire) -> String {
    loop {
        let head = wire.exactly(5);
        let length = u32::from_be_bytes(head[1..].try_into().expect("four bytes"));
        let body = wire.exactly(usize::try_from(length).expect("a length") - 4);
        match head[0] {
            b'E' => return body.escape_ascii().to_string(),
            b'Z' => panic!("the statement came to its end"),
            _ => {}
        }
    }
}

#[test]
fn a_statement_is_cancelled_by_the_same_principal_and_by_nobody_else() {
    let house = House::new();
    let node = house.serve();
    let (mut wire, request) = running(&house, &node, "analyst", "cancel-same");

    let mut other = within_tls(&house, &node, "reporting");
    other.send(&request);
    other.ends_within(SOON);
    node.logged(&["request refused", "no-grant", "by the key of another principal's session"]);

    let mut wrong = request.clone();
    *wrong.last_mut().expect("a secret") ^= 1;
    let mut guess = within_tls(&house, &node, "analyst");
    guess.send(&wrong);
    guess.ends_within(SOON);

    let mut stranger = within_tls(&house, &node, "nobody");
    stranger.send(&request);
    stranger.ends_within(SOON);

    let mut clear = Wire::plain(&node);
    clear.send(&request);
    clear.ends_within(SOON);
    wire.is_silent_for(Duration::from_millis(300));

    let mut own = within_tls(&house, &node, "analyst");
    own.send(&request);
    ends_properly(&mut own);
    let said = end_of_statement(&mut wire);
    assert!(said.contains("57014"), "{said}");
    // The session goes on.
    until_idle(&mut wire);
    wire.send(b"Q\0\0\0\x0dSELECT 1\0");
    let answer: Vec<u8> = until_ready(&mut wire).iter().map(|(tag, _)| *tag).collect();
    assert_eq!(answer, b"TDCZ");
}

/// A client takes a connection that breaks off for a cancel that failed.
fn ends_properly(wire: &mut Wire) {
    let Wire::Tls(stream) = wire else { panic!("within TLS") };
    assert_eq!(stream.read(&mut [0]).expect("a close_notify"), 0);
}

fn until_idle(wire: &mut Wire) {
    assert_eq!(until_ready(wire).last().map(|(tag, _)| *tag), Some(b'Z'));
}

/// libpq before version 17 cancels in clear text; where the listener says so, that is heard.
#[test]
fn psql_interrupts_its_statement_where_the_listener_hears_requests_in_clear_text() {
    let house = House::new();
    let yaml = house.written().replace("auth: [mtls] }", "auth: [mtls], plaintext_cancel: true }");
    let node = house.serve_written(&yaml);
    house.world.write("wait.sql", "SELECT pg_sleep(300);\nSELECT 'went on';\n");
    let port = node.port();
    let settings = format!(
        "host=db.example.com hostaddr=127.0.0.1 port={port} dbname=orders user=analyst application_name=interrupted {}",
        super::house::verified("analyst")
    );
    let ran = thread::scope(|scope| {
        let psql = scope.spawn(|| {
            // A shell that is not interactive has its children ignore the interrupt; this one asks for it back.
            house.world.try_sh(&format!(
                "python3 -c 'import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL); \
                 os.write(os.open(\"pid\", os.O_CREAT | os.O_WRONLY), str(os.getpid()).encode()); \
                 os.execvp(\"psql\", [\"psql\", \"-XAtq\", \"-f\", \"wait.sql\", \"{settings}\"])' 2>&1"
            ))
        });
        let active = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'interrupted' AND state = 'active'";
        wait_for(
            "the statement to run",
            || node.log(),
            || (house.server.sql("orders", active) == "1").then_some(()),
        );
        house.world.sh("kill -INT $(cat pid)");
        psql.join().expect("psql ends")
    });
    assert!(ran.said().contains("canceling statement due to user request"), "{ran}");
    node.logged(&["cancelled by a request in clear text"]);
}

/// A key is good for as long as its session, and a client cannot tell what became of its request.
#[test]
fn a_key_of_a_session_that_has_ended_cancels_nothing() {
    let house = House::new();
    let node = house.serve();
    let mut wire = within_tls(&house, &node, "analyst");
    wire.send(&start_up(&[("user", "analyst"), ("database", "orders")]));
    let messages = until_ready(&mut wire);
    let (_, key) = messages.iter().find(|(tag, _)| *tag == b'K').expect("a key for cancelling");
    let mut request = vec![0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];
    request.extend(key);
    wire.send(b"X\0\0\0\x04");
    wire.ends_within(SOON);
    let mut late = Client::new()
        .presenting(&house.world, "analyst")
        .offering(&["postgresql"])
        .connect(&node)
        .expect("a handshake");
    late.send(&request);
    late.ends_within(SOON);
    house.psql_as(&node, "analyst", "SELECT 1").succeeded().says("1");
}
