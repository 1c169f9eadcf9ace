use std::fmt;

use identity::{Fingerprint, Pin, RevocationReason};
use time::OffsetDateTime;

use crate::audit::{AuditEvent, AuditFilter};
use crate::error::LedgerError;
use crate::id::LedgerId;
use crate::lock::Lock;
use crate::note::{NewNote, Note, Shelf};
use crate::page::Page;
use crate::record::{CertificateFilter, CertificateId, CertificateRecord, DraftRecord};
use crate::revocation::{Denial, RevocationRecord, Revoked};

/// What a verb of the ledger promises to answer.
///
/// A verb that writes has taken effect, durably, when its answer is `Ok`; dropping the future does not undo it.
pub type Answer<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// The durable record of what was drafted, issued, revoked and decided.
///
/// Implementations prove themselves with [`conformance`](crate::conformance).
pub trait Ledger: Send + Sync + fmt::Debug {
    /// Puts a draft on record, before anything is signed.
    ///
    /// # Errors
    /// [`LedgerError::Duplicate`] where the issuer has used the serial before.
    fn record(&self, draft: DraftRecord) -> Answer<'_, ()>;

    /// Adds the signed certificate (DER) to its draft.
    ///
    /// # Errors
    /// [`LedgerError::Unknown`] where nothing was drafted, [`LedgerError::NotDrafted`] where the draft has
    /// already ended.
    fn complete(&self, id: CertificateId, der: Vec<u8>, at: OffsetDateTime) -> Answer<'_, ()>;

    /// Ends a draft that will never be signed, with the reason.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    fn abandon(&self, id: CertificateId, why: String, at: OffsetDateTime) -> Answer<'_, ()>;

    /// Takes an issued certificate back, for ever. A certificate is revoked once: a second time nothing changes, and
    /// the answer is the first revocation, saying so.
    ///
    /// # Errors
    /// [`LedgerError::Unknown`] where nothing was drafted, [`LedgerError::NotIssued`] where the record is a draft or
    /// was abandoned, [`LedgerError::NoReason`] for [`RevocationReason::RemoveFromCrl`].
    fn revoke(&self, id: CertificateId, reason: RevocationReason, at: OffsetDateTime) -> Answer<'_, Revoked>;

    /// Denies a certificate that is not on record as issued, for ever: another authority's, or one of ours that the record
    /// has lost. It is denied once: a second time nothing changes, and the answer is the first denial, saying so.
    ///
    /// # Errors
    /// [`LedgerError::OnRecord`] where the certificate was issued here, so that [`revoke`](Self::revoke) is the way;
    /// [`LedgerError::NoReason`] for [`RevocationReason::RemoveFromCrl`].
    fn deny(&self, denial: Denial) -> Answer<'_, Revoked>;

    /// The revocations and denials from behind this revision on, of every issuer, in the order in which they were recorded: at
    /// most `limit`, and never more than [`Page::MAX_LIMIT`](crate::Page::MAX_LIMIT), which 0 asks for.
    ///
    /// Fewer than that are the last there are. The revision of the last one is where to go on.
    fn revocations(&self, since: u64, limit: usize) -> Answer<'_, Vec<RevocationRecord>>;

    /// The next number for a list of this issuer's revocations: 1, 2, 3, … and none of them twice, whoever asks, also
    /// where the list it was meant for was never signed.
    fn next_crl_number(&self, issuer: Pin) -> Answer<'_, u64>;

    /// The number of the last list that [`next_crl_number`](Self::next_crl_number) gave, for each issuer that asked.
    fn crl_numbers(&self) -> Answer<'_, Vec<(Pin, u64)>>;

    /// Sees to it that the next list of this issuer has a greater number than this one, and answers the last number by
    /// now: for a record that came back from a backup, after lists with greater numbers were published.
    fn raise_crl_number(&self, issuer: Pin, at_least: u64) -> Answer<'_, u64>;

    /// What is on record under this issuer and serial.
    fn certificate(&self, id: CertificateId) -> Answer<'_, Option<CertificateRecord>>;

    /// What is on record of an issued certificate, by the SHA-256 of its DER.
    fn certificate_by_fingerprint(&self, fingerprint: Fingerprint) -> Answer<'_, Option<CertificateRecord>>;

    /// The certificates that a filter lets through, newest first.
    fn certificates(&self, filter: CertificateFilter) -> Answer<'_, Page<CertificateRecord>>;

    /// Removes what is on record of [minted](crate::MINTED) certificates that ended before a moment, and says how many they
    /// were. What was revoked stays, like every certificate of another profile.
    fn prune_minted(&self, before: OffsetDateTime) -> Answer<'_, u64>;

    /// A note, whether or not it has expired.
    fn note(&self, shelf: Shelf, key: String) -> Answer<'_, Option<Note>>;

    /// The notes of a shelf behind this key, by the bytes of their keys: at most `limit`, and never more than
    /// [`Page::MAX_LIMIT`](crate::Page::MAX_LIMIT), which 0 asks for.
    fn notes(&self, shelf: Shelf, after: Option<String>, limit: usize) -> Answer<'_, Vec<Note>>;

    /// Writes a note and says its version. It does not move the [`revision`](Self::revision).
    ///
    /// # Errors
    /// [`LedgerError::Changed`] where the note is not, or no longer, in the version that the writer has seen.
    fn write_note(&self, shelf: Shelf, note: NewNote) -> Answer<'_, u64>;

    /// Removes a note in the version that the caller has seen.
    ///
    /// # Errors
    /// As [`write_note`](Self::write_note).
    fn remove_note(&self, shelf: Shelf, key: String, seen: u64) -> Answer<'_, ()>;

    /// Removes the notes that expired before a moment and says how many they were.
    fn prune_notes(&self, before: OffsetDateTime) -> Answer<'_, u64>;

    /// Appends events, all of them or none.
    fn audit(&self, events: Vec<AuditEvent>) -> Answer<'_, ()>;

    /// The events that a filter lets through, newest first.
    fn audit_events(&self, filter: AuditFilter) -> Answer<'_, Page<AuditEvent>>;

    /// Removes the events from before a moment and says how many they were.
    fn prune_audit(&self, before: OffsetDateTime) -> Answer<'_, u64>;

    /// What tells this ledger from every other. A backup that is put back is the same ledger.
    fn id(&self) -> Answer<'_, LedgerId>;

    /// A number that grows with every change to a certificate's record, so that a reader can tell whether it has
    /// seen them all.
    fn revision(&self) -> Answer<'_, u64>;

    /// Waits until the [`revision`](Self::revision) is past this one, and answers it.
    ///
    /// A change made through this value is heard at once, one that another process made within a tenth of a second.
    ///
    /// # Errors
    /// [`LedgerError::Closed`] as soon as the ledger is closed, also to those who wait already.
    fn changed(&self, since: u64) -> Answer<'_, u64>;

    /// Takes the lock of this name (lower-case letters, digits and `-`), or says that somebody holds it: in this process or in
    /// another, on this machine or on another that shares the ledger. Who holds it has it until the [`Lock`] is dropped, or
    /// lost.
    fn lock(&self, what: &str) -> Answer<'_, Option<Lock>>;

    /// Writes out what is pending and lets go of the storage; every later verb answers [`LedgerError::Closed`].
    fn close(&self) -> Answer<'_, ()>;
}
