//! What comes before TLS (T38, T39).

use std::net::{Ipv4Addr, SocketAddr};

use testkit::Wire;

use super::front::Front;

const ASKS_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const ASKS_FOR_GSSAPI: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

fn front(name: &str) -> Front {
    let front = Front::of_everybody(&[name.to_owned()]);
    front.client(name);
    front
}

fn wire(front: &Front) -> Wire {
    Wire::to(SocketAddr::from((Ipv4Addr::LOCALHOST, front.port)))
}

/// T39, and the words that tell a person what to do.
#[test]
fn whoever_comes_without_tls_is_told_how_to_come_with_it() {
    let front = front("clear_psql");
    let plain = front.libpq("clear_psql", "orders").replace("sslmode=verify-full", "sslmode=disable");
    front
        .world
        .try_sh(&format!("psql -XAtq -c 'SELECT 1' '{plain}'"))
        .exited(2)
        .says("FATAL:  SSL required")
        .says("DETAIL:  code plaintext-refused, refusal ")
        .says("sslmode=verify-full");
    assert!(front.minted().is_empty(), "nobody was asked about");
}

/// The class of CVE-2021-23222: whoever sits in between puts a statement in front of the client's own.
#[test]
fn what_follows_the_request_for_tls_in_clear_text_is_never_used() {
    let front = front("clear_injected");
    let mut wire = wire(&front);
    wire.send(&[&ASKS_FOR_TLS[..], b"Q\0\0\0\rSELECT 1\0"].concat());
    let heard = wire.hear_bytes().unwrap_or_default();
    assert_ne!(heard.first(), Some(&b'S'), "TLS was begun behind bytes of a stranger: {heard:?}");
    front.counts_handshakes("injected", 1);
}

/// A client that would rather have GSSAPI hears no, and goes on to ask for TLS on the same connection.
#[test]
fn gssapi_is_declined_and_tls_follows() {
    let front = front("clear_gssapi");
    let mut wire = wire(&front);
    wire.send(&ASKS_FOR_GSSAPI);
    assert_eq!(wire.hear_bytes().expect("an answer"), b"N");
    wire.send(&ASKS_FOR_TLS);
    assert_eq!(wire.hear_bytes().expect("an answer"), b"S");
}

/// Whoever begins with TLS at once must say that it means PostgreSQL (ALPACA): what is meant for another protocol is not
/// taken for this one.
#[test]
fn tls_without_a_word_about_the_protocol_is_taken_from_nobody() {
    let front = front("clear_direct");
    let begins = b"\0\x03\0\0user\0clear_direct\0database\0orders\0\0";
    let length = u32::try_from(begins.len() + 4).expect("a short message").to_be_bytes();
    front.world.write("begins", [&length[..], begins, b"X\0\0\0\x04"].concat());
    let heard = |alpn: &str| {
        let connects =
            format!("openssl s_client -quiet -connect localhost:{} -servername localhost", front.port);
        let files = "-CAfile realm/pki/server-ca.crt -cert clear_direct.crt -key clear_direct.key";
        front.world.try_sh(&format!("{connects} {files} {alpn} < begins 2>&1 | tr -d '\\0'")).stdout
    };
    let welcomed = heard("-alpn postgresql");
    assert!(welcomed.contains("server_version"), "{welcomed}");
    for alpn in ["", "-alpn http/1.1"] {
        let heard = heard(alpn);
        assert!(!heard.contains("server_version"), "{alpn:?}: {heard}");
    }
    front.counts_handshakes("alpn", 2);
}
