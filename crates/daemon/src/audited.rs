//! The audit record, page by page, for administrators.

use fault::Fault;
use identity::Serial;
use ledger::{AuditEvent, AuditFilter, AuditKind, Cursor, Ledger};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use wire::query;

/// Reads which events are wanted: `since=2026-11-22T11:00:00Z&principal=analyst&limit=20`.
///
/// # Errors
/// What cannot be understood, for whoever asked.
pub fn filter(text: &str) -> Result<AuditFilter, String> {
    let mut filter = AuditFilter::default();
    for (name, value) in query::parameters(text).map_err(|error| error.to_string())? {
        match name.as_str() {
            "since" => filter.since = Some(query::moment(&name, &value)?),
            "until" => filter.until = Some(query::moment(&name, &value)?),
            "principal" => filter.principal = Some(value),
            "kind" => filter.kind = Some(query::word(&name, &value, &AuditKind::ALL, AuditKind::as_str)?),
            "serial" => filter.serial = Some(Serial::parse(&value).map_err(|error| error.to_string())?),
            "refusal" => filter.refusal = Some(value),
            "after" => filter.after = Some(Cursor::parse(&value)?),
            "limit" => filter.limit = query::number(&name, &value, 1..=MOST_LIMIT)?,
            _ => return Err(PARAMETERS.to_owned()),
        }
    }
    Ok(filter)
}

/// A page of events, newest first, and where the next one begins.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn page(ledger: &dyn Ledger, filter: AuditFilter) -> Result<Value, Fault> {
    let page = ledger.audit_events(filter).await?;
    Ok(json!({
        "events": page.entries.iter().map(shown).collect::<Vec<_>>(),
        "next": page.next.map(|next| next.number().to_string()),
    }))
}

fn shown(event: &AuditEvent) -> Value {
    json!({
        "at": event.at.format(&Rfc3339).unwrap_or_default(),
        "kind": event.kind.as_str(),
        "action": action(event),
        "principal": event.principal,
        "method": event.method,
        "name": event.name,
        "serial": event.serial.as_ref().map(ToString::to_string),
        "sha256": event.certificate.map(|fingerprint| fingerprint.to_string()),
        "issuer": event.issuer,
        "server_name": event.sni,
        "listener": event.listener,
        "target": event.target,
        "peer": event.remote.map(|remote| remote.to_string()),
        "code": event.code,
        "cause": event.cause,
        "refusal": event.refusal,
        "handshake": event.handshake,
    })
}

/// What was done or denied, in a word to search for: `sign-in`, `admin`, and for a "no" what it was said to.
fn action(event: &AuditEvent) -> &'static str {
    match (event.kind, event.target.as_deref()) {
        (AuditKind::Refusal, None) => "handshake.denied",
        (AuditKind::Refusal, Some(target)) if is_for_administrators(target) => "admin.denied",
        (AuditKind::Refusal, Some(_)) => "request.denied",
        (kind, _) => kind.as_str(),
    }
}

fn is_for_administrators(target: &str) -> bool {
    target.starts_with("/_admin/") || target.starts_with("/api/admin/")
}

const PARAMETERS: &str = "the parameters are since, until, principal, kind, serial, refusal, after and limit";
const MOST_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_question_about_the_record_is_read_whole_or_refused_with_a_reason() {
        let read = filter(
            "since=2026-11-22T11:00:00%2B01:00&principal=a%26b&kind=refusal&serial=0a:0B&after=7&limit=9",
        );
        let read = read.unwrap();
        assert_eq!(read.since.unwrap().unix_timestamp(), 1_795_341_600);
        assert_eq!(read.principal.as_deref(), Some("a&b"));
        assert_eq!(read.serial.unwrap().to_string(), "0A0B");
        assert_eq!((read.after.unwrap().number(), read.limit), (7, 9));
        for (query, why) in [
            ("since=yesterday", "since is a moment"),
            ("kind=shout", "kind is one of sign-in, refusal"),
            ("limit=0", "limit is a number from 1 to 1000"),
            ("limit=1001", "limit"),
            ("after=x", "after is the"),
            ("serial=xyz", "not hexadecimal"),
            ("who=me", "the parameters are since"),
            ("principal=%zz", "percent-encoded"),
        ] {
            assert!(filter(query).unwrap_err().contains(why), "{query}");
        }
    }
}
