//! What comes before TLS: nothing of it is served, and nothing of it is used within TLS (T38, T39).

use std::time::Duration;

use testkit::{Node, Wire};

use super::House;
use super::house::verified;
use crate::hostile::{SHORT, SOON};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

#[track_caller]
fn a_good_client_is_served(house: &House, node: &Node) {
    house.psql_as(node, "analyst", "SELECT count(*) FROM lines").succeeded().says("100");
}

#[test]
fn a_client_without_tls_is_refused_and_told_which_flag_to_use() {
    let house = House::new();
    let node = house.serve();
    let ran = house.psql(&node, "sslmode=disable dbname=orders user=analyst", "SELECT 1").exited(2);
    ran.says("FATAL:  SSL required")
        .says("DETAIL:  code plaintext-refused, refusal rf_")
        .says("HINT:  connect with TLS: psql \"sslmode=verify-full");
    node.logged(&["handshake refused", "plaintext-refused", "start-up of version 3.0 in clear text"]);
    a_good_client_is_served(&house, &node);
}

/// CVE-2021-23222, and what others had of its kind.
#[test]
fn what_is_put_between_the_request_for_tls_and_its_answer_ends_the_connection() {
    let house = House::new();
    let node = house.serve();
    let mut start = SSL_REQUEST.to_vec();
    start.extend(start_up(&[("user", "analyst"), ("database", "orders")]));
    let mut wire = Wire::plain(&node);
    wire.send(&start);
    let said = wire.rest();
    assert_eq!(said.first(), Some(&b'E'), "{}", said.escape_ascii());
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        said.contains("C08P01") && said.contains("received unencrypted data after SSL request"),
        "{said}"
    );
    node.logged(&["handshake failed", "injected"]);
    a_good_client_is_served(&house, &node);
}

#[test]
fn encryption_by_gssapi_is_declined_once_and_tls_may_follow() {
    let house = House::new();
    let node = house.serve();
    let mut wire = Wire::plain(&node);
    wire.send(&GSS_REQUEST);
    assert_eq!(wire.exactly(1), b"N");
    wire.send(&SSL_REQUEST);
    assert_eq!(wire.exactly(1), b"S");
    let mut again = Wire::plain(&node);
    again.send(&GSS_REQUEST);
    assert_eq!(again.exactly(1), b"N");
    again.send(&GSS_REQUEST);
    again.ends_within(SOON);
    let prefers = format!("{} gssencmode=prefer dbname=orders user=analyst", verified("analyst"));
    house.psql(&node, &prefers, "SELECT 1").succeeded().says("1");
}

#[test]
fn tls_that_is_begun_directly_needs_the_name_of_the_protocol() {
    let house = House::new();
    let node = house.serve();
    let direct = |alpn: &str| {
        house.world.try_sh(&format!(
            "openssl s_client -connect 127.0.0.1:{} -servername db.example.com -CAfile server-ca.crt \
             -cert analyst.crt -key analyst.key {alpn} -ign_eof -brief < start.bin 2>&1 | strings",
            node.port()
        ))
    };
    house.world.write("start.bin", start_up(&[("user", "analyst"), ("database", "nothing_here")]));
    let told = direct("-alpn postgresql");
    told.says("42501").says("code no-grant");
    let untold = direct("");
    assert!(!untold.said().contains("42501"), "{untold}");
    node.logged(&["handshake failed", "alpn", "without the application protocol"]);
    let other = direct("-alpn h2");
    other.says("no application protocol");
    a_good_client_is_served(&house, &node);
}

#[test]
fn a_request_to_cancel_in_clear_text_is_not_heard() {
    let house = House::new();
    let node = house.serve();
    let mut wire = Wire::plain(&node);
    wire.send(&[0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 1]);
    wire.ends_within(SOON);
    node.logged(&["handshake refused", "plaintext_cancel is off"]);
}

#[test]
fn whoever_speaks_another_protocol_or_none_is_let_go_and_the_node_lives() {
    let house = House::new();
    let node = house.serve_adding(SHORT);
    let cases: [(&str, &[u8]); 6] = [
        ("plain HTTP", b"GET / HTTP/1.1\r\nhost: db.example.com\r\n\r\n"),
        ("half a request", &SSL_REQUEST[..5]),
        ("nothing", b""),
        ("a length of four gigabytes", &[0xff; 16]),
        ("a start-up that is too long", &[0, 0, 0x27, 0x11, 0, 3, 0, 0]),
        ("a request for TLS, and then nothing", &SSL_REQUEST),
    ];
    for (what, bytes) in cases {
        let mut wire = Wire::plain(&node);
        let _ = wire.try_send(bytes);
        let took = wire.ends_within(SOON);
        assert!(took < SOON, "{what}: {took:?}");
    }
    a_good_client_is_served(&house, &node);
    assert!(!node.log().contains("panicked"), "{node}");
}

/// As many as one address may have, and the next one is turned away; whoever is let go makes room.
#[test]
fn a_flood_of_half_open_connections_holds_only_its_own_places_and_only_for_a_while() {
    let house = House::new();
    let node = house.serve_adding(
        "limits: { handshake_timeout: 2s, handshakes_per_ip: 8, header_timeout: 1s, shutdown: 2s }",
    );
    let flood: Vec<Wire> = (0..40)
        .map(|_| {
            let mut wire = Wire::plain(&node);
            let _ = wire.try_send(&SSL_REQUEST);
            wire
        })
        .collect();
    node.logged(&["the address holds too many connections"]);
    for mut wire in flood {
        wire.ends_within(Duration::from_secs(10));
    }
    a_good_client_is_served(&house, &node);
}

/// A start-up message of protocol 3.0.
pub fn start_up(parameters: &[(&str, &str)]) -> Vec<u8> {
    start_up_of(196_608, parameters)
}

/// A start-up message of any version.
pub fn start_up_of(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [length.to_be_bytes().to_vec(), body].concat()
}
