//! What is asked of the ledger.

use identity::{Pin, Serial};
use ledger::{
    AuditEvent, AuditFilter, CertificateFilter, CertificateId, CertificateRecord, Cursor, LedgerError,
    LedgerId, MINTED, Note, Page, RevocationRecord, Shelf, State,
};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::link::failed;
use crate::row::{self, millis};
use crate::session::{Session, Value};
use crate::text::stored;

type Read<T> = Result<T, LedgerError>;

/// At most one certificate.
pub(crate) async fn certificate(session: &Session, id: CertificateId) -> Read<Option<CertificateRecord>> {
    let sql = format!("{CERTIFICATE} WHERE serial = $1 AND issuer_key = $2");
    first(session, &sql, named(&id), row::certificate).await
}

pub(crate) async fn certificate_by_fingerprint(
    session: &Session,
    fingerprint: identity::Fingerprint,
) -> Read<Option<CertificateRecord>> {
    let sql = format!("{CERTIFICATE} WHERE fingerprint = $1");
    first(session, &sql, vec![Box::new(fingerprint.to_string())], row::certificate).await
}

pub(crate) async fn certificates(
    session: &Session,
    filter: CertificateFilter,
) -> Read<Page<CertificateRecord>> {
    let mut asked = Asked::new();
    asked.want("id < ?", filter.after.map(Cursor::number));
    asked.want("serial = ?", filter.serial.as_ref().map(Serial::to_string));
    asked.want("issuer_key = ?", filter.issuer.map(|pin| pin.to_string()));
    match filter.issuer_name.map(held) {
        Some(issuer) if is_pattern(&issuer) => asked.want("issuer ILIKE ?", Some(pattern(&issuer))),
        issuer => asked.want("issuer = ?", issuer),
    }
    asked.conditions.extend(filter.authorities.then(|| AUTHORITIES.to_owned()));
    asked.want("profile = ?", filter.profile.map(held));
    asked.want("profile <> ?", filter.lasting.then(|| MINTED.to_owned()));
    // Said as an index says it, so that few among many are found by it.
    let rare = filter.state.is_some_and(|state| state != State::Issued);
    asked.conditions.extend(rare.then(|| "state <> 'issued'".to_owned()));
    asked.want("state = ?", filter.state.map(|state| state.as_str().to_owned()));
    asked.want("not_after < ?", filter.expires_before.map(OffsetDateTime::unix_timestamp));
    asked.want("not_after >= ?", filter.expires_after.map(OffsetDateTime::unix_timestamp));
    let name = filter.name.map(|name| held(name).to_ascii_lowercase());
    match name {
        Some(name) if is_pattern(&name) => asked.want(LIKE, Some(pattern(&name))),
        // A whole name is looked up by its index; only a pattern reads them all.
        name => asked.want(NAMED, name),
    }
    asked.page(session, (CERTIFICATE, "id DESC"), filter.limit, row::certificate).await
}

pub(crate) async fn revocations(session: &Session, since: u64, limit: usize) -> Read<Vec<RevocationRecord>> {
    let values: Vec<Value> =
        vec![Box::new(i64::try_from(since).unwrap_or(i64::MAX)), Box::new(at_most(limit))];
    let sql = format!(
        "{REVOCATION} WHERE state = 'revoked' AND revision > $1 UNION ALL {DENIAL} WHERE revision > $1
         ORDER BY revision LIMIT $2"
    );
    every(session, &sql, values, row::revocation).await
}

pub(crate) async fn revocation(session: &Session, id: &CertificateId) -> Read<Option<RevocationRecord>> {
    let sql = format!("{REVOCATION} WHERE serial = $1 AND issuer_key = $2 AND state = 'revoked'");
    first(session, &sql, named(id), row::revocation).await
}

pub(crate) async fn denial(session: &Session, id: &CertificateId) -> Read<Option<RevocationRecord>> {
    first(session, &format!("{DENIAL} WHERE serial = $1 AND issuer_key = $2"), named(id), row::revocation)
        .await
}

pub(crate) async fn state(session: &Session, id: &CertificateId) -> Read<Option<State>> {
    let sql = "SELECT state FROM certificates WHERE serial = $1 AND issuer_key = $2";
    first(session, sql, named(id), row::state).await
}

pub(crate) async fn audit_events(session: &Session, filter: AuditFilter) -> Read<Page<AuditEvent>> {
    let mut asked = Asked::new();
    // Behind the moment of that event, and among those of one moment behind itself.
    asked.want("(at, id) < ((SELECT at FROM audit WHERE id = ?), ?)", filter.after.map(Cursor::number));
    asked.want("serial = ?", filter.serial.as_ref().map(Serial::to_string));
    asked.want("kind = ?", filter.kind.map(|kind| kind.as_str().to_owned()));
    asked.want("principal = ?", filter.principal.map(held));
    asked.want("refusal = ?", filter.refusal.map(held));
    asked.want("handshake = ?", filter.handshake.map(held));
    asked.want("at >= ?", filter.since.map(millis));
    asked.want("at < ?", filter.until.map(millis));
    asked.page(session, (AUDIT, "at DESC, id DESC"), filter.limit, row::event).await
}

pub(crate) async fn note(session: &Session, shelf: Shelf, key: String) -> Read<Option<Note>> {
    let sql = format!("{NOTE} WHERE shelf = $1 AND key = $2");
    first(session, &sql, vec![Box::new(shelf.as_str()), Box::new(held(key))], row::note).await
}

pub(crate) async fn notes(
    session: &Session,
    shelf: Shelf,
    after: Option<String>,
    limit: usize,
) -> Read<Vec<Note>> {
    let after = after.map(held).unwrap_or_default();
    let values: Vec<Value> = vec![Box::new(shelf.as_str()), Box::new(after), Box::new(at_most(limit))];
    every(session, &format!("{NOTE} WHERE shelf = $1 AND key > $2 ORDER BY key LIMIT $3"), values, row::note)
        .await
}

pub(crate) async fn crl_numbers(session: &Session) -> Read<Vec<(Pin, u64)>> {
    every(session, "SELECT issuer_key, number FROM crl_numbers", Vec::new(), row::crl_number).await
}

pub(crate) async fn id(session: &Session) -> Read<LedgerId> {
    let id = first(session, "SELECT id FROM ledger_id", Vec::new(), row::id).await?;
    id.ok_or_else(|| LedgerError::Storage("the ledger has no id".into()))
}

pub(crate) async fn revision(session: &Session) -> Read<u64> {
    let revision = first(session, "SELECT revision FROM revision", Vec::new(), row::revision).await?;
    revision.ok_or_else(|| LedgerError::Storage("the ledger has no revision".into()))
}

/// Every row, as what it stands for.
async fn every<T>(
    session: &Session,
    sql: &str,
    values: Vec<Value>,
    entry: impl Fn(&Row) -> Read<T>,
) -> Read<Vec<T>> {
    session
        .in_time(async {
            let rows = session.query(sql, &values).await.map_err(|error| failed(session, &error))?;
            rows.iter().map(entry).collect()
        })
        .await
}

async fn first<T>(
    session: &Session,
    sql: &str,
    values: Vec<Value>,
    entry: impl Fn(&Row) -> Read<T>,
) -> Read<Option<T>> {
    Ok(every(session, sql, values, entry).await?.into_iter().next())
}

pub(crate) fn named(id: &CertificateId) -> Vec<Value> {
    vec![Box::new(id.serial.to_string()), Box::new(id.issuer.to_string())]
}

fn held(text: String) -> String {
    stored(&text).into_owned()
}

fn at_most(limit: usize) -> i64 {
    let limit = if limit == 0 { Page::MAX_LIMIT } else { limit.min(Page::MAX_LIMIT) };
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Conditions that hold together, with their values in order.
struct Asked {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Asked {
    fn new() -> Self {
        Self { conditions: vec!["true".into()], values: Vec::new() }
    }

    /// Adds a condition, in which `?` stands for the value.
    fn want<V: tokio_postgres::types::ToSql + Sync + Send + 'static>(
        &mut self,
        condition: &str,
        value: Option<V>,
    ) {
        if let Some(value) = value {
            self.values.push(Box::new(value));
            self.conditions.push(condition.replace('?', &format!("${}", self.values.len())));
        }
    }

    /// Newest first; one row more than the page holds is asked for, to know whether there is a next one.
    async fn page<T>(
        mut self,
        session: &Session,
        (select, order): (&str, &str),
        limit: usize,
        entry: impl Fn(&Row) -> Read<T>,
    ) -> Read<Page<T>> {
        let limit = if limit == 0 { Page::DEFAULT_LIMIT } else { limit.min(Page::MAX_LIMIT) };
        self.values.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)));
        let sql = format!(
            "{select} WHERE {} ORDER BY {order} LIMIT ${}",
            self.conditions.join(" AND "),
            self.values.len()
        );
        let with_id = |row: &Row| Ok((row::column::<i64>(row, "id")?, entry(row)?));
        let mut rows = every(session, &sql, self.values, with_id).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(id, _)| Cursor::from_number(*id));
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

const NAMED: &str =
    "id IN (SELECT certificate FROM certificate_names WHERE left(name, 200) = left(?, 200) AND name = ?)";
const AUTHORITIES: &str = "(profile IN ('root', 'issuer') OR profile LIKE '%-issuer')";
const LIKE: &str = "id IN (SELECT certificate FROM certificate_names WHERE name LIKE ?)";
const CERTIFICATE: &str =
    "SELECT id, serial, issuer_key, issuer, profile, subject, common_name, sans, spki, not_before,
  not_after, state, drafted_at, issued_at, abandoned_because, revoked_at, revocation_reason, der, revision
  FROM certificates";
const REVOCATION: &str =
    "SELECT revision, issuer_key, serial, not_after, revoked_at, revocation_reason FROM certificates";
const DENIAL: &str =
    "SELECT revision, issuer_key, serial, NULL::bigint AS not_after, denied_at AS revoked_at,
  reason AS revocation_reason FROM denials";
const AUDIT: &str =
    "SELECT id, at, kind, principal, method, certificate, serial, issuer, name, sni, listener, target, remote,
  code, cause, refusal, handshake FROM audit";
const NOTE: &str = "SELECT key, text, version, expires_at FROM notes";
