//! Rows as values of the ledger.

use std::str::FromStr;

use identity::{Pin, RevocationReason};
use ledger::{
    AuditEvent, AuditKind, CertificateRecord, DraftRecord, IssuerName, LedgerError, LedgerId, Note,
    Revocation, RevocationRecord, State,
};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::text::restored;

type Read<T> = Result<T, LedgerError>;

pub(crate) fn certificate(row: &Row) -> Read<CertificateRecord> {
    let sans: String = text(row, "sans")?;
    let draft = DraftRecord {
        serial: parsed(row, "serial")?,
        issuer: IssuerName { name: text(row, "issuer")?, key: parsed(row, "issuer_key")? },
        profile: text(row, "profile")?,
        subject: text(row, "subject")?,
        common_name: some_text(row, "common_name")?,
        sans: serde_json::from_str(&sans).map_err(unreadable)?,
        spki: parsed(row, "spki")?,
        not_before: seconds(column(row, "not_before")?)?,
        not_after: seconds(column(row, "not_after")?)?,
        drafted_at: moment(column(row, "drafted_at")?)?,
    };
    Ok(CertificateRecord {
        draft,
        state: state(row)?,
        der: column(row, "der")?,
        issued_at: column::<Option<i64>>(row, "issued_at")?.map(moment).transpose()?,
        abandoned_because: some_text(row, "abandoned_because")?,
        revoked: revoked(row)?,
        revision: revision(row)?,
    })
}

pub(crate) fn revocation(row: &Row) -> Read<RevocationRecord> {
    Ok(RevocationRecord {
        issuer: parsed(row, "issuer_key")?,
        serial: parsed(row, "serial")?,
        reason: parsed::<RevocationReason>(row, "revocation_reason")?,
        at: moment(column(row, "revoked_at")?)?,
        not_after: column::<Option<i64>>(row, "not_after")?.map(seconds).transpose()?,
        revision: revision(row)?,
    })
}

pub(crate) fn event(row: &Row) -> Read<AuditEvent> {
    let kind: String = text(row, "kind")?;
    Ok(AuditEvent {
        at: moment(column(row, "at")?)?,
        kind: AuditKind::parse(&kind).ok_or_else(|| unreadable(format!("unknown kind \"{kind}\"")))?,
        principal: some_text(row, "principal")?,
        method: some_text(row, "method")?,
        certificate: some_parsed(row, "certificate")?,
        serial: some_parsed(row, "serial")?,
        issuer: some_text(row, "issuer")?,
        name: some_text(row, "name")?,
        sni: some_text(row, "sni")?,
        listener: some_text(row, "listener")?,
        target: some_text(row, "target")?,
        remote: some_parsed(row, "remote")?,
        code: some_text(row, "code")?,
        cause: some_text(row, "cause")?,
        refusal: some_text(row, "refusal")?,
        handshake: some_text(row, "handshake")?,
    })
}

pub(crate) fn note(row: &Row) -> Read<Note> {
    Ok(Note {
        key: text(row, "key")?,
        text: text(row, "text")?,
        version: column::<i64>(row, "version")?.cast_unsigned(),
        expires_at: column::<Option<i64>>(row, "expires_at")?.map(moment).transpose()?,
    })
}

pub(crate) fn crl_number(row: &Row) -> Read<(Pin, u64)> {
    Ok((parsed(row, "issuer_key")?, column::<i64>(row, "number")?.cast_unsigned()))
}

pub(crate) fn id(row: &Row) -> Read<LedgerId> {
    parsed(row, "id")
}

pub(crate) fn state(row: &Row) -> Read<State> {
    let word: String = text(row, "state")?;
    State::parse(&word).ok_or_else(|| unreadable(format!("unknown state \"{word}\"")))
}

pub(crate) fn revision(row: &Row) -> Read<u64> {
    Ok(column::<i64>(row, "revision")?.cast_unsigned())
}

/// A column, as PostgreSQL's type says.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Read<T> {
    row.try_get(name).map_err(|error| unreadable(format!("{name}: {error}")))
}

fn revoked(row: &Row) -> Read<Option<Revocation>> {
    let at: Option<i64> = column(row, "revoked_at")?;
    at.map(|at| Ok(Revocation { at: moment(at)?, reason: parsed(row, "revocation_reason")? })).transpose()
}

fn text(row: &Row, name: &str) -> Read<String> {
    column(row, name).map(restored)
}

fn some_text(row: &Row, name: &str) -> Read<Option<String>> {
    Ok(column::<Option<String>>(row, name)?.map(restored))
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(row: &Row, name: &str) -> Read<T> {
    text(row, name)?.parse().map_err(|error: T::Err| unreadable(error))
}

fn some_parsed<T: FromStr<Err: std::fmt::Display>>(row: &Row, name: &str) -> Read<Option<T>> {
    let text = some_text(row, name)?;
    text.map(|text| text.parse().map_err(|error: T::Err| unreadable(error))).transpose()
}

/// Milliseconds since 1970.
pub(crate) fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn moment(millis: i64) -> Read<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).map_err(unreadable)
}

fn seconds(seconds: i64) -> Read<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(unreadable)
}

/// What stands in the table is not what this program writes.
fn unreadable(why: impl std::fmt::Display) -> LedgerError {
    LedgerError::Storage(format!("what is on record cannot be read: {why}"))
}
