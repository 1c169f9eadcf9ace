use std::str::FromStr;

use identity::{Fingerprint, Pin, RevocationReason, Serial};
use rusqlite::types::{Type, Value};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use time::OffsetDateTime;

use crate::audit::{AuditEvent, AuditFilter, AuditKind};
use crate::id::LedgerId;
use crate::page::{Cursor, Page};
use crate::record::{
    CertificateFilter, CertificateId, CertificateRecord, DraftRecord, IssuerName, MINTED, Revocation, State,
};
use crate::revocation::RevocationRecord;

pub(super) fn certificate(
    connection: &Connection,
    id: &CertificateId,
) -> rusqlite::Result<Option<CertificateRecord>> {
    connection
        .prepare_cached(&format!("{CERTIFICATE} WHERE serial = ?1 AND issuer_key = ?2"))?
        .query_row(params![id.serial.to_string(), id.issuer.to_string()], certificate_of)
        .optional()
}

pub(super) fn certificate_by_fingerprint(
    connection: &Connection,
    fingerprint: Fingerprint,
) -> rusqlite::Result<Option<CertificateRecord>> {
    connection
        .prepare_cached(&format!("{CERTIFICATE} WHERE fingerprint = ?1"))?
        .query_row([fingerprint.to_string()], certificate_of)
        .optional()
}

pub(super) fn certificates(
    connection: &Connection,
    filter: &CertificateFilter,
) -> rusqlite::Result<Page<CertificateRecord>> {
    let mut asked = Asked::default();
    asked.want("id < ?", filter.after.map(|cursor| cursor.0));
    asked.want("serial = ?", filter.serial.as_ref().map(Serial::to_string));
    asked.want("issuer_key = ?", filter.issuer.map(|pin| pin.to_string()));
    let issuer = filter.issuer_name.as_deref();
    asked.want("issuer = ?", issuer.filter(|name| !is_pattern(name)).map(str::to_owned));
    asked.want("issuer LIKE ? ESCAPE '\\'", issuer.filter(|name| is_pattern(name)).map(pattern));
    asked.want("profile = ?", filter.profile.clone());
    asked.want("profile <> ?", filter.lasting.then(|| MINTED.to_owned()));
    asked.conditions.extend(filter.authorities.then_some(AUTHORITIES));
    // Said as an index says it, so that few among many are found by it.
    let rare = filter.state.is_some_and(|state| state != State::Issued);
    asked.conditions.extend(rare.then_some("state <> 'issued'"));
    asked.want("state = ?", filter.state.map(|state| state.as_str().to_owned()));
    asked.want("not_after < ?", filter.expires_before.map(OffsetDateTime::unix_timestamp));
    asked.want("not_after >= ?", filter.expires_after.map(OffsetDateTime::unix_timestamp));
    // A whole name is looked up by its index; only a pattern reads them all.
    let name = filter.name.as_deref();
    asked.want(
        "id IN (SELECT certificate FROM certificate_names WHERE name = ?)",
        name.filter(|name| !is_pattern(name)).map(str::to_owned),
    );
    asked.want(
        "id IN (SELECT certificate FROM certificate_names WHERE name LIKE ? ESCAPE '\\')",
        name.filter(|name| is_pattern(name)).map(pattern),
    );
    let listed = Listed { table: "certificates", select: CERTIFICATE, order: "id DESC" };
    asked.page(connection, listed, filter.limit, certificate_of)
}

pub(super) fn revocations(
    connection: &Connection,
    since: u64,
    limit: usize,
) -> rusqlite::Result<Vec<RevocationRecord>> {
    let limit = if limit == 0 { Page::MAX_LIMIT } else { limit.min(Page::MAX_LIMIT) };
    let since = i64::try_from(since).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&revocations_sql())?
        .query_map(params![since, i64::try_from(limit).unwrap_or(i64::MAX)], revocation_of)?
        .collect()
}

/// Revoked certificates and denials, merged by revision; each comes from an index in that order.
pub(super) fn revocations_sql() -> String {
    format!(
        "{REVOCATION} WHERE state = 'revoked' AND revision > ?1 UNION ALL {DENIAL} WHERE revision > ?1
         ORDER BY revision LIMIT ?2"
    )
}

pub(super) fn denial(
    connection: &Connection,
    id: &CertificateId,
) -> rusqlite::Result<Option<RevocationRecord>> {
    connection
        .prepare_cached(&format!("{DENIAL} WHERE serial = ?1 AND issuer_key = ?2"))?
        .query_row(params![id.serial.to_string(), id.issuer.to_string()], revocation_of)
        .optional()
}

pub(super) fn revocation(
    connection: &Connection,
    id: &CertificateId,
) -> rusqlite::Result<Option<RevocationRecord>> {
    connection
        .prepare_cached(&format!("{REVOCATION} WHERE serial = ?1 AND issuer_key = ?2 AND state = 'revoked'"))?
        .query_row(params![id.serial.to_string(), id.issuer.to_string()], revocation_of)
        .optional()
}

pub(super) fn audit_events(
    connection: &Connection,
    filter: &AuditFilter,
) -> rusqlite::Result<Page<AuditEvent>> {
    let mut asked = Asked::default();
    // Behind the moment of that event, and among those of one moment behind itself.
    asked.want("(at, id) < ((SELECT at FROM audit WHERE id = ?1), ?1)", filter.after.map(|cursor| cursor.0));
    asked.want("kind = ?", filter.kind.map(|kind| kind.as_str().to_owned()));
    asked.want("principal = ?", filter.principal.clone());
    asked.want("serial = ?", filter.serial.as_ref().map(Serial::to_string));
    asked.want("refusal = ?", filter.refusal.clone());
    asked.want("handshake = ?", filter.handshake.clone());
    asked.want("at >= ?", filter.since.map(millis));
    asked.want("at < ?", filter.until.map(millis));
    let listed = Listed { table: "audit", select: AUDIT, order: "at DESC, id DESC" };
    asked.page(connection, listed, filter.limit, event_of)
}

pub(super) fn id(connection: &Connection) -> rusqlite::Result<LedgerId> {
    connection.prepare_cached("SELECT id FROM ledger_id")?.query_row([], |row| parsed(row, "id"))
}

pub(super) fn crl_numbers(connection: &Connection) -> rusqlite::Result<Vec<(Pin, u64)>> {
    connection
        .prepare_cached("SELECT issuer_key, number FROM crl_numbers")?
        .query_map([], |row| Ok((parsed(row, "issuer_key")?, row.get::<_, i64>("number")?.cast_unsigned())))?
        .collect()
}

pub(super) fn revision(connection: &Connection) -> rusqlite::Result<u64> {
    let revision: i64 =
        connection.prepare_cached("SELECT revision FROM revision")?.query_row([], |row| row.get(0))?;
    Ok(revision.cast_unsigned())
}

/// What is listed, and in which order.
struct Listed {
    table: &'static str,
    select: &'static str,
    order: &'static str,
}

/// Conditions that hold together, with their values in order.
#[derive(Default)]
struct Asked {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Asked {
    fn want(&mut self, condition: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value.into());
        }
    }

    /// Newest first; one row more than the page holds is asked for, to know whether there is a next one.
    fn page<T>(
        mut self,
        connection: &Connection,
        Listed { table, select, order }: Listed,
        limit: usize,
        entry: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Page<T>> {
        let limit = if limit == 0 { Page::DEFAULT_LIMIT } else { limit.min(Page::MAX_LIMIT) };
        let conditions =
            if self.conditions.is_empty() { "1".to_owned() } else { self.conditions.join(" AND ") };
        // Which ones they are is found out without their bytes, which may be many.
        let sql = format!(
            "{select} WHERE id IN (SELECT id FROM {table} WHERE {conditions} ORDER BY {order} LIMIT ?) ORDER BY {order}"
        );
        self.values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)));
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement
            .query_map(params_from_iter(self.values), |row| Ok((row.get::<_, i64>("id")?, entry(row)?)))?;
        let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(id, _)| Cursor(*id));
        Ok(Page { entries: rows.into_iter().map(|(_, entry)| entry).collect(), next })
    }
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// `*` and `?` as a user writes them, as SQL's `LIKE` wants them.
fn pattern(name: &str) -> String {
    let mut like = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            c => like.push(c),
        }
    }
    like
}

fn certificate_of(row: &Row<'_>) -> rusqlite::Result<CertificateRecord> {
    let sans: String = row.get("sans")?;
    let draft = DraftRecord {
        serial: parsed(row, "serial")?,
        issuer: IssuerName { name: row.get("issuer")?, key: parsed(row, "issuer_key")? },
        profile: row.get("profile")?,
        subject: row.get("subject")?,
        common_name: row.get("common_name")?,
        sans: serde_json::from_str(&sans).map_err(|error| unreadable(error.to_string()))?,
        spki: parsed(row, "spki")?,
        not_before: seconds(row.get("not_before")?)?,
        not_after: seconds(row.get("not_after")?)?,
        drafted_at: moment(row.get("drafted_at")?)?,
    };
    Ok(CertificateRecord {
        draft,
        state: state_of(row, "state")?,
        der: row.get("der")?,
        issued_at: row.get::<_, Option<i64>>("issued_at")?.map(moment).transpose()?,
        abandoned_because: row.get("abandoned_because")?,
        revoked: revoked(row)?,
        revision: row.get::<_, i64>("revision")?.cast_unsigned(),
    })
}

fn revoked(row: &Row<'_>) -> rusqlite::Result<Option<Revocation>> {
    let at: Option<i64> = row.get("revoked_at")?;
    at.map(|at| Ok(Revocation { at: moment(at)?, reason: parsed(row, "revocation_reason")? })).transpose()
}

fn revocation_of(row: &Row<'_>) -> rusqlite::Result<RevocationRecord> {
    Ok(RevocationRecord {
        issuer: parsed(row, "issuer_key")?,
        serial: parsed(row, "serial")?,
        reason: parsed::<RevocationReason>(row, "revocation_reason")?,
        at: moment(row.get("revoked_at")?)?,
        not_after: row.get::<_, Option<i64>>("not_after")?.map(seconds).transpose()?,
        revision: row.get::<_, i64>("revision")?.cast_unsigned(),
    })
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    let kind: String = row.get("kind")?;
    Ok(AuditEvent {
        at: moment(row.get("at")?)?,
        kind: AuditKind::parse(&kind).ok_or_else(|| unreadable(format!("unknown kind \"{kind}\"")))?,
        principal: row.get("principal")?,
        method: row.get("method")?,
        certificate: optional(row, "certificate")?,
        serial: optional(row, "serial")?,
        issuer: row.get("issuer")?,
        name: row.get("name")?,
        sni: row.get("sni")?,
        listener: row.get("listener")?,
        target: row.get("target")?,
        remote: optional(row, "remote")?,
        code: row.get("code")?,
        cause: row.get("cause")?,
        refusal: row.get("refusal")?,
        handshake: row.get("handshake")?,
    })
}

pub(super) fn state_of(row: &Row<'_>, column: impl rusqlite::RowIndex) -> rusqlite::Result<State> {
    let word: String = row.get(column)?;
    State::parse(&word).ok_or_else(|| unreadable(format!("unknown state \"{word}\"")))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: T::Err| unreadable(error.to_string()))
}

fn optional<T: FromStr<Err: std::fmt::Display>>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|error: T::Err| unreadable(error.to_string()))).transpose()
}

/// Milliseconds since 1970.
pub(super) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

pub(super) fn moment(millis: i64) -> rusqlite::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .map_err(|error| unreadable(error.to_string()))
}

fn seconds(seconds: i64) -> rusqlite::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|error| unreadable(error.to_string()))
}

/// What stands in the file is not what this program writes.
fn unreadable(why: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
}

const CERTIFICATE: &str =
    "SELECT id, serial, issuer_key, issuer, profile, subject, common_name, sans, spki, not_before,
  not_after, state, drafted_at, issued_at, abandoned_because, revoked_at, revocation_reason, der, revision
  FROM certificates";
/// Said as ranges of the index of profiles where it can be.
const AUTHORITIES: &str = "(profile = 'root' OR profile = 'issuer' OR profile LIKE '%-issuer')";
const REVOCATION: &str =
    "SELECT revision, issuer_key, serial, not_after, revoked_at, revocation_reason FROM certificates";
const DENIAL: &str = "SELECT revision, issuer_key, serial, NULL AS not_after, denied_at AS revoked_at,
  reason AS revocation_reason FROM denials";
const AUDIT: &str =
    "SELECT id, at, kind, principal, method, certificate, serial, issuer, name, sni, listener, target, remote, code,
  cause, refusal, handshake FROM audit";
