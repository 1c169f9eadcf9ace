use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fault::Fault;
use identity::{Fingerprint, Pin, RevocationReason};
use ledger::{
    Answer, AuditEvent, AuditFilter, CertificateFilter, CertificateId, CertificateRecord, Denial,
    DraftRecord, Ledger, LedgerError, LedgerId, Lock, NewNote, Note, Page, RevocationRecord, Revoked, Shelf,
};
use time::OffsetDateTime;

use crate::change::{Change, Outcome, PRUNED_AT_ONCE};
use crate::link::Link;
use crate::session::Session;
use crate::spec::PostgresSpec;
use crate::watch::Watch;
use crate::writer::Writer;
use crate::{lock, read, schema};

/// The ledger in a PostgreSQL database, shared by every node that names it.
///
/// Every change is committed before its verb answers; callers who wait at the same time share one commit. A node has one
/// connection that writes, two that read and one that listens, and one more for each lock that it holds. They are opened
/// again when the server comes back.
#[derive(Debug)]
pub struct PostgresLedger {
    spec: Arc<PostgresSpec>,
    pub(crate) writing: Arc<Link>,
    writer: Writer,
    reading: [Link; 2],
    turn: AtomicUsize,
    watch: Watch,
    closed: AtomicBool,
}

impl PostgresLedger {
    /// Opens the ledger, making its tables where there are none and bringing older ones up to date.
    ///
    /// # Errors
    /// What keeps us from it, each with its remedy: the files of the connection, the way to the server, the server's no,
    /// tables of somebody else's or of a newer countersign.
    pub async fn open(spec: PostgresSpec) -> Result<Self, Fault> {
        let session = Session::open(&spec, None).await?;
        Self::on(session, spec).await
    }

    /// Opens the ledger that is there, bringing older tables up to date, and makes none: a name that was mistyped would
    /// leave a ledger behind in somebody's database, and answer with nothing.
    ///
    /// # Errors
    /// As [`open`](Self::open); and there is none.
    pub async fn open_existing(spec: PostgresSpec) -> Result<Self, Fault> {
        let session = Session::open(&spec, None).await?;
        schema::must_be_there(&session, &spec).await?;
        Self::on(session, spec).await
    }

    async fn on(session: Session, spec: PostgresSpec) -> Result<Self, Fault> {
        schema::bring_up_to_date(&session, &spec).await?;
        let spec = Arc::new(spec);
        let link = |session| Link::new(Arc::clone(&spec), session);
        let watch = Watch::start(Arc::clone(&spec));
        let writing = Arc::new(link(Some(session)));
        let writer = Writer::start(Arc::clone(&writing), watch.announced());
        Ok(Self {
            writing,
            writer,
            reading: [link(None), link(None)],
            turn: AtomicUsize::new(0),
            watch,
            closed: AtomicBool::new(false),
            spec,
        })
    }

    /// A session for a question; the two take turns, so that one long answer does not keep everybody.
    async fn session(&self) -> Result<Arc<Session>, LedgerError> {
        let [even, odd] = &self.reading;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if turn.is_multiple_of(2) { even.session().await } else { odd.session().await }
    }

    fn ask<'a, T, F>(&'a self, question: impl FnOnce(Arc<Session>) -> F + Send + 'a) -> Answer<'a, T>
    where
        T: Send + 'a,
        F: Future<Output = Result<T, LedgerError>> + Send + 'a,
    {
        Box::pin(async move { question(self.session().await?).await })
    }

    fn change(&self, change: Change) -> Answer<'_, ()> {
        Box::pin(async move { self.writer.apply(change).await.map(|_done| ()) })
    }

    /// Removes what is old until none of it is left, and says how much it was.
    async fn pruned(&self, some: impl Fn() -> Change + Send) -> Result<u64, LedgerError> {
        let mut removed = 0;
        loop {
            let more = self.number(some()).await?;
            removed += more;
            if more < PRUNED_AT_ONCE {
                return Ok(removed);
            }
        }
    }

    fn number(&self, change: Change) -> Answer<'_, u64> {
        Box::pin(async move {
            match self.writer.apply(change).await? {
                Outcome::Number(number) => Ok(number),
                Outcome::Done | Outcome::Revoked(_) => Err(mistaken()),
            }
        })
    }

    fn taken_back(&self, change: Change) -> Answer<'_, Revoked> {
        Box::pin(async move {
            match self.writer.apply(change).await? {
                Outcome::Revoked(revoked) => Ok(*revoked),
                Outcome::Done | Outcome::Number(_) => Err(mistaken()),
            }
        })
    }
}

/// The writer answered another question than the one that was asked.
fn mistaken() -> LedgerError {
    LedgerError::Storage("the writer gave another answer than the change has".into())
}

impl Ledger for PostgresLedger {
    fn record(&self, draft: DraftRecord) -> Answer<'_, ()> {
        self.change(Change::Record(Box::new(draft)))
    }

    fn complete(&self, id: CertificateId, der: Vec<u8>, at: OffsetDateTime) -> Answer<'_, ()> {
        self.change(Change::Complete { id, der, at })
    }

    fn abandon(&self, id: CertificateId, why: String, at: OffsetDateTime) -> Answer<'_, ()> {
        self.change(Change::Abandon { id, why, at })
    }

    fn revoke(&self, id: CertificateId, reason: RevocationReason, at: OffsetDateTime) -> Answer<'_, Revoked> {
        self.taken_back(Change::Revoke { id, reason, at })
    }

    fn deny(&self, denial: Denial) -> Answer<'_, Revoked> {
        self.taken_back(Change::Deny(denial))
    }

    fn revocations(&self, since: u64, limit: usize) -> Answer<'_, Vec<RevocationRecord>> {
        self.ask(async move |session| read::revocations(&session, since, limit).await)
    }

    fn next_crl_number(&self, issuer: Pin) -> Answer<'_, u64> {
        self.number(Change::NumberCrl { issuer })
    }

    fn crl_numbers(&self) -> Answer<'_, Vec<(Pin, u64)>> {
        self.ask(async move |session| read::crl_numbers(&session).await)
    }

    fn raise_crl_number(&self, issuer: Pin, at_least: u64) -> Answer<'_, u64> {
        self.number(Change::RaiseCrlNumber { issuer, at_least })
    }

    fn certificate(&self, id: CertificateId) -> Answer<'_, Option<CertificateRecord>> {
        self.ask(async move |session| read::certificate(&session, id).await)
    }

    fn certificate_by_fingerprint(&self, fingerprint: Fingerprint) -> Answer<'_, Option<CertificateRecord>> {
        self.ask(async move |session| read::certificate_by_fingerprint(&session, fingerprint).await)
    }

    fn certificates(&self, filter: CertificateFilter) -> Answer<'_, Page<CertificateRecord>> {
        self.ask(async move |session| read::certificates(&session, filter).await)
    }

    fn note(&self, shelf: Shelf, key: String) -> Answer<'_, Option<Note>> {
        self.ask(async move |session| read::note(&session, shelf, key).await)
    }

    fn notes(&self, shelf: Shelf, after: Option<String>, limit: usize) -> Answer<'_, Vec<Note>> {
        self.ask(async move |session| read::notes(&session, shelf, after, limit).await)
    }

    fn write_note(&self, shelf: Shelf, note: NewNote) -> Answer<'_, u64> {
        self.number(Change::WriteNote { shelf, note })
    }

    fn remove_note(&self, shelf: Shelf, key: String, seen: u64) -> Answer<'_, ()> {
        self.change(Change::RemoveNote { shelf, key, seen })
    }

    fn prune_notes(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        self.number(Change::PruneNotes { before })
    }

    fn audit(&self, events: Vec<AuditEvent>) -> Answer<'_, ()> {
        self.change(Change::Audit(events))
    }

    fn audit_events(&self, filter: AuditFilter) -> Answer<'_, Page<AuditEvent>> {
        self.ask(async move |session| read::audit_events(&session, filter).await)
    }

    fn prune_audit(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        Box::pin(self.pruned(move || Change::PruneAudit { before }))
    }

    fn prune_minted(&self, before: OffsetDateTime) -> Answer<'_, u64> {
        Box::pin(self.pruned(move || Change::PruneMinted { before }))
    }

    fn id(&self) -> Answer<'_, LedgerId> {
        self.ask(async move |session| read::id(&session).await)
    }

    fn revision(&self) -> Answer<'_, u64> {
        self.ask(async move |session| read::revision(&session).await)
    }

    fn changed(&self, since: u64) -> Answer<'_, u64> {
        Box::pin(self.watch.past(since))
    }

    fn lock(&self, what: &str) -> Answer<'_, Option<Lock>> {
        let what = what.to_owned();
        Box::pin(async move {
            if self.closed.load(Ordering::Acquire) {
                return Err(LedgerError::Closed);
            }
            lock::take(&self.spec, &what).await
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.closed.store(true, Ordering::Release);
            self.watch.close();
            self.writer.close().await;
            self.writing.close().await;
            for link in &self.reading {
                link.close().await;
            }
            Ok(())
        })
    }
}
