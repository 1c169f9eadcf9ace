//! Versions, application protocols, key exchange, and what is no TLS at all.

use std::time::Duration;

use countersign_transport::{ClientAuth, FailureKind, TlsVersion};
use identity::{KeyKind, PrivateKey};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::dialling::dial_with;
use crate::pki::{Pki, client, server};
use crate::server::{Server, requiring, spec, start, text};

async fn open(min_version: TlsVersion) -> Server {
    let leaf = Pki::new("test ca").issue("server", server(&["localhost"]));
    let mut spec = spec(&leaf.credential, ClientAuth::Off);
    spec.min_version = min_version;
    spec.handshake_timeout = Duration::from_secs(2);
    start(spec).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_offers_only_unknown_protocols_hears_no_application_protocol() {
    let mut door = open(TlsVersion::Tls12).await;
    let said = door.openssl(&["-alpn", "bogus,other"]).await;
    assert!(said.contains("alert no application protocol") || said.contains("alert number 120"), "{said}");
    let failure = door.failure().await;
    assert_eq!(failure.kind(), FailureKind::Alpn);
    let cause = "tls: no application protocol: the client offered \"bogus\", \"other\"; we speak \"h2\", \"http/1.1\"";
    assert_eq!(failure.cause(), cause);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_protocol_is_agreed_on_and_none_is_needed() {
    let mut door = open(TlsVersion::Tls12).await;
    door.openssl(&["-alpn", "bogus,http/1.1"]).await;
    assert_eq!(door.outcome().await.unwrap().alpn.as_deref(), Some(b"http/1.1".as_slice()));
    door.openssl(&["-alpn", "http/1.1,h2"]).await;
    assert_eq!(door.outcome().await.unwrap().alpn.as_deref(), Some(b"h2".as_slice()));
    door.openssl(&[]).await;
    assert_eq!(door.outcome().await.unwrap().alpn, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_hear_protocol_version() {
    let mut door = open(TlsVersion::Tls12).await;
    for version in ["-tls1", "-tls1_1"] {
        let said = door.openssl(&[version, "-cipher", "DEFAULT@SECLEVEL=0"]).await;
        assert!(said.contains("alert protocol version"), "{said}");
        assert_eq!(door.failure().await.kind(), FailureKind::Version);
    }
    for (flag, version) in [("-tls1_2", TlsVersion::Tls12), ("-tls1_3", TlsVersion::Tls13)] {
        assert!(door.openssl(&[flag]).await.contains("hello"));
        assert_eq!(door.outcome().await.unwrap().version, version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_for_1_3_refuses_1_2() {
    let mut door = open(TlsVersion::Tls13).await;
    let said = door.openssl(&["-tls1_2"]).await;
    assert!(said.contains("alert protocol version"), "{said}");
    assert_eq!(door.failure().await.kind(), FailureKind::Version);
    assert!(door.openssl(&["-tls1_3"]).await.contains("hello"));
    assert_eq!(door.outcome().await.unwrap().version, TlsVersion::Tls13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weak_cipher_suite_finds_nothing_in_common() {
    let mut door = open(TlsVersion::Tls12).await;
    let said = door.openssl(&["-tls1_2", "-cipher", "AES128-SHA"]).await;
    assert!(said.contains("alert handshake failure"), "{said}");
    assert_eq!(door.failure().await.kind(), FailureKind::NothingInCommon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plaintext_http_is_answered_in_plaintext() {
    let mut door = open(TlsVersion::Tls12).await;
    let said = door.curl("http", &[]).await;
    assert!(said.contains("HTTP/1.1 400 Bad Request"), "{said}");
    assert!(said.contains("this port speaks TLS: ask again with https://"), "{said}");
    assert!(said.ends_with("exit 0"), "{said}");
    assert_eq!(door.failure().await.kind(), FailureKind::Plaintext);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_silence_and_a_quick_goodbye_are_told_apart() {
    let mut door = open(TlsVersion::Tls12).await;
    let connect = || TcpStream::connect(("127.0.0.1", door.port));
    let mut garbage = connect().await.unwrap();
    garbage.write_all(b"\x00\x00\x00\x08\x04\xd2\x16\x2f").await.unwrap();
    let mut hello = connect().await.unwrap();
    hello.write_all(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00").await.unwrap();
    let silent = connect().await.unwrap();
    drop(connect().await.unwrap());
    let mut kinds = Vec::new();
    for _ in 0..4 {
        kinds.push(door.failure().await.kind());
    }
    for kind in [FailureKind::Garbage, FailureKind::Closed, FailureKind::Timeout] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == FailureKind::Garbage).count(), 2, "{kinds:?}");
    drop((garbage, hello, silent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_handshake_is_ended_by_the_clock() {
    let mut door = open(TlsVersion::Tls12).await;
    let mut half = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    half.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    let failure = door.failure().await;
    assert_eq!(failure.kind(), FailureKind::Timeout);
    assert_eq!(failure.cause(), "the handshake was not done after 2 s");
    let mut rest = Vec::new();
    assert_eq!(half.read_to_end(&mut rest).await.unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_key_serves_authorities_servers_and_clients() {
    let kinds: [(&str, &dyn Fn() -> KeyPair); 4] = [
        ("ecdsa-p256", &|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()),
        ("ecdsa-p384", &|| KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        ("ed25519", &ed25519),
        ("rsa-2048", &|| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()),
    ];
    for (kind, key) in kinds {
        let pki = Pki::with_key("test ca", key());
        let leaf = pki.issue_with("server", server(&["localhost"]), &key());
        let alice = pki.issue_with("alice", client("alice"), &key());
        let mut door = requiring(&leaf.credential, pki.trust()).await;
        let ca = pki.path("ca.crt");
        for version in ["-tls1_2", "-tls1_3"] {
            let identity = ["-cert", text(&alice.cert), "-key", text(&alice.key), "-CAfile", text(&ca)];
            let said =
                door.openssl(&[&[version, "-verify_return_error"], identity.as_slice()].concat()).await;
            assert!(said.contains("hello"), "{kind} {version}: {said}");
            assert_eq!(
                door.outcome().await.unwrap().verdict.unwrap().unwrap().leaf(),
                alice.credential.leaf()
            );
        }
        let dial = dial_with(&pki, Some(alice.credential));
        assert!(dial.connect("localhost", door.port).await.is_ok(), "{kind}");
        assert!(door.outcome().await.is_ok(), "{kind}");
    }
}

/// rcgen writes Ed25519 keys in a version of PKCS #8 that OpenSSL 3.0 does not read; ours it does.
fn ed25519() -> KeyPair {
    let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    KeyPair::from_pem_and_sign_algo(&key.to_pem(), &PKCS_ED25519).unwrap()
}
