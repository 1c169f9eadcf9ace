//! A chain that was accepted once is judged again by the clock.

use std::sync::Arc;

use countersign_transport::{ClientAuth, Clock, DoorSpec, TestClock};
use fault::Code;
use time::Duration;

use crate::pki::{Pki, client, now, server};
use crate::server::{spec, start, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remembered_chain_ends_with_its_validity() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    let clock = TestClock::at(now());
    let clocked = DoorSpec {
        clock: Arc::new(clock.clone()) as Arc<dyn Clock>,
        ..spec(&leaf.credential, ClientAuth::Require(pki.trust()))
    };
    let mut door = start(clocked).await;
    let identity = ["-cert", text(&alice.cert), "-key", text(&alice.key)];
    for _ in 0..2 {
        door.openssl(&identity).await;
        assert!(door.outcome().await.is_ok());
    }
    clock.advance(Duration::days(60));
    let said = door.openssl(&identity).await;
    assert!(said.contains("alert certificate expired"), "{said}");
    assert_eq!(door.failure().await.refusal().unwrap().code(), Code::CertificateExpired);
    clock.advance(-Duration::days(100));
    door.openssl(&identity).await;
    assert_eq!(door.failure().await.refusal().unwrap().code(), Code::CertificateNotYetValid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_door_remembers_nothing_that_the_old_one_believed() {
    let (old, new) = (Pki::new("old ca"), Pki::new("new ca"));
    let leaf = old.issue("server", server(&["localhost"]));
    let alice = old.issue("alice", client("alice"));
    let identity = ["-cert", text(&alice.cert), "-key", text(&alice.key)];
    let mut before = start(spec(&leaf.credential, ClientAuth::Require(old.trust()))).await;
    before.openssl(&identity).await;
    assert!(before.outcome().await.is_ok());
    let mut after = start(spec(&leaf.credential, ClientAuth::Require(new.trust()))).await;
    after.openssl(&identity).await;
    assert_eq!(after.failure().await.refusal().unwrap().code(), Code::UnknownIssuer);
}
