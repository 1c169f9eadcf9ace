//! Which certificate answers to which name, and the chain that comes with it.

use countersign_transport::{ClientAuth, DoorSpec};

use crate::dialling::dial_with;
use crate::pki::{Pki, client, params, server};
use crate::server::{requiring, spec, start, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exact_name_goes_before_a_wildcard_and_both_before_the_first() {
    let pki = Pki::new("test ca");
    let named = |name: &str, sans: &[&str]| pki.issue(name, params(name, sans)).credential;
    let first = named("first", &["first.example"]);
    let wildcard = named("wildcard", &["*.db.internal"]);
    let exact = named("exact", &["a.db.internal"]);
    let door = start(DoorSpec {
        credentials: vec![first.clone(), wildcard, exact],
        ..spec(&first, ClientAuth::Off)
    })
    .await;
    let expected = [
        ("a.db.internal", "CN = exact"),
        ("A.DB.Internal", "CN = exact"),
        ("b.db.internal", "CN = wildcard"),
        ("a.b.db.internal", "CN = first"),
        ("db.internal", "CN = first"),
        ("elsewhere.example", "CN = first"),
    ];
    for (name, subject) in expected {
        let said = door.openssl(&["-servername", name]).await;
        assert!(said.contains(&format!("subject={subject}")), "{name}: {said}");
    }
    let said = door.openssl(&["-noservername"]).await;
    assert!(said.contains("subject=CN = first"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_are_sent_whole_and_an_issuer_alone_can_be_trusted() {
    let root = Pki::new("root");
    let (servers, clients) = (root.below("server issuer"), root.below("client issuer"));
    let server = servers.issue("server", server(&["localhost"])).with_issuer(&servers);
    let alice = clients.issue("alice", client("alice"));
    let ca = root.path("ca.crt");
    let judged = ["-CAfile", text(&ca), "-verify_return_error", "-servername", "localhost"];
    // The issuer alone is trusted: the leaf will do, and so will leaf and issuer.
    let mut door = requiring(&server.credential, clients.trust()).await;
    let whole = alice.with_issuer(&clients);
    for leaf in [&alice, &whole] {
        let identity = ["-cert", text(&alice.cert), "-cert_chain", text(&leaf.cert), "-key", text(&leaf.key)];
        let said = door.openssl(&[judged.as_slice(), identity.as_slice()].concat()).await;
        assert!(said.contains("hello") && said.contains("Verify return code: 0 (ok)"), "{said}");
        let verified = door.outcome().await.unwrap().verdict.unwrap().unwrap();
        assert_eq!(verified.anchor(), &clients.certificate());
    }
    // The root is trusted: the issuer must come along.
    let mut door = requiring(&server.credential, root.trust()).await;
    assert!(dial_with(&root, Some(whole.credential)).connect("localhost", door.port).await.is_ok());
    assert_eq!(door.outcome().await.unwrap().verdict.unwrap().unwrap().chain().len(), 3);
    drop(dial_with(&root, Some(alice.credential)).connect("localhost", door.port).await);
    assert!(
        door.failure().await.cause().contains("was issued by \"CN=client issuer\"; trusted are \"CN=root\"")
    );
}
