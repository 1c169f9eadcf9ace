//! What is written, and what came of it.

use identity::{Fingerprint, Pin, RevocationReason, Serial};
use ledger::{AuditEvent, CertificateId, Denial, DraftRecord, LedgerError, NewNote, Revoked, Shelf, State};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::row::{self, millis};
use crate::session::{Session, Value};
use crate::text::stored;
use crate::{notes, read};

/// A change to the ledger, as it waits for the writer.
#[derive(Debug)]
pub(crate) enum Change {
    Record(Box<DraftRecord>),
    Complete { id: CertificateId, der: Vec<u8>, at: OffsetDateTime },
    Abandon { id: CertificateId, why: String, at: OffsetDateTime },
    Revoke { id: CertificateId, reason: RevocationReason, at: OffsetDateTime },
    Deny(Denial),
    NumberCrl { issuer: Pin },
    RaiseCrlNumber { issuer: Pin, at_least: u64 },
    WriteNote { shelf: Shelf, note: NewNote },
    RemoveNote { shelf: Shelf, key: String, seen: u64 },
    PruneNotes { before: OffsetDateTime },
    Audit(Vec<AuditEvent>),
    PruneAudit { before: OffsetDateTime },
    PruneMinted { before: OffsetDateTime },
}

/// What came of a change that was made.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// There is nothing to say but that.
    Done,
    /// The number that was asked for, or how many rows were removed.
    Number(u64),
    /// The revocation, new or old.
    Revoked(Box<Revoked>),
}

/// A change as the server hears it.
pub(crate) struct Order {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

impl Change {
    /// That a reason is one; what else may not be is seen where the record is.
    pub(crate) fn must_be_possible(&self) -> Result<(), LedgerError> {
        match self {
            Self::Revoke { reason, .. } | Self::Deny(Denial { reason, .. })
                if *reason == RevocationReason::RemoveFromCrl =>
            {
                Err(LedgerError::NoReason(*reason))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is a row of its own and no more, so that nobody has to wait for anybody.
    pub(crate) fn only_appends(&self) -> bool {
        matches!(self, Self::Audit(_))
    }

    /// Whether it counts as a change to a certificate's record where it is made.
    pub(crate) fn moves_the_revision(&self) -> bool {
        match self {
            Self::Record(_)
            | Self::Complete { .. }
            | Self::Abandon { .. }
            | Self::Revoke { .. }
            | Self::Deny(_) => true,
            Self::NumberCrl { .. }
            | Self::RaiseCrlNumber { .. }
            | Self::WriteNote { .. }
            | Self::RemoveNote { .. }
            | Self::PruneNotes { .. }
            | Self::Audit(_)
            | Self::PruneAudit { .. }
            | Self::PruneMinted { .. } => false,
        }
    }

    /// The statement that makes it, if it may be made, under this revision. A row comes back where it was made.
    pub(crate) fn order(&self, revision: u64) -> Order {
        let revision = revision.cast_signed();
        match self {
            Self::Record(draft) => record(draft, revision),
            Self::Complete { id, der, at } => complete(id, der, *at, revision),
            Self::Abandon { id, why, at } => {
                let why = stored(&format!("{why} ({at})")).into_owned();
                Order { sql: ABANDON, values: about(id, [Box::new(why), Box::new(revision)]) }
            }
            Self::Revoke { id, reason, at } => {
                let values: [Value; 3] =
                    [Box::new(millis(*at)), Box::new(reason.as_str()), Box::new(revision)];
                Order { sql: REVOKE, values: about(id, values) }
            }
            Self::Deny(denial) => {
                let at = Box::new(millis(denial.at));
                let values: [Value; 3] = [at, Box::new(denial.reason.as_str()), Box::new(revision)];
                Order { sql: DENY, values: about(&denial.id(), values) }
            }
            Self::NumberCrl { issuer } => {
                Order { sql: NUMBER_CRL, values: vec![Box::new(issuer.to_string())] }
            }
            Self::RaiseCrlNumber { issuer, at_least } => {
                let at_least = i64::try_from(*at_least).unwrap_or(i64::MAX);
                Order {
                    sql: RAISE_CRL_NUMBER,
                    values: vec![Box::new(issuer.to_string()), Box::new(at_least)],
                }
            }
            Self::WriteNote { shelf, note } => notes::write(*shelf, note),
            Self::RemoveNote { shelf, key, seen } => notes::remove(*shelf, key, *seen),
            Self::PruneNotes { before } => notes::prune(*before),
            Self::Audit(events) => audit(events),
            Self::PruneAudit { before } => {
                Order { sql: PRUNE_AUDIT, values: vec![Box::new(millis(*before))] }
            }
            Self::PruneMinted { before } => {
                Order { sql: PRUNE_MINTED, values: vec![Box::new(before.unix_timestamp())] }
            }
        }
    }

    /// What the rows that came back say. Where none did, the record says why the change may not be.
    pub(crate) async fn judge(&self, session: &Session, rows: &[Row]) -> Result<Outcome, LedgerError> {
        let made = rows.first();
        match self {
            Self::Record(draft) => {
                made.map(|_| Outcome::Done).ok_or_else(|| LedgerError::Duplicate(draft.serial.clone()))
            }
            Self::Complete { id, .. } | Self::Abandon { id, .. } => match made {
                Some(_) => Ok(Outcome::Done),
                None => Err(not_drafted(session, id).await?),
            },
            Self::Revoke { id, .. } => revoked(session, id, made).await,
            Self::Deny(denial) => denied(session, &denial.id(), made).await,
            Self::NumberCrl { .. }
            | Self::RaiseCrlNumber { .. }
            | Self::PruneNotes { .. }
            | Self::PruneAudit { .. }
            | Self::PruneMinted { .. } => number(made),
            Self::WriteNote { shelf, note } => match made {
                Some(_) => number(made),
                None => Err(LedgerError::Changed { shelf: *shelf, key: note.key.clone() }),
            },
            Self::RemoveNote { shelf, key, .. } => match made {
                Some(_) => Ok(Outcome::Done),
                None => Err(LedgerError::Changed { shelf: *shelf, key: key.clone() }),
            },
            Self::Audit(_) => Ok(Outcome::Done),
        }
    }
}

fn record(draft: &DraftRecord, revision: i64) -> Order {
    let text = |text: &str| -> Value { Box::new(stored(text).into_owned()) };
    let mut names: Vec<String> = draft.names().map(|name| stored(name).to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    let values: Vec<Value> = vec![
        Box::new(draft.issuer.key.to_string()),
        Box::new(draft.serial.to_string()),
        text(&draft.issuer.name),
        text(&draft.profile),
        text(&draft.subject),
        Box::new(draft.common_name.as_deref().map(|name| stored(name).into_owned())),
        text(&serde_json::to_string(&draft.sans).unwrap_or_default()),
        Box::new(draft.spki.to_string()),
        Box::new(draft.not_before.unix_timestamp()),
        Box::new(draft.not_after.unix_timestamp()),
        Box::new(millis(draft.drafted_at)),
        Box::new(revision),
        Box::new(names),
    ];
    Order { sql: RECORD, values }
}

fn complete(id: &CertificateId, der: &[u8], at: OffsetDateTime, revision: i64) -> Order {
    let fingerprint = Fingerprint::of_der(der).to_string();
    let values: [Value; 4] =
        [Box::new(der.to_vec()), Box::new(fingerprint), Box::new(millis(at)), Box::new(revision)];
    Order { sql: COMPLETE, values: about(id, values) }
}

/// One statement for all of them: a list for each column.
fn audit(events: &[AuditEvent]) -> Order {
    let texts = |of: &dyn Fn(&AuditEvent) -> Option<String>| -> Value {
        let column: Vec<Option<String>> =
            events.iter().map(|event| of(event).map(|text| stored(&text).into_owned())).collect();
        Box::new(column)
    };
    let values: Vec<Value> = vec![
        Box::new(events.iter().map(|event| millis(event.at)).collect::<Vec<i64>>()),
        texts(&|event| Some(event.kind.as_str().to_owned())),
        texts(&|event| event.principal.clone()),
        texts(&|event| event.method.clone()),
        texts(&|event| event.certificate.map(|fingerprint| fingerprint.to_string())),
        texts(&|event| event.serial.as_ref().map(Serial::to_string)),
        texts(&|event| event.issuer.clone()),
        texts(&|event| event.sni.clone()),
        texts(&|event| event.remote.map(|remote| remote.to_string())),
        texts(&|event| event.code.clone()),
        texts(&|event| event.cause.clone()),
        texts(&|event| event.refusal.clone()),
        texts(&|event| event.handshake.clone()),
        texts(&|event| event.name.clone()),
        texts(&|event| event.listener.clone()),
        texts(&|event| event.target.clone()),
    ];
    Order { sql: AUDIT, values }
}

/// The values of a statement about one certificate: its serial and its issuer come first.
fn about<const N: usize>(id: &CertificateId, more: [Value; N]) -> Vec<Value> {
    let mut values = read::named(id);
    values.extend(more);
    values
}

async fn not_drafted(session: &Session, id: &CertificateId) -> Result<LedgerError, LedgerError> {
    let serial = id.serial.clone();
    Ok(match read::state(session, id).await? {
        None => LedgerError::Unknown(serial),
        Some(state) => LedgerError::NotDrafted { serial, state },
    })
}

async fn revoked(session: &Session, id: &CertificateId, made: Option<&Row>) -> Result<Outcome, LedgerError> {
    if let Some(made) = made {
        return Ok(told(row::revocation(made)?, false));
    }
    if let Some(record) = read::revocation(session, id).await? {
        return Ok(told(record, true));
    }
    let serial = id.serial.clone();
    Err(match read::state(session, id).await? {
        None => LedgerError::Unknown(serial),
        Some(state) => LedgerError::NotIssued { serial, state },
    })
}

async fn denied(session: &Session, id: &CertificateId, made: Option<&Row>) -> Result<Outcome, LedgerError> {
    if let Some(made) = made {
        return Ok(told(row::revocation(made)?, false));
    }
    if let Some(state @ (State::Issued | State::Revoked)) = read::state(session, id).await? {
        return Err(LedgerError::OnRecord { serial: id.serial.clone(), state });
    }
    let record = read::denial(session, id).await?;
    record
        .map(|record| told(record, true))
        .ok_or_else(|| LedgerError::Storage("a denial was neither made nor on record".into()))
}

fn told(record: ledger::RevocationRecord, already: bool) -> Outcome {
    Outcome::Revoked(Box::new(Revoked { record, already }))
}

fn number(row: Option<&Row>) -> Result<Outcome, LedgerError> {
    let row = row.ok_or_else(|| LedgerError::Storage("the server did not say the number".into()))?;
    Ok(Outcome::Number(row::column::<i64>(row, "number")?.cast_unsigned()))
}

const RECORD: &str = "
WITH new AS (
  INSERT INTO certificates (issuer_key, serial, issuer, profile, subject, common_name, sans, spki, not_before,
    not_after, state, drafted_at, revision)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'drafted', $11, $12) ON CONFLICT DO NOTHING RETURNING id
), named AS (
  INSERT INTO certificate_names (name, certificate) SELECT name, id FROM new, unnest($13::text[]) AS name
)
SELECT id FROM new";

const COMPLETE: &str = "
UPDATE certificates SET state = 'issued', der = $3, fingerprint = $4, issued_at = $5, revision = $6
WHERE serial = $1 AND issuer_key = $2 AND state = 'drafted' RETURNING revision";

const ABANDON: &str = "
UPDATE certificates SET state = 'abandoned', abandoned_because = $3, revision = $4
WHERE serial = $1 AND issuer_key = $2 AND state = 'drafted' RETURNING revision";

const REVOKE: &str = "
UPDATE certificates SET state = 'revoked', revoked_at = $3, revocation_reason = $4, revision = $5
WHERE serial = $1 AND issuer_key = $2 AND state = 'issued'
RETURNING revision, issuer_key, serial, not_after, revoked_at, revocation_reason";

/// What was issued here is revoked and not denied: its record would go on calling it good.
const DENY: &str = "
INSERT INTO denials (serial, issuer_key, denied_at, reason, revision)
SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
  SELECT FROM certificates WHERE serial = $1 AND issuer_key = $2 AND state IN ('issued', 'revoked'))
ON CONFLICT (serial, issuer_key) DO NOTHING
RETURNING revision, issuer_key, serial, NULL::bigint AS not_after, denied_at AS revoked_at, reason AS revocation_reason";

const NUMBER_CRL: &str = "
INSERT INTO crl_numbers (issuer_key, number) VALUES ($1, 1)
ON CONFLICT (issuer_key) DO UPDATE SET number = crl_numbers.number + 1 RETURNING number";

const RAISE_CRL_NUMBER: &str = "
INSERT INTO crl_numbers (issuer_key, number) VALUES ($1, $2)
ON CONFLICT (issuer_key) DO UPDATE SET number = greatest(crl_numbers.number, excluded.number) RETURNING number";

const AUDIT: &str = "
INSERT INTO audit (at, kind, principal, method, certificate, serial, issuer, sni, remote, code, cause, refusal,
  handshake, name, listener, target)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])";

/// So many at a time that others get their turn; whoever prunes comes again until none is left.
const PRUNE_AUDIT: &str = "
WITH old AS (
  DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT 10000) RETURNING 1
)
SELECT count(*) AS number FROM old";
/// As [`PRUNE_AUDIT`], with the names.
const PRUNE_MINTED: &str = "
WITH old AS (
  SELECT id FROM certificates WHERE profile = 'minted' AND state <> 'revoked' AND not_after < $1
  ORDER BY not_after LIMIT 10000
), names AS (
  DELETE FROM certificate_names USING old WHERE certificate = old.id
), gone AS (
  DELETE FROM certificates USING old WHERE certificates.id = old.id RETURNING 1
)
SELECT count(*) AS number FROM gone";
/// As many as one [`PRUNE_AUDIT`] or [`PRUNE_MINTED`] removes.
pub(crate) const PRUNED_AT_ONCE: u64 = 10_000;
