//! A ledger that can be sent away, and that counts what it is asked.

use std::collections::HashMap;
use std::sync::Arc;

use identity::{Fingerprint, Pin, RevocationReason};
use ledger::{
    Answer, AuditEvent, AuditFilter, CertificateFilter, CertificateId, CertificateRecord, Denial,
    DraftRecord, Ledger, LedgerError, LedgerId, Lock, NewNote, Note, Page, RevocationRecord, Revoked, Shelf,
};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// A real ledger behind a connection that a test can cut.
#[derive(Debug)]
pub(crate) struct Watched {
    ledger: Arc<dyn Ledger>,
    connection: Mutex<Connection>,
    asked: Mutex<HashMap<&'static str, usize>>,
}

/// What becomes of the next question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    Up,
    Down,
    /// Goes down as soon as this verb is used.
    DownFrom(&'static str),
    /// Fails this verb once.
    Fails(&'static str),
}

impl Watched {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, connection: Mutex::new(Connection::Up), asked: Mutex::default() }
    }

    pub(crate) fn is(&self, connection: Connection) {
        *self.connection.lock() = connection;
    }

    /// How often a verb was used.
    pub(crate) fn asked(&self, verb: &str) -> usize {
        self.asked.lock().get(verb).copied().unwrap_or_default()
    }

    fn reaches(&self, verb: &'static str) -> Result<&dyn Ledger, LedgerError> {
        *self.asked.lock().entry(verb).or_default() += 1;
        let mut connection = self.connection.lock();
        let (is_up, next) = match *connection {
            Connection::Up => (true, Connection::Up),
            Connection::Down => (false, Connection::Down),
            Connection::DownFrom(one) if one == verb => (false, Connection::Down),
            Connection::Fails(one) if one == verb => (false, Connection::Up),
            waiting => (true, waiting),
        };
        *connection = next;
        if is_up { Ok(self.ledger.as_ref()) } else { Err(LedgerError::Away("cut by the test".to_owned())) }
    }
}

macro_rules! verbs {
    ($($verb:ident($($name:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl Ledger for Watched {
            $(fn $verb(&self, $($name: $kind),*) -> Answer<'_, $answer> {
                match self.reaches(stringify!($verb)) {
                    Ok(ledger) => ledger.$verb($($name),*),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            })+
        }
    };
}

verbs! {
    record(draft: DraftRecord) -> ();
    complete(id: CertificateId, der: Vec<u8>, at: OffsetDateTime) -> ();
    abandon(id: CertificateId, why: String, at: OffsetDateTime) -> ();
    revoke(id: CertificateId, reason: RevocationReason, at: OffsetDateTime) -> Revoked;
    deny(denial: Denial) -> Revoked;
    revocations(since: u64, limit: usize) -> Vec<RevocationRecord>;
    next_crl_number(issuer: Pin) -> u64;
    crl_numbers() -> Vec<(Pin, u64)>;
    raise_crl_number(issuer: Pin, at_least: u64) -> u64;
    certificate(id: CertificateId) -> Option<CertificateRecord>;
    certificate_by_fingerprint(fingerprint: Fingerprint) -> Option<CertificateRecord>;
    certificates(filter: CertificateFilter) -> Page<CertificateRecord>;
    note(shelf: Shelf, key: String) -> Option<Note>;
    notes(shelf: Shelf, after: Option<String>, limit: usize) -> Vec<Note>;
    write_note(shelf: Shelf, note: NewNote) -> u64;
    remove_note(shelf: Shelf, key: String, seen: u64) -> ();
    prune_notes(before: OffsetDateTime) -> u64;
    audit(events: Vec<AuditEvent>) -> ();
    audit_events(filter: AuditFilter) -> Page<AuditEvent>;
    prune_audit(before: OffsetDateTime) -> u64;
    prune_minted(before: OffsetDateTime) -> u64;
    id() -> LedgerId;
    revision() -> u64;
    changed(since: u64) -> u64;
    lock(what: &str) -> Option<Lock>;
    close() -> ();
}
