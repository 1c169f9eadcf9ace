//! What is revoked stays outside, also where it was let in a moment ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_transport::{Asking, ClientAuth, Door, DoorSpec, Online};
use fault::{Code, Refusal};
use identity::{
    Asked, RecordedRevocation, RevocationPolicy, RevocationReason, Revocations, Verification, Verified,
    settle,
};
use time::OffsetDateTime;

use crate::pki::{Leaf, Pki, client, now, server};
use crate::server::{Server, spec, start_door, text};

fn revoking(pki: &Pki, leaf: &Leaf) -> Arc<Revocations> {
    let identity = leaf.credential.leaf().identity();
    let recorded = RecordedRevocation {
        issuer: pki.certificate().identity().spki_sha256(),
        serial: identity.serial().clone(),
        reason: RevocationReason::KeyCompromise,
        at: now(),
    };
    Arc::new(Revocations::default().with_recorded([recorded]))
}

fn identity(leaf: &Leaf) -> [&str; 4] {
    ["-cert", text(&leaf.cert), "-key", text(&leaf.key)]
}

/// Knocks, and returns the code of the refusal after it.
async fn code(door: &mut Server) -> Code {
    door.outcome().await.unwrap().verdict.unwrap_err().code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remembered_chain_is_refused_by_the_next_door_that_knows_better_and_others_are_not() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let (alice, bob) = (pki.issue("alice", client("alice")), pki.issue("bob", client("bob")));
    let door = Door::new(spec(&leaf.credential, ClientAuth::Require(pki.trust()))).unwrap();
    let mut before = start_door(door.clone()).await;
    before.openssl(&identity(&alice)).await;
    let verified = before.outcome().await.unwrap().verdict.unwrap().unwrap();

    let after = door.with_revocations(revoking(&pki, &alice)).unwrap();
    let vouchers = door.vouchers().unwrap();
    let again = after.judge_again(&verified, &vouchers).unwrap_err();
    assert_eq!(again.code(), Code::CertificateRevoked);
    assert!(door.judge_again(&verified, &vouchers).is_ok(), "the old door is as it was");
    let mut after = start_door(after).await;
    let said = after.openssl(&identity(&alice)).await;
    assert!(said.contains("alert certificate revoked"), "{said}");
    assert_eq!(after.failure().await.refusal().unwrap().code(), Code::CertificateRevoked);
    after.openssl(&identity(&bob)).await;
    assert!(after.outcome().await.is_ok());
}

#[test]
fn a_chain_of_other_vouchers_is_verified_anew() {
    let (one, other) = (Pki::new("one ca"), Pki::new("other ca"));
    let leaf = one.issue("server", server(&["localhost"]));
    let alice = one.issue("alice", client("alice"));
    let chain = [alice.credential.leaf().der().clone()];
    let verified = identity::verify(&chain, &one.trust(), identity::Purpose::Client, None, now()).unwrap();
    let door = |pki: &Pki| Door::new(spec(&leaf.credential, ClientAuth::Require(pki.trust()))).unwrap();
    let (first, again, foreign) = (door(&one), door(&one), door(&other));
    let vouchers = first.vouchers().unwrap();
    assert!(again.judge_again(&verified, &vouchers).unwrap().is_some());
    assert_eq!(foreign.judge_again(&verified, &vouchers).unwrap_err().code(), Code::UnknownIssuer);
    let off = Door::new(spec(&leaf.credential, ClientAuth::Off)).unwrap();
    assert!(off.judge_again(&verified, &vouchers).unwrap().is_none());
}

/// An authority's service that must be asked before it answers.
#[derive(Debug)]
struct Service {
    policy: RevocationPolicy,
    answer: Asked,
    asked: AtomicUsize,
}

impl Online for Service {
    fn recall(&self, _: &Verified, _: OffsetDateTime) -> Option<Result<Verified, Refusal>> {
        None
    }

    fn ask<'a>(&'a self, verified: &'a Verified) -> Asking<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            settle(verified, &self.policy.verification.unwrap(), |_, _, _| self.answer.clone(), now())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_must_be_asked_about_is_asked_about_after_the_handshake() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    let policy =
        RevocationPolicy { verification: Some(Verification::default()), ..RevocationPolicy::default() };
    let trust = Arc::new(pki.trust().with_revocations(Arc::new(Revocations::new(policy))));
    let start = async |answer: Asked| {
        let service = Arc::new(Service { policy, answer, asked: AtomicUsize::new(0) });
        let client_auth = ClientAuth::Require(Arc::clone(&trust));
        let online = Some(Arc::clone(&service) as Arc<dyn Online>);
        let door = Door::new(DoorSpec { online, ..spec(&leaf.credential, client_auth) }).unwrap();
        (start_door(door).await, service)
    };
    let until = now() + time::Duration::hours(1);
    let (mut good, service) = start(Asked::Good { until, source: "its service".into() }).await;
    good.openssl(&identity(&alice)).await;
    let verified = good.outcome().await.unwrap().verdict.unwrap().unwrap();
    assert!(verified.unanswered().is_empty());
    assert_eq!(service.asked.load(Ordering::Relaxed), 1);

    let (mut silent, _) = start(Asked::Failed { why: "it does not answer".into() }).await;
    silent.openssl(&identity(&alice)).await;
    assert_eq!(code(&mut silent).await, Code::RevocationUnknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_an_answer_is_wanted_and_nobody_can_ask_the_handshake_is_refused() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = pki.issue("alice", client("alice"));
    let policy =
        RevocationPolicy { verification: Some(Verification::default()), ..RevocationPolicy::default() };
    let trust = Arc::new(pki.trust().with_revocations(Arc::new(Revocations::new(policy))));
    let door = Door::new(spec(&leaf.credential, ClientAuth::Require(trust))).unwrap();
    let mut door = start_door(door).await;
    door.openssl(&identity(&alice)).await;
    assert_eq!(door.failure().await.refusal().unwrap().code(), Code::RevocationUnknown);
}
