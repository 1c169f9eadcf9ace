//! Nothing is signed that is not on record.

use std::collections::HashSet;
use std::sync::Arc;

use authority::{IssuerKind, Profile};
use fault::Fault;
use ledger::{Answer, Ledger, State};

use crate::world::{World, client, request};

#[tokio::test]
async fn a_crash_between_record_and_signature_leaves_a_draft() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let draft = issuer.draft(&request(client("analyst")), &Profile::client(), world.now).unwrap();
    let serial = draft.summary().serial.clone();
    let recorded = draft.record(&world.ledger).await.unwrap();
    drop(recorded);
    let newest = world.records().await.remove(0);
    assert_eq!((newest.draft.serial, newest.state, newest.der), (serial, State::Drafted, None));
}

#[tokio::test]
async fn what_is_issued_is_on_record_byte_for_byte() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let record = world.ledger.certificate_by_fingerprint(leaf.fingerprint()).await.unwrap().unwrap();
    assert_eq!(record.state, State::Issued);
    assert_eq!(record.der.as_deref(), Some(leaf.der().as_ref()));
    let (draft, identity) = (record.draft, leaf.identity());
    assert_eq!((&draft.serial, draft.spki), (identity.serial(), identity.spki_sha256()));
    assert_eq!((draft.not_before, draft.not_after), (identity.not_before(), identity.not_after()));
    assert_eq!((draft.issuer.name, draft.issuer.key), (identity.issuer().to_string(), issuer.key_id()));
    assert_eq!(
        (draft.subject.as_str(), draft.common_name.as_deref()),
        ("CN=analyst,O=test", Some("analyst"))
    );
}

#[tokio::test]
async fn a_ledger_that_does_not_take_the_draft_means_no_signature() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    world.ledger.close().await.unwrap();
    let draft = issuer.draft(&request(client("analyst")), &Profile::client(), world.now).unwrap();
    let fault: Fault = draft.record(&world.ledger).await.unwrap_err();
    assert!(fault.to_string().contains("the ledger is closed"), "{fault}");
    let issued =
        issuer.issue(&world.ledger, &request(client("analyst")), &Profile::client(), world.now).await;
    assert!(issued.is_err());
}

#[tokio::test]
async fn a_draft_of_one_issuer_is_not_signed_by_another() {
    let world = World::new().await;
    let (one, other) = (world.issuer(IssuerKind::Client).await, world.issuer(IssuerKind::Client).await);
    let draft = one.draft(&request(client("analyst")), &Profile::client(), world.now).unwrap();
    let recorded = draft.record(&world.ledger).await.unwrap();
    assert!(other.sign(recorded).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_at_once_each_get_a_recorded_certificate_of_their_own() {
    let world = Arc::new(World::new().await);
    let issuer = Arc::new(world.issuer(IssuerKind::Client).await);
    let callers: Vec<_> = (0..64)
        .map(|n| {
            let (world, issuer) = (Arc::clone(&world), Arc::clone(&issuer));
            tokio::spawn(async move {
                let request = request(client(&format!("client-{n}")));
                issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await.unwrap()
            })
        })
        .collect();
    let mut serials = HashSet::new();
    for caller in callers {
        let issued = caller.await.unwrap();
        let record =
            world.ledger.certificate_by_fingerprint(issued.certificate().fingerprint()).await.unwrap();
        assert_eq!(record.unwrap().draft.serial, *issued.certificate().identity().serial());
        assert!(issued.certificate().identity().serial().bytes().len() > 8);
        serials.insert(issued.certificate().identity().serial().clone());
    }
    assert_eq!(serials.len(), 64);
}

/// A ledger whose disk fails when the certificate comes back to it.
#[derive(Debug)]
struct FailsToComplete<'a>(&'a dyn Ledger);

impl Ledger for FailsToComplete<'_> {
    fn record(&self, draft: ledger::DraftRecord) -> Answer<'_, ()> {
        self.0.record(draft)
    }
    fn complete(&self, _: ledger::CertificateId, _: Vec<u8>, _: time::OffsetDateTime) -> Answer<'_, ()> {
        Box::pin(async { Err(ledger::LedgerError::Storage("disk full".into())) })
    }
    fn abandon(&self, id: ledger::CertificateId, why: String, at: time::OffsetDateTime) -> Answer<'_, ()> {
        self.0.abandon(id, why, at)
    }
    fn revoke(
        &self,
        id: ledger::CertificateId,
        reason: identity::RevocationReason,
        at: time::OffsetDateTime,
    ) -> Answer<'_, ledger::Revoked> {
        self.0.revoke(id, reason, at)
    }
    fn deny(&self, denial: ledger::Denial) -> Answer<'_, ledger::Revoked> {
        self.0.deny(denial)
    }
    fn revocations(&self, since: u64, limit: usize) -> Answer<'_, Vec<ledger::RevocationRecord>> {
        self.0.revocations(since, limit)
    }
    fn next_crl_number(&self, issuer: identity::Pin) -> Answer<'_, u64> {
        self.0.next_crl_number(issuer)
    }
    fn note(&self, shelf: ledger::Shelf, key: String) -> Answer<'_, Option<ledger::Note>> {
        self.0.note(shelf, key)
    }
    fn notes(
        &self,
        shelf: ledger::Shelf,
        after: Option<String>,
        limit: usize,
    ) -> Answer<'_, Vec<ledger::Note>> {
        self.0.notes(shelf, after, limit)
    }
    fn write_note(&self, shelf: ledger::Shelf, note: ledger::NewNote) -> Answer<'_, u64> {
        self.0.write_note(shelf, note)
    }
    fn remove_note(&self, shelf: ledger::Shelf, key: String, seen: u64) -> Answer<'_, ()> {
        self.0.remove_note(shelf, key, seen)
    }
    fn prune_notes(&self, before: time::OffsetDateTime) -> Answer<'_, u64> {
        self.0.prune_notes(before)
    }
    fn crl_numbers(&self) -> Answer<'_, Vec<(identity::Pin, u64)>> {
        self.0.crl_numbers()
    }
    fn raise_crl_number(&self, issuer: identity::Pin, at_least: u64) -> Answer<'_, u64> {
        self.0.raise_crl_number(issuer, at_least)
    }
    fn id(&self) -> Answer<'_, ledger::LedgerId> {
        self.0.id()
    }
    fn changed(&self, since: u64) -> Answer<'_, u64> {
        self.0.changed(since)
    }
    fn certificate(&self, id: ledger::CertificateId) -> Answer<'_, Option<ledger::CertificateRecord>> {
        self.0.certificate(id)
    }
    fn certificate_by_fingerprint(
        &self,
        fingerprint: identity::Fingerprint,
    ) -> Answer<'_, Option<ledger::CertificateRecord>> {
        self.0.certificate_by_fingerprint(fingerprint)
    }
    fn certificates(
        &self,
        filter: ledger::CertificateFilter,
    ) -> Answer<'_, ledger::Page<ledger::CertificateRecord>> {
        self.0.certificates(filter)
    }
    fn audit(&self, events: Vec<ledger::AuditEvent>) -> Answer<'_, ()> {
        self.0.audit(events)
    }
    fn audit_events(&self, filter: ledger::AuditFilter) -> Answer<'_, ledger::Page<ledger::AuditEvent>> {
        self.0.audit_events(filter)
    }
    fn prune_minted(&self, before: time::OffsetDateTime) -> Answer<'_, u64> {
        self.0.prune_minted(before)
    }
    fn prune_audit(&self, before: time::OffsetDateTime) -> Answer<'_, u64> {
        self.0.prune_audit(before)
    }
    fn revision(&self) -> Answer<'_, u64> {
        self.0.revision()
    }
    fn lock(&self, what: &str) -> Answer<'_, Option<ledger::Lock>> {
        self.0.lock(what)
    }
    fn close(&self) -> Answer<'_, ()> {
        self.0.close()
    }
}

#[tokio::test]
async fn a_certificate_that_could_not_be_put_on_record_is_not_handed_out() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let broken = FailsToComplete(&world.ledger);
    let fault =
        issuer.issue(&broken, &request(client("analyst")), &Profile::client(), world.now).await.unwrap_err();
    assert!(fault.to_string().contains("disk full"), "{fault}");
    assert_eq!(world.records().await.remove(0).state, State::Drafted);
}
