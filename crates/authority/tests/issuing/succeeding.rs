use authority::{
    Authority, IssuerKind, Names, Profile, Request, Taking, is_compromised, revoke, revoke_successors,
    successors,
};
use identity::{Certificate, KeyKind, PrivateKey, RevocationReason};
use ledger::{CertificateId, Ledger, State};

use crate::world::{World, client};

impl World {
    async fn renewed(&self, issuer: &Authority, held: &Certificate) -> Certificate {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = Request::for_key(&key, client("analyst")).unwrap();
        let id = id_of(issuer, held);
        let issued = issuer.renew(&self.ledger, &id, &request, &Profile::client(), self.now).await.unwrap();
        issued.certificate().clone()
    }

    async fn state(&self, issuer: &Authority, held: &Certificate) -> State {
        self.ledger.certificate(id_of(issuer, held)).await.unwrap().unwrap().state
    }
}

fn id_of(issuer: &Authority, held: &Certificate) -> CertificateId {
    CertificateId { issuer: issuer.key_id(), serial: held.identity().serial().clone() }
}

#[tokio::test]
async fn whatever_was_given_for_a_stolen_certificate_is_found_and_taken_back_with_it() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let stolen = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let other = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let first = world.renewed(&issuer, &stolen).await;
    let second = world.renewed(&issuer, &stolen).await;
    let third = world.renewed(&issuer, &first).await;
    let id = id_of(&issuer, &stolen);
    let reason = RevocationReason::KeyCompromise;
    revoke(&world.ledger, id.clone(), reason, "a test", world.now).await.unwrap();
    let found = successors(&world.ledger, &id).await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|record| record.state == State::Issued), "they are good until they are taken");
    let taken =
        revoke_successors(&world.ledger, &id, Taking::All, (reason, "a test"), world.now).await.unwrap();
    assert_eq!(taken.len(), 3);
    for revoked in [&first, &second, &third] {
        assert_eq!(world.state(&issuer, revoked).await, State::Revoked);
    }
    assert_eq!(world.state(&issuer, &other).await, State::Issued, "what was not given for it stays");
}

#[tokio::test]
async fn of_a_line_what_was_given_for_a_compromised_key_itself_can_be_taken_back_alone() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let request = Request::for_key(&key, client("analyst")).unwrap();
    let issued = issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await.unwrap();
    let held = issued.certificate();
    let id = id_of(&issuer, held);
    let other = world.renewed(&issuer, held).await;
    let other_id = id_of(&issuer, &other);
    let again =
        issuer.renew(&world.ledger, &other_id, &request, &Profile::client(), world.now).await.unwrap();
    let why = (RevocationReason::KeyCompromise, "a test");
    revoke(&world.ledger, id.clone(), why.0, why.1, world.now).await.unwrap();
    let taking = Taking::OfKey(held.identity().spki_sha256());
    let taken = revoke_successors(&world.ledger, &id, taking, why, world.now).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(world.state(&issuer, &other).await, State::Issued);
    assert_eq!(world.state(&issuer, again.certificate()).await, State::Revoked);
}

#[tokio::test]
async fn nothing_is_given_for_a_certificate_that_is_revoked_while_its_successor_is_made() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let held = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let id = id_of(&issuer, &held);
    // The asker was let in before; the revocation came then.
    revoke(&world.ledger, id.clone(), RevocationReason::Superseded, "a test", world.now).await.unwrap();
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let request = Request::for_key(&key, client("analyst")).unwrap();
    let fault = issuer.renew(&world.ledger, &id, &request, &Profile::client(), world.now).await.unwrap_err();
    assert!(fault.what().contains("has been revoked"), "{fault}");
    assert!(successors(&world.ledger, &id).await.unwrap().is_empty(), "its draft was given up");
}

#[tokio::test]
async fn whoever_was_slow_signs_nothing_once_its_draft_was_given_up() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let request = Request::for_key(&key, client("analyst")).unwrap();
    let draft = issuer.draft(&request, &Profile::client(), world.now).unwrap();
    let recorded = draft.record(&world.ledger).await.unwrap();
    let id = recorded.summary().id();
    world.ledger.abandon(id.clone(), "taken for dead".into(), world.now).await.unwrap();
    issuer.conclude(&world.ledger, recorded, world.now).await.unwrap_err();
    let record = world.ledger.certificate(id).await.unwrap().unwrap();
    assert_eq!((record.state, record.der), (State::Abandoned, None));
}

#[tokio::test]
async fn a_key_that_was_given_up_as_compromised_is_certified_never_again_for_whatever_name() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let ask = async |name: &str| {
        let request = Request::for_key(&key, Names::common(name)).unwrap();
        issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await
    };
    let spki = identity::Pin::of_spki(&key.public_spki());
    for (reason, compromised) in
        [(RevocationReason::Superseded, false), (RevocationReason::KeyCompromise, true)]
    {
        let issued = ask("analyst").await.unwrap();
        let id = id_of(&issuer, issued.certificate());
        revoke(&world.ledger, id, reason, "a test", world.now).await.unwrap();
        assert_eq!(is_compromised(&world.ledger, spki).await.unwrap(), compromised, "{reason}");
    }
    for name in ["analyst", "somebody-else"] {
        let fault = ask(name).await.unwrap_err();
        assert!(fault.what().contains("given up as compromised"), "{fault}");
    }
}
