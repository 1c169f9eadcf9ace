//! A replacement, step by step.
//!
//! ```text
//! draft ▶ note: begun ▶ key on disk ▶ on record ▶ signed, completed ▶ chain on disk ▶ links switched
//!       ▶ the old one taken back, where it is ▶ note: done ▶ files that nobody needs removed
//! ```
//!
//! The note is written before anything else happens, and says what was begun. Whoever finds it goes on, or undoes it:
//! a draft that was not signed is abandoned, a certificate whose key is not here is revoked, anything else is finished.

use std::sync::Arc;

use authority::{Authority, Names, Request};
use fault::Fault;
use identity::{Certificate, Credential, KeyKind, PrivateKey, RevocationReason};
use ledger::{
    AuditEvent, AuditKind, CertificateId, CertificateRecord, Denial, LedgerError, NewNote, Shelf, State,
};
use time::OffsetDateTime;

use super::due::span;
use super::note::{Former, Kept, Leaf, Old, Pending};
use super::{Rules, Service, Services};

/// Whoever holds the service's lock, with what it goes by.
pub(super) struct Walk<'a> {
    pub(super) services: &'a Services,
    pub(super) service: &'a Service,
    pub(super) rules: &'a Rules,
    pub(super) now: OffsetDateTime,
}

impl Walk<'_> {
    /// What is kept of the service, read from the ledger where it was not yet.
    pub(super) async fn kept(&self) -> Result<Kept, Fault> {
        if !self.service.held.lock().read {
            let key = self.services.key(&self.service.name);
            let note = self.services.ledger.note(Shelf::Services, key).await?;
            let kept = note.as_ref().map(|note| Kept::read(&note.text)).transpose()?;
            let mut held = self.service.held.lock();
            held.kept = kept.unwrap_or_default();
            held.seen = note.map(|note| note.version);
            held.read = true;
        }
        Ok(self.service.held.lock().kept.clone())
    }

    /// Writes what is kept from now on.
    pub(super) async fn save(&self, kept: Kept, step: &'static str) -> Result<(), Fault> {
        let (key, seen) = (self.services.key(&self.service.name), self.service.held.lock().seen);
        let note = NewNote { key, text: kept.text(), expires_at: None, seen };
        match self.services.ledger.write_note(Shelf::Services, note).await {
            Ok(version) => {
                let mut held = self.service.held.lock();
                held.kept = kept;
                held.seen = Some(version);
                drop(held);
                self.done(step);
                Ok(())
            }
            Err(error) => {
                // Whatever was written, by us or by another, is read before anything else is done.
                self.service.held.lock().read = false;
                Err(match error {
                    LedgerError::Changed { .. } => {
                        Fault::theirs("another process looks after the same service on this node")
                            .because(error)
                            .remedy("run one process with each state folder")
                    }
                    error => error.into(),
                })
            }
        }
    }

    /// Issues another leaf and presents it; `old` says what becomes of the one before.
    pub(super) async fn replace(&self, old: Old) -> Result<Leaf, Fault> {
        let issuer = self.rules.issuer()?;
        let key = PrivateKey::generate(KeyKind::EcdsaP256)
            .map_err(|error| Fault::ours("no key could be made for a service").because(error))?;
        let request = Request::for_key(&key, Names::common(&self.service.name))?;
        let draft = issuer.draft(&request, &self.rules.profile, self.now)?;
        let id = draft.summary().id();
        let pending = Pending { drafted: Some(id.clone()), since: self.now, old };
        self.save(Kept { pending: Some(pending), ..self.kept().await? }, "begun").await?;
        self.service.folder.keep_key(&id.serial, &key)?;
        self.done("key kept");
        let ledger = self.services.ledger.as_ref();
        let recorded = draft.record(ledger).await?;
        self.done("recorded");
        let issued = issuer.sign(recorded)?;
        ledger.complete(id, issued.certificate().der().to_vec(), self.now).await?;
        self.done("completed");
        self.services.metrics.issued(&self.service.name);
        for warning in issued.warnings() {
            tracing::warn!(service = self.service.name, "{}", warning.to_string().replace('\n', ";"));
        }
        let leaf = Leaf::new(issuer.key_id(), issued.certificate(), self.now);
        self.finish(leaf, issued.certificate(), &issued.chain_pem()).await
    }

    /// Goes on with what was begun, or undoes it.
    pub(super) async fn settle(&self) -> Result<(), Fault> {
        let kept = self.kept().await?;
        let Some(Pending { drafted: Some(id), since, old }) = kept.pending.clone() else { return Ok(()) };
        let ledger = self.services.ledger.as_ref();
        match ledger.certificate(id.clone()).await? {
            Some(record) if record.state == State::Issued => {
                if let Some((certificate, chain)) = self.restored(&record)? {
                    self.finish(Leaf::recorded(&record), &certificate, &chain).await?;
                    return Ok(());
                }
                self.take_back(&id, RevocationReason::CessationOfOperation, LOST).await?;
            }
            Some(record) if record.state == State::Drafted => {
                ledger.abandon(id, "it was not signed before the node stopped".to_owned(), self.now).await?;
                self.done("abandoned");
            }
            _ => {}
        }
        let pending = match old {
            Old::Revoked { .. } => Some(Pending { drafted: None, since, old }),
            Old::Gone | Old::Overlaps | Old::Lost => None,
        };
        self.save(Kept { pending, ..kept }, "undone").await?;
        self.tidy()
    }

    /// A leaf on record whose key is here, and its chain as its issuer completes it. A key that cannot be read is waited
    /// for: it may well be here.
    fn restored(&self, record: &CertificateRecord) -> Result<Option<(Certificate, String)>, Fault> {
        let Some(key) = self.service.folder.key(&record.draft.serial)? else { return Ok(None) };
        Ok(self.joined(record, key))
    }

    fn joined(&self, record: &CertificateRecord, key: PrivateKey) -> Option<(Certificate, String)> {
        let certificate = Certificate::from_der(record.der.clone()?.into()).ok()?;
        let issuer =
            self.rules.authority.as_ref().filter(|issuer| issuer.key_id() == record.draft.issuer.key)?;
        let chain = issuer.chain_of(&certificate);
        Credential::new(chain.clone(), key).ok()?;
        Some((certificate, chain.iter().map(authority::to_pem).collect()))
    }

    /// What is left to do once the leaf is on record and its key on disk. Each step may be taken twice.
    async fn finish(&self, leaf: Leaf, certificate: &Certificate, chain: &str) -> Result<Leaf, Fault> {
        let folder = &self.service.folder;
        folder.keep_chain(&leaf.serial, chain)?;
        self.done("chain kept");
        let credential = folder.credential(&leaf.serial, self.now)?;
        let mut kept = self.kept().await?;
        let before = kept.current.take();
        let old = kept.pending.take().map_or(Old::Gone, |pending| pending.old);
        let overlaps = before.clone().filter(|_| old == Old::Overlaps);
        folder.switch(&leaf.serial, overlaps.as_ref().map(|leaf| &leaf.serial))?;
        self.done("switched");
        self.present(Arc::new(credential));
        self.end(&old, before.as_ref(), &mut kept).await?;
        let former = overlaps.map(|leaf| self.former(leaf));
        kept.former.extend(former.filter(|former| former.until > self.now));
        // Whoever is rotated without end keeps only so many; the oldest ends with the next look.
        let most = kept.former.len().saturating_sub(MOST_FORMER);
        for former in kept.former.iter_mut().take(most).filter(|former| former.until > self.now) {
            former.until = self.now;
            let (service, serial) = (&self.service.name, &former.leaf.serial);
            tracing::warn!(service, %serial, most = MOST_FORMER, "so many replaced certificates overlap that the oldest ends before its time: rotate less often, or shorten authority.rotation.overlap");
        }
        kept.current = Some(leaf.clone());
        self.save(kept, "done").await?;
        if old == Old::Overlaps {
            self.services.metrics.rotated(&self.service.name);
        }
        self.tell(certificate, &old).await;
        self.tidy()?;
        Ok(leaf)
    }

    /// Takes back what is to be taken back, now that the new leaf is there.
    async fn end(&self, old: &Old, before: Option<&Leaf>, kept: &mut Kept) -> Result<(), Fault> {
        match (old, before) {
            (Old::Lost, Some(before)) => {
                self.take_back(&before.id(), RevocationReason::CessationOfOperation, LOST).await
            }
            (Old::Revoked { reason, by }, before) => {
                // Whoever rotated before revoking means the one from before the rotation.
                for leaf in before.into_iter().chain(kept.good_before(self.now)) {
                    self.take_back(&leaf.id(), *reason, by).await?;
                }
                kept.former.clear();
                Ok(())
            }
            (Old::Gone | Old::Overlaps | Old::Lost, _) => Ok(()),
        }
    }

    fn former(&self, leaf: Leaf) -> Former {
        let until = (self.now + span(self.rules.rotation.overlap)).min(leaf.not_after);
        Former { leaf, until }
    }

    /// From here on new handshakes present it.
    pub(super) fn present(&self, credential: Arc<Credential>) {
        let mut held = self.service.held.lock();
        held.credential = Some(credential);
        held.revoked = false;
        drop(held);
        self.services.replaced.send_modify(|count| *count += 1);
    }

    /// Takes a leaf back. One that the ledger has lost is denied; one that was taken back before stays so.
    pub(super) async fn take_back(
        &self,
        id: &CertificateId,
        reason: RevocationReason,
        by: &str,
    ) -> Result<(), Fault> {
        let ledger = self.services.ledger.as_ref();
        let state = ledger.certificate(id.clone()).await?.map(|record| record.state);
        let revoked = match state {
            Some(State::Issued | State::Revoked) => {
                authority::revoke(ledger, id.clone(), reason, by, self.now).await?
            }
            Some(State::Drafted | State::Abandoned) => return Ok(()),
            None => {
                let CertificateId { issuer, serial } = id.clone();
                authority::deny(ledger, Denial { issuer, serial, reason, at: self.now }, by).await?
            }
        };
        self.done("taken back");
        if !revoked.already {
            self.services.metrics.revoked(&self.service.name);
        }
        Ok(())
    }

    /// Removes the files of leaves that are of no use any more.
    pub(super) fn tidy(&self) -> Result<(), Fault> {
        let wanted: Vec<String> = self.service.held.lock().kept.serials().map(ToString::to_string).collect();
        self.service.folder.keep_only(&wanted)?;
        self.done("tidied");
        Ok(())
    }

    /// Puts the issue on record for auditors, and into the log.
    async fn tell(&self, certificate: &Certificate, old: &Old) {
        let (service, identity) = (&self.service.name, certificate.identity());
        let why = match old {
            Old::Gone => "it had none that was good".to_owned(),
            Old::Overlaps => "it was due, or asked for; the one before stays good for a while".to_owned(),
            Old::Lost => "the files of the one before are lost; that was revoked".to_owned(),
            Old::Revoked { reason, by } => format!("the one before was revoked: {reason}, by {by}"),
        };
        tracing::info!(service, serial = %identity.serial(), until = %identity.not_after(), why, "service certificate issued");
        let event = AuditEvent {
            serial: Some(identity.serial().clone()),
            issuer: Some(identity.issuer().to_string()),
            certificate: Some(certificate.fingerprint()),
            cause: Some(format!("service {service}: {why}")),
            ..AuditEvent::new(AuditKind::Issue, self.now)
        };
        if let Err(error) = self.services.ledger.audit(vec![event]).await {
            tracing::error!(service, %error, "the audit record does not say that a certificate was issued");
        }
    }

    pub(super) fn done(&self, step: &'static str) {
        self.services.steps.done(&self.service.name, step);
    }
}

/// Whether an authority issued a leaf for this environment and service.
pub(super) fn is_of(issuer: &Authority, rules: &Rules, service: &str, leaf: &Certificate) -> bool {
    let identity = leaf.identity();
    let named = |san: &identity::San| matches!(san, identity::San::Dns(name) if name == service);
    identity.issuer() == issuer.certificate().identity().subject()
        && leaf.authority_key_id() == issuer.certificate().subject_key_id()
        && identity.organizations() == [rules.environment.as_str()]
        && identity.sans().iter().any(named)
}

/// Leaves of one service that are good at one time beside the current one.
const MOST_FORMER: usize = 16;
/// Who takes a certificate back that nobody can use.
pub(super) const LOST: &str = "this node: its key is lost";
