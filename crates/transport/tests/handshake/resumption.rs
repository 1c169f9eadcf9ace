//! Sessions are resumed where nobody presents a certificate, and nowhere else.

use countersign_transport::ClientAuth;

use crate::pki::{Pki, client, server};
use crate::server::{Server, spec, start, text};

/// Knocks twice, the second time with the session of the first; what the second knock printed.
async fn twice(pki: &Pki, door: &Server, arguments: &[&str]) -> String {
    let session = pki.path("session.pem");
    let mut first = vec!["-sess_out", text(&session)];
    first.extend(arguments);
    let said = door.openssl(&first).await;
    assert!(said.contains("hello"), "{said}");
    if !session.exists() {
        return format!("no session was given\n{}", door.openssl(arguments).await);
    }
    let mut second = vec!["-sess_in", text(&session)];
    second.extend(arguments);
    door.openssl(&second).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_a_client_certificate_is_never_resumed() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    for client_auth in [ClientAuth::Require(pki.trust()), ClientAuth::Request(pki.trust())] {
        let mut door = start(spec(&leaf.credential, client_auth)).await;
        for version in ["-tls1_2", "-tls1_3"] {
            let identity = [version, "-cert", text(&alice.cert), "-key", text(&alice.key)];
            let said = twice(&pki, &door, &identity).await;
            assert!(said.contains("hello") && !said.contains("Reused, TLS"), "{said}");
            for _ in 0..2 {
                let accepted = door.outcome().await.unwrap();
                assert_eq!(accepted.verdict.unwrap().unwrap().leaf(), alice.credential.leaf());
            }
            let _ = std::fs::remove_file(pki.path("session.pem"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnecting_five_times_is_five_full_handshakes() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    let door = start(spec(&leaf.credential, ClientAuth::Require(pki.trust()))).await;
    let identity = ["-reconnect", "-tls1_2", "-cert", text(&alice.cert), "-key", text(&alice.key)];
    let said = door.openssl(&identity).await;
    assert!(said.matches("New, TLSv1.2").count() >= 2 && !said.contains("Reused, TLS"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_client_certificates_is_resumed() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = twice(&pki, &door, &[version]).await;
        assert!(said.contains("Reused, TLS"), "{said}");
        let _ = std::fs::remove_file(pki.path("session.pem"));
    }
}
