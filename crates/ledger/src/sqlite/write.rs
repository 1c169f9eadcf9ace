use identity::{Fingerprint, Pin, RevocationReason, Serial};
use rusqlite::{OptionalExtension, Transaction, params};
use time::OffsetDateTime;

use super::notes;
use super::read::{self, millis, state_of};
use crate::audit::AuditEvent;
use crate::error::LedgerError;
use crate::note::{NewNote, Shelf};
use crate::record::{CertificateId, DraftRecord, State};
use crate::revocation::{Denial, Revoked};

/// A change to the ledger, as it waits for the writer.
#[derive(Debug)]
pub(super) enum Change {
    Record(Box<DraftRecord>),
    Complete { id: CertificateId, der: Vec<u8>, at: OffsetDateTime },
    Abandon { id: CertificateId, why: String, at: OffsetDateTime },
    Revoke { id: CertificateId, reason: RevocationReason, at: OffsetDateTime },
    Deny(Denial),
    NumberCrl { issuer: Pin },
    WriteNote { shelf: Shelf, note: NewNote },
    RemoveNote { shelf: Shelf, key: String, seen: u64 },
    PruneNotes { before: OffsetDateTime },
    RaiseCrlNumber { issuer: Pin, at_least: u64 },
    Audit(Vec<AuditEvent>),
    PruneAudit { before: OffsetDateTime },
    PruneMinted { before: OffsetDateTime },
}

/// What came of a change that was made.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is nothing to say but that.
    Done,
    /// The number that was asked for, or how many rows were removed.
    Number(u64),
    /// The revocation, new or old.
    Revoked(Box<Revoked>),
}

/// Why a change was not made.
pub(super) enum Failure {
    /// It may not be; the transaction is whole.
    Refused(LedgerError),
    /// The storage failed; the transaction must be taken back.
    Storage(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error)
    }
}

/// Makes one change and says what came of it.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    change: &Change,
    revision: &mut u64,
) -> Result<Outcome, Failure> {
    match change {
        Change::Record(draft) => record(transaction, draft, revision)?,
        Change::Complete { id, der, at } => complete(transaction, id, der, *at, revision)?,
        Change::Abandon { id, why, at } => abandon(transaction, id, why, *at, revision)?,
        Change::Revoke { id, reason, at } => {
            return revoke(transaction, id, *reason, *at, revision)
                .map(|revoked| Outcome::Revoked(Box::new(revoked)));
        }
        Change::Deny(denial) => {
            return deny(transaction, denial, revision).map(|denied| Outcome::Revoked(Box::new(denied)));
        }
        Change::NumberCrl { issuer } => return Ok(Outcome::Number(number_crl(transaction, issuer)?)),
        Change::WriteNote { shelf, note } => {
            return notes::write(transaction, *shelf, note).map(Outcome::Number);
        }
        Change::RemoveNote { shelf, key, seen } => notes::remove(transaction, *shelf, key, *seen)?,
        Change::PruneNotes { before } => {
            return notes::prune(transaction, *before).map(Outcome::Number);
        }
        Change::RaiseCrlNumber { issuer, at_least } => {
            return Ok(Outcome::Number(raise_crl_number(transaction, issuer, *at_least)?));
        }
        Change::Audit(events) => audit(transaction, events)?,
        Change::PruneAudit { before } => {
            let removed =
                transaction.prepare_cached("DELETE FROM audit WHERE at < ?1")?.execute([millis(*before)])?;
            return Ok(Outcome::Number(removed as u64));
        }
        Change::PruneMinted { before } => return prune_minted(transaction, *before).map(Outcome::Number),
    }
    Ok(Outcome::Done)
}

fn record(transaction: &Transaction<'_>, draft: &DraftRecord, revision: &mut u64) -> Result<(), Failure> {
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO certificates (issuer_key, serial, issuer, profile, subject, common_name, sans, spki,
               not_before, not_after, state, drafted_at, revision)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'drafted', ?11, ?12) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            draft.issuer.key.to_string(),
            draft.serial.to_string(),
            draft.issuer.name,
            draft.profile,
            draft.subject,
            draft.common_name,
            serde_json::to_string(&draft.sans).unwrap_or_default(),
            draft.spki.to_string(),
            draft.not_before.unix_timestamp(),
            draft.not_after.unix_timestamp(),
            millis(draft.drafted_at),
            (*revision + 1).cast_signed(),
        ])?;
    if inserted == 0 {
        return Err(Failure::Refused(LedgerError::Duplicate(draft.serial.clone())));
    }
    *revision += 1;
    let certificate = transaction.last_insert_rowid();
    let mut insert = transaction
        .prepare_cached("INSERT OR IGNORE INTO certificate_names (name, certificate) VALUES (?1, ?2)")?;
    for name in draft.names() {
        insert.execute(params![name, certificate])?;
    }
    Ok(())
}

fn complete(
    transaction: &Transaction<'_>,
    id: &CertificateId,
    der: &[u8],
    at: OffsetDateTime,
    revision: &mut u64,
) -> Result<(), Failure> {
    let changed = transaction
        .prepare_cached(
            "UPDATE certificates SET state = 'issued', der = ?3, fingerprint = ?4, issued_at = ?5, revision = ?6
             WHERE serial = ?1 AND issuer_key = ?2 AND state = 'drafted'",
        )?
        .execute(params![
            id.serial.to_string(),
            id.issuer.to_string(),
            der,
            Fingerprint::of_der(der).to_string(),
            millis(at),
            (*revision + 1).cast_signed(),
        ])?;
    settle(transaction, id, changed, revision)
}

/// At most [`PRUNED_AT_ONCE`], so that others get their turn.
fn prune_minted(transaction: &Transaction<'_>, before: OffsetDateTime) -> Result<u64, Failure> {
    // Said as the index says it.
    let mut old = transaction.prepare_cached(
        "SELECT id FROM certificates WHERE profile = 'minted' AND state <> 'revoked' AND not_after < ?1
         ORDER BY not_after LIMIT ?2",
    )?;
    let old: Vec<i64> = old
        .query_map(params![before.unix_timestamp(), PRUNED_AT_ONCE.cast_signed()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut names = transaction.prepare_cached("DELETE FROM certificate_names WHERE certificate = ?1")?;
    let mut certificates = transaction.prepare_cached("DELETE FROM certificates WHERE id = ?1")?;
    for id in &old {
        names.execute([id])?;
        certificates.execute([id])?;
    }
    Ok(old.len() as u64)
}

fn abandon(
    transaction: &Transaction<'_>,
    id: &CertificateId,
    why: &str,
    at: OffsetDateTime,
    revision: &mut u64,
) -> Result<(), Failure> {
    let why = format!("{why} ({at})");
    let changed = transaction
        .prepare_cached(
            "UPDATE certificates SET state = 'abandoned', abandoned_because = ?3, revision = ?4
             WHERE serial = ?1 AND issuer_key = ?2 AND state = 'drafted'",
        )?
        .execute(params![id.serial.to_string(), id.issuer.to_string(), why, (*revision + 1).cast_signed()])?;
    settle(transaction, id, changed, revision)
}

/// A draft ends once: where nothing changed, says whether it was never there or had ended before.
fn settle(
    transaction: &Transaction<'_>,
    id: &CertificateId,
    changed: usize,
    revision: &mut u64,
) -> Result<(), Failure> {
    if changed > 0 {
        *revision += 1;
        return Ok(());
    }
    let state = state(transaction, &id.issuer, &id.serial)?;
    Err(Failure::Refused(match state {
        None => LedgerError::Unknown(id.serial.clone()),
        Some(state) => LedgerError::NotDrafted { serial: id.serial.clone(), state },
    }))
}

/// An issued certificate becomes a revoked one; of any other the record says why it does not.
fn revoke(
    transaction: &Transaction<'_>,
    id: &CertificateId,
    reason: RevocationReason,
    at: OffsetDateTime,
    revision: &mut u64,
) -> Result<Revoked, Failure> {
    if reason == RevocationReason::RemoveFromCrl {
        return Err(Failure::Refused(LedgerError::NoReason(reason)));
    }
    let changed = transaction
        .prepare_cached(
            "UPDATE certificates SET state = 'revoked', revoked_at = ?3, revocation_reason = ?4, revision = ?5
             WHERE serial = ?1 AND issuer_key = ?2 AND state = 'issued'",
        )?
        .execute(params![
            id.serial.to_string(),
            id.issuer.to_string(),
            millis(at),
            reason.as_str(),
            (*revision + 1).cast_signed(),
        ])?;
    if changed > 0 {
        *revision += 1;
    }
    if let Some(record) = read::revocation(transaction, id)? {
        return Ok(Revoked { record, already: changed == 0 });
    }
    let serial = id.serial.clone();
    Err(Failure::Refused(match state(transaction, &id.issuer, &id.serial)? {
        None => LedgerError::Unknown(serial),
        Some(state) => LedgerError::NotIssued { serial, state },
    }))
}

/// What was issued here is revoked and not denied: its record would go on calling it good.
fn deny(transaction: &Transaction<'_>, denial: &Denial, revision: &mut u64) -> Result<Revoked, Failure> {
    let Denial { issuer, serial, reason, at } = denial;
    if *reason == RevocationReason::RemoveFromCrl {
        return Err(Failure::Refused(LedgerError::NoReason(*reason)));
    }
    if let Some(state @ (State::Issued | State::Revoked)) = state(transaction, issuer, serial)? {
        return Err(Failure::Refused(LedgerError::OnRecord { serial: serial.clone(), state }));
    }
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO denials (revision, issuer_key, serial, denied_at, reason) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (serial, issuer_key) DO NOTHING",
        )?
        .execute(params![
            (*revision + 1).cast_signed(),
            issuer.to_string(),
            serial.to_string(),
            millis(*at),
            reason.as_str(),
        ])?;
    if inserted > 0 {
        *revision += 1;
    }
    let record = read::denial(transaction, &denial.id())?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(Revoked { record, already: inserted == 0 })
}

fn number_crl(transaction: &Transaction<'_>, issuer: &Pin) -> rusqlite::Result<u64> {
    let number: i64 = transaction
        .prepare_cached(
            "INSERT INTO crl_numbers (issuer_key, number) VALUES (?1, 1)
             ON CONFLICT (issuer_key) DO UPDATE SET number = number + 1 RETURNING number",
        )?
        .query_row([issuer.to_string()], |row| row.get(0))?;
    Ok(number.cast_unsigned())
}

fn raise_crl_number(transaction: &Transaction<'_>, issuer: &Pin, at_least: u64) -> rusqlite::Result<u64> {
    let number: i64 = transaction
        .prepare_cached(
            "INSERT INTO crl_numbers (issuer_key, number) VALUES (?1, ?2)
             ON CONFLICT (issuer_key) DO UPDATE SET number = max(number, excluded.number) RETURNING number",
        )?
        .query_row(params![issuer.to_string(), i64::try_from(at_least).unwrap_or(i64::MAX)], |row| {
            row.get(0)
        })?;
    Ok(number.cast_unsigned())
}

fn state(transaction: &Transaction<'_>, issuer: &Pin, serial: &Serial) -> rusqlite::Result<Option<State>> {
    transaction
        .prepare_cached("SELECT state FROM certificates WHERE serial = ?1 AND issuer_key = ?2")?
        .query_row(params![serial.to_string(), issuer.to_string()], |row| state_of(row, 0))
        .optional()
}

fn audit(transaction: &Transaction<'_>, events: &[AuditEvent]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO audit (at, kind, principal, method, certificate, serial, issuer, sni, remote, code, cause,
           refusal, handshake, name, listener, target)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    for event in events {
        insert.execute(params![
            millis(event.at),
            event.kind.as_str(),
            event.principal,
            event.method,
            event.certificate.map(|fingerprint| fingerprint.to_string()),
            event.serial.as_ref().map(Serial::to_string),
            event.issuer,
            event.sni,
            event.remote.map(|remote| remote.to_string()),
            event.code,
            event.cause,
            event.refusal,
            event.handshake,
            event.name,
            event.listener,
            event.target,
        ])?;
    }
    Ok(())
}

/// How many certificates one change removes; whoever prunes comes again until none is left.
pub(super) const PRUNED_AT_ONCE: u64 = 500;
