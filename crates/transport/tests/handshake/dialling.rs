//! Our own client: what it says when it does not work.

use std::sync::Arc;
use std::time::Duration;

use countersign_transport::dial::trouble;
use countersign_transport::{ClientAuth, Dial, DialSpec, ServerTrust, SystemClock, TlsVersion};
use identity::{Credential, Pin};
use rustls::NamedGroup;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pki::{Pki, client, server};
use crate::server::{requiring, spec, start};

pub(crate) fn dial(pki: &Pki) -> Dial {
    dial_with(pki, None)
}

pub(crate) fn dial_with(pki: &Pki, credential: Option<Arc<Credential>>) -> Dial {
    Dial::new(dial_spec(pki, credential)).unwrap()
}

fn dial_spec(pki: &Pki, credential: Option<Arc<Credential>>) -> DialSpec {
    DialSpec {
        trust: ServerTrust::Full(pki.trust()),
        pins: Vec::new(),
        credential,
        alpn: vec![b"http/1.1".to_vec()],
        min_version: TlsVersion::Tls12,
        timeout: Duration::from_secs(5),
        clock: Arc::new(SystemClock),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_know_each_other_over_a_post_quantum_key_exchange() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    let mut door = requiring(&leaf.credential, pki.trust()).await;
    let mut dialled =
        dial_with(&pki, Some(alice.credential.clone())).connect("localhost", door.port).await.unwrap();
    let (_, connection) = dialled.stream.get_ref();
    assert_eq!(connection.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(dialled.verified.as_ref().unwrap().leaf(), leaf.credential.leaf());
    assert_eq!(dialled.alpn.as_deref(), Some(b"http/1.1".as_slice()));
    assert_eq!(dialled.version, TlsVersion::Tls13);
    dialled.stream.write_all(b"GET").await.unwrap();
    let mut answer = String::new();
    dialled.stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("hello"));
    assert_eq!(door.outcome().await.unwrap().verdict.unwrap().unwrap().leaf(), alice.credential.leaf());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_where_nobody_listens_is_named() {
    let pki = Pki::new("test ca");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fault = dial(&pki).connect("127.0.0.1", port).await.unwrap_err().to_string();
    assert!(fault.contains(&format!("connection to 127.0.0.1:{port} refused")), "{fault}");
    assert!(fault.contains("try: nobody listens there"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up_on() {
    let pki = Pki::new("test ca");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dial = Dial::new(DialSpec { timeout: Duration::from_millis(200), ..dial_spec(&pki, None) }).unwrap();
    let fault = dial.connect("127.0.0.1", silent.local_addr().unwrap().port()).await.unwrap_err().to_string();
    assert!(fault.contains("did not answer within 0.2 s"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_authority_is_named_with_those_that_we_hold() {
    let (ours, theirs) = (Pki::new("our ca"), Pki::new("their ca"));
    let leaf = theirs.issue("server", server(&["localhost"]));
    let door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    let fault = dial(&ours).connect("localhost", door.port).await.unwrap_err().to_string();
    assert!(fault.contains("certificate signed by unknown authority"), "{fault}");
    assert!(fault.contains("was issued by \"CN=their ca\"; trusted are \"CN=our ca\""), "{fault}");
    assert!(fault.contains("try: pass the authority"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_the_certificate_does_not_cover_is_named_with_those_it_does() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["db.example.com", "*.db.internal", "127.0.0.2"]));
    let door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    let dial_full = dial(&pki);
    let fault = dial_full.connect("localhost", door.port).await.unwrap_err().to_string();
    assert!(fault.contains("\"localhost\" is wanted"), "{fault}");
    assert!(fault.contains("is for DNS:db.example.com, DNS:*.db.internal, IP:127.0.0.2"), "{fault}");
    for name in ["db.example.com", "x.db.internal", "DB.example.com"] {
        assert!(dial_full.connect_as("127.0.0.1", door.port, name).await.is_ok(), "{name}");
    }
    for name in ["127.0.0.1", "x.y.db.internal", "db.internal", "server"] {
        assert!(dial_full.connect_as("127.0.0.1", door.port, name).await.is_err(), "{name}");
    }
    let chain =
        Dial::new(DialSpec { trust: ServerTrust::Chain(pki.trust()), ..dial_spec(&pki, None) }).unwrap();
    assert!(chain.connect("localhost", door.port).await.unwrap().verified.is_some());
    let stranger = Pki::new("stranger");
    let nothing = Dial::new(DialSpec { trust: ServerTrust::Nothing, ..dial_spec(&stranger, None) }).unwrap();
    assert!(nothing.connect("localhost", door.port).await.unwrap().verified.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_demands_a_certificate_is_understood_at_the_first_read() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let door = requiring(&leaf.credential, pki.trust()).await;
    let mut dialled = dial(&pki).connect("localhost", door.port).await.unwrap();
    let error = dialled.stream.read(&mut [0; 16]).await.unwrap_err();
    let fault = trouble::of_io("localhost", &error).unwrap().to_string();
    assert!(fault.contains("it requires a client certificate (alert certificate required)"), "{fault}");
    assert!(fault.contains("try: pass a certificate and its key"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_key_is_required_beyond_the_chain() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    let pinned = |pin: Pin| Dial::new(DialSpec { pins: vec![pin], ..dial_spec(&pki, None) }).unwrap();
    let right = leaf.credential.leaf().identity().spki_sha256();
    assert!(pinned(right).connect("localhost", door.port).await.is_ok());
    let wrong = pki.certificate().identity().spki_sha256();
    let fault = pinned(wrong).connect("localhost", door.port).await.unwrap_err().to_string();
    assert!(fault.contains("server public key does not match any pin"), "{fault}");
}
