//! HTTP at its edges: heads, lengths, order, silence, and a thousand requests (T10, T11).

use std::time::{Duration, Instant};

use testkit::Client;
use testkit::wire::No;

use crate::hostile::{SHORT, SOON, a_good_client_is_served};
use crate::production::Production;

/// A head that is too long is refused without an end of the node; so is one that never ends.
#[test]
fn a_head_that_is_too_long_or_never_ends_is_refused() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let client = Client::new().presenting(&production.world, "analyst");
    let mut long = client.connect(&node).expect("a good client");
    let head =
        format!("GET /_health HTTP/1.1\r\nhost: db.example.com\r\nx: {}\r\n\r\n", "x".repeat(2_000_000));
    let _ = long.try_send(head.as_bytes());
    if let Ok(reply) = long.try_answer() {
        assert!([400, 413, 431].contains(&reply.status), "{reply:#?}");
    }
    let mut endless = client.connect(&node).expect("a good client");
    endless.send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n");
    let began = Instant::now();
    while endless.try_send(b"x: y\r\n").is_ok() {
        assert!(began.elapsed() < SOON, "still connected after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    a_good_client_is_served(&production, &node);
}

/// A long head over HTTP/2 is refused as well.
#[test]
fn a_long_head_over_http_2_is_refused() {
    let production = Production::new();
    let node = production.serve();
    production.world.write("header", format!("x-long: {}", "x".repeat(300_000)));
    let answer = production
        .curl(&node, "analyst")
        .arg("--http2")
        .arg("--header")
        .arg(format!("@{}", production.world.path("header").display()))
        .get("/_health");
    assert_ne!(answer.status, 200, "{:?}", answer.complaint);
    a_good_client_is_served(&production, &node);
}

/// A connection that has been silent for a while is served on, again and again.
#[test]
fn a_connection_is_served_on_after_a_silence() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    for _ in 0..3 {
        wire.ask("app", "SELECT 1");
        assert_eq!(wire.answer().status, 200);
        wire.is_silent_for(Duration::from_millis(1800));
    }
    // A head whose two halves have a silence between them.
    wire.send(b"GET /_health HTTP/1.1\r\nhost: db.");
    wire.is_silent_for(Duration::from_millis(1800));
    wire.send(b"example.com\r\n\r\n");
    assert_eq!(wire.answer().status, 200);
}

/// Requests that are sent without waiting for answers are answered in their order.
#[test]
fn requests_sent_without_waiting_are_answered_in_order() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    let one = |number: usize| {
        let body = format!(r#"{{"sql":"SELECT {number}"}}"#);
        format!(
            "POST /app/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    wire.send((0..50).map(one).collect::<String>().as_bytes());
    let mut answered = String::new();
    while answered.matches("\"rows\"").count() < 50 {
        answered.push_str(&wire.hear().expect("an open connection"));
    }
    for number in 0..50 {
        let here =
            answered.find(&format!("[[{number}]]")).unwrap_or_else(|| panic!("no {number}: {answered}"));
        let next = answered.find(&format!("[[{}]]", number + 1)).unwrap_or(usize::MAX);
        assert!(here < next, "{number} is out of order");
    }
}

/// An answer that is ready is sent, however late the rest of the next request comes: the connection may rest meanwhile,
/// and what it owed is not lost.
#[test]
fn answers_are_sent_though_the_next_request_is_only_half_there() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    let body = r#"{"sql":"SELECT 7"}"#;
    let one = format!(
        "POST /app/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (begun, rest) = one.split_at(20);
    wire.send(format!("{one}{one}{begun}").as_bytes());
    let mut answered = String::new();
    while answered.matches("[[7]]").count() < 2 {
        answered.push_str(&wire.hear().expect("both answers before the third request is whole"));
    }
    // Longer than a connection waits before it rests.
    std::thread::sleep(Duration::from_millis(2_500));
    wire.send(rest.as_bytes());
    while answered.matches("[[7]]").count() < 3 {
        answered.push_str(&wire.hear().expect("the third answer"));
    }
}

/// A connection that was idle for a while answers the next request as it did the first.
#[test]
fn a_rested_connection_answers_again() {
    let production = Production::new();
    let node = production.serve();
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    for _ in 0..3 {
        wire.ask("app", "SELECT 7");
        assert_eq!(wire.answer().status, 200);
        std::thread::sleep(Duration::from_millis(1_500));
    }
}

/// Megabytes arrive whole over both protocols.
#[test]
fn a_large_answer_arrives_whole() {
    let production = Production::new();
    let node = production.serve();
    for protocol in ["--http1.1", "--http2"] {
        let curl = production.curl(&node, "analyst").arg(protocol);
        let answer = curl.sql("app", "SELECT hex(zeroblob(2000000)) AS zeros").with_status(200).json();
        assert_eq!(answer["rows"][0][0].as_str().map(str::len), Some(4_000_000), "{protocol}");
    }
}

/// Two contradicting lengths, or a length beside chunks, are refused: nobody smuggles a second request.
#[test]
fn contradicting_lengths_are_refused() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let client = Client::new().presenting(&production.world, "analyst");
    for head in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding: xchunked",
        "content-length: +5",
    ] {
        let mut wire = client.connect(&node).expect("a good client");
        let smuggled = "0\r\n\r\nGET /_auth/whoami HTTP/1.1\r\nhost: x\r\n\r\n";
        let _ = wire.try_send(
            format!("POST /app/query HTTP/1.1\r\nhost: db.example.com\r\n{head}\r\n\r\n{smuggled}")
                .as_bytes(),
        );
        match wire.try_answer() {
            Ok(reply) => assert_eq!(reply.status, 400, "{head}: {reply:#?}"),
            Err(no) => assert_ne!(no, No::Silence, "{head}"),
        }
    }
    a_good_client_is_served(&production, &node);
}

/// A thousand requests, half over HTTP/1.1 and half over HTTP/2 at the same time, are all answered.
#[test]
fn a_thousand_requests_over_both_protocols_are_all_answered() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let port = node.port();
    let line = |version: &str, name: &str| {
        format!(
            "curl -sS {version} -Z --parallel-max 16 --resolve db.example.com:{port}:127.0.0.1 --cacert server-ca.crt \
             --cert {name}.crt --key {name}.key -o /dev/null -w '%{{http_code}} %{{http_version}}\\n' \
             -d '{{\"sql\":\"SELECT count(*) FROM notes\"}}' 'https://db.example.com:{port}/app/query?n=[1-500]'"
        )
    };
    let one = line("--http1.1", "analyst");
    let two = line("--http2", "reporting");
    let ran = production.world.sh(&format!("{one} & {two}; wait $!"));
    let count = |what: &str| ran.stdout.lines().filter(|line| *line == what).count();
    assert_eq!((count("200 1.1"), count("200 2")), (500, 500), "{ran}");
}
