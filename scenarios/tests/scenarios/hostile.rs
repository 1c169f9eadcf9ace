//! A slow, silent, lying or flooding network costs a bounded slot for a bounded time, and good clients are served on (T32).

use std::time::{Duration, Instant};

use rustls::AlertDescription;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use testkit::wire::No;
use testkit::{Client, Node, Wire};

use crate::production::Production;

/// Limits short enough for a test; the defaults are ten and more seconds.
pub const SHORT: &str =
    "limits: { handshake_timeout: 1s, header_timeout: 1s, body_timeout: 1s, idle_timeout: 2s, shutdown: 2s }";

/// Within this, a limit of a second has been kept on a busy machine.
pub const SOON: Duration = Duration::from_secs(8);

#[track_caller]
pub fn a_good_client_is_served(production: &Production, node: &Node) {
    let began = Instant::now();
    production.curl(node, "analyst").sql("app", "SELECT 1").with_status(200);
    assert!(began.elapsed() < Duration::from_secs(5), "a good client waited {:?}", began.elapsed());
}

/// A client that connects and says nothing is let go.
#[test]
fn a_silent_client_is_let_go() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut silent = Wire::plain(&node);
    a_good_client_is_served(&production, &node);
    silent.ends_within(SOON);
}

/// A client that sends its handshake a byte at a time does not stretch the time it has for it.
#[test]
fn a_byte_at_a_time_does_not_stretch_the_handshake() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut slow = Wire::plain(&node);
    let began = Instant::now();
    // The beginning of a TLS record that announces 512 bytes; each byte comes well within the limit.
    let mut bytes = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01].into_iter().chain(std::iter::repeat(0));
    while slow.try_send(&[bytes.next().unwrap_or(0)]).is_ok() {
        assert!(began.elapsed() < SOON, "still connected after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    a_good_client_is_served(&production, &node);
}

/// Garbage, an over-long record, plaintext HTTP and the first bytes of other protocols end the connection, not the node.
#[test]
fn garbage_ends_the_connection_and_not_the_node() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let random: Vec<u8> = (0_u32..4096).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let cases: [(&str, &[u8]); 6] = [
        ("random bytes", &random),
        ("a record of 65535 bytes", &[0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00, 0xff, 0xff]),
        ("plain HTTP", b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n\r\n"),
        ("PostgreSQL's SSLRequest", &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]),
        ("an h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("an alert", &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]),
    ];
    for (what, bytes) in cases {
        let mut wire = Wire::plain(&node);
        let _ = wire.try_send(bytes);
        let took = wire.ends_within(SOON);
        assert!(took < SOON, "{what}: {took:?}");
    }
    a_good_client_is_served(&production, &node);
    assert!(!node.log().contains("panicked"), "{node}");
}

/// Plain HTTP on a TLS port gets no answer that could be taken for one.
#[test]
fn plain_http_on_a_tls_port_is_not_served() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut wire = Wire::plain(&node);
    wire.send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n\r\n");
    if let Ok(reply) = wire.try_answer() {
        assert_eq!(reply.status, 400, "{reply:#?}");
    }
}

/// Two hundred half-open connections of one address do not stop a client at another.
#[test]
fn a_flood_of_half_open_connections_does_not_stop_a_good_client() {
    let production = Production::new();
    let node = production.serve();
    let flood: Vec<_> = (0..200).map(|_| Wire::plain(&node)).collect();
    for _ in 0..5 {
        let began = Instant::now();
        let elsewhere = production.curl(&node, "analyst").arg("--interface").arg("127.0.0.2");
        elsewhere.sql("app", "SELECT 1").with_status(200);
        assert!(began.elapsed() < Duration::from_secs(5), "a good client waited {:?}", began.elapsed());
    }
    drop(flood);
    a_good_client_is_served(&production, &node);
}

/// One address holds only as many connections as it may; the next is turned away, and let in once one is gone.
#[test]
fn one_address_holds_only_as_many_connections_as_it_may() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_connections_per_ip: 5 }");
    let client = Client::new().presenting(&production.world, "analyst");
    let mut open: Vec<_> = (0..5)
        .map(|_| {
            let mut wire = client.connect(&node).expect("a good client");
            wire.ask("app", "SELECT 1");
            assert_eq!(wire.answer().status, 200);
            wire
        })
        .collect();
    let turned_away = client.connect(&node).and_then(|mut wire| {
        wire.try_send(b"GET /_health HTTP/1.1\r\nhost: db.example.com\r\n\r\n")?;
        wire.try_answer()
    });
    assert!(turned_away.is_err() || turned_away.is_ok_and(|reply| reply.status == 503));
    open.pop();
    testkit::patience::wait_for("a slot", || node.log(), || client.knock(&node).ok());
}

/// A full server leaves clients in the queue: they are served when a slot gets free, none is lost.
#[test]
fn a_full_server_leaves_clients_in_the_queue() {
    let production = Production::new();
    let node = production.serve_adding("limits: { max_connections: 4 }");
    let client = Client::new().presenting(&production.world, "analyst");
    let held: Vec<_> = (0..4)
        .map(|_| {
            let mut wire = client.connect(&node).expect("a good client");
            wire.ask("app", "SELECT 1");
            assert_eq!(wire.answer().status, 200);
            wire
        })
        .collect();
    let waiting: Vec<_> = (0..6)
        .map(|_| {
            let analyst = production.curl(&node, "analyst");
            std::thread::spawn(move || analyst.sql("app", "SELECT 1"))
        })
        .collect();
    drop(held);
    for thread in waiting {
        thread.join().expect("a client does not panic").with_status(200);
    }
}

/// A body that is announced and does not come is given up, with an answer or without.
#[test]
fn a_body_that_does_not_come_is_given_up() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.send(b"POST /app/query HTTP/1.1\r\nhost: db.example.com\r\ncontent-length: 1000\r\n\r\n{");
    wire.ends_within(SOON);
    a_good_client_is_served(&production, &node);
}

/// A connection that has served and falls silent is closed after the idle time.
#[test]
fn an_idle_connection_is_closed() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    wire.ends_within(SOON);
}

/// A client that asks for much and reads nothing gives its slot back in time.
#[test]
fn a_client_that_reads_nothing_gives_its_slot_back() {
    let production = Production::new();
    let node = production.serve_adding(SHORT);
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    // Far more than the buffers of both ends of a loopback connection hold.
    wire.ask(
        "app",
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 5000) SELECT hex(zeroblob(5000)) FROM n",
    );
    let sessions = || {
        let metrics = production.curl(&node, "analyst").get("/_metrics").body;
        let line = metrics.lines().find(|line| line.starts_with("countersign_gateway_sessions"))?.to_owned();
        line.split_whitespace().last()?.parse::<f64>().ok()
    };
    assert_eq!(sessions(), Some(2.0), "the silent reader and the one who asks");
    testkit::patience::wait_for(
        "the end of the silent reader",
        || node.log(),
        || sessions().filter(|open| *open < 2.0).map(drop),
    );
}

/// A client certificate that is no certificate is refused with an alert, not with an end of the node.
#[test]
fn a_client_certificate_that_does_not_parse_is_refused_with_an_alert() {
    let production = Production::new();
    let node = production.serve();
    let key = || PrivateKeyDer::from_pem_file(production.world.path("analyst.key")).expect("a key");
    let good = CertificateDer::from_pem_file(production.world.path("analyst.crt")).expect("a certificate");
    let mut cut = good.to_vec();
    cut.truncate(cut.len() / 2);
    let mut trailing = good.to_vec();
    trailing.push(0);
    let mut broken = good.to_vec();
    broken[40] ^= 0xff;
    for bytes in
        [vec![], vec![0x30], vec![0xff; 300], cut, trailing, broken, vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]]
    {
        let no = Client::new()
            .presenting_bytes(vec![CertificateDer::from(bytes.clone())], key())
            .knock(&node)
            .expect_err("no certificate");
        let is_no = matches!(
            no,
            No::Alert(
                AlertDescription::DecodeError
                    | AlertDescription::BadCertificate
                    | AlertDescription::UnknownCA
                    | AlertDescription::DecryptError
                    | AlertDescription::CertificateUnknown
            )
        );
        assert!(is_no, "{} bytes: {no:?}", bytes.len());
    }
    a_good_client_is_served(&production, &node);
    assert!(!node.log().contains("panicked"), "{node}");
}

/// A certificate that belongs to somebody else's key does not let its thief in.
#[test]
fn a_stolen_certificate_without_its_key_is_of_no_use() {
    let production = Production::new();
    let node = production.serve();
    let stolen = CertificateDer::from_pem_file(production.world.path("analyst.crt")).expect("a certificate");
    let other = PrivateKeyDer::from_pem_file(production.world.path("nobody.key")).expect("a key");
    let no = Client::new().presenting_bytes(vec![stolen], other).knock(&node).expect_err("a thief");
    assert!(matches!(no, No::Alert(_)), "{no:?}");
}

/// A chain of fifty certificates costs no more than a bounded effort, and is refused.
#[test]
fn a_chain_of_many_certificates_is_refused_quickly() {
    let production = Production::new();
    let node = production.serve();
    let key = PrivateKeyDer::from_pem_file(production.world.path("nobody.key")).expect("a key");
    let ca = CertificateDer::from_pem_file(production.world.path("server-ca.crt")).expect("a certificate");
    let began = Instant::now();
    let no = Client::new().presenting_bytes(vec![ca; 50], key).knock(&node).expect_err("a long chain");
    assert!(matches!(no, No::Alert(_)), "{no:?}");
    assert!(began.elapsed() < SOON);
    a_good_client_is_served(&production, &node);
}
