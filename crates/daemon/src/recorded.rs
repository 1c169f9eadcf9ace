//! What the audit record has of refusals: less than memory has, and for longer.

use std::net::IpAddr;

use fault::{Code, Fault};
use gateway::Named;
use ledger::{AuditEvent, AuditFilter, AuditKind, Ledger};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the audit record has of one refusal; nothing where it has none of this id.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn recorded(ledger: &dyn Ledger, named: Named) -> Result<Option<Value>, Fault> {
    let filter = match named {
        Named::Refusal(id) => AuditFilter { refusal: Some(id.to_string()), ..AuditFilter::default() },
        Named::Hello(hello) => AuditFilter { handshake: Some(hello.to_string()), ..AuditFilter::default() },
    };
    let filter = AuditFilter { kind: Some(AuditKind::Refusal), ..filter };
    // A session may be refused many things; the handshake comes first.
    let Some(event) = ledger.audit_events(filter).await?.entries.pop() else { return Ok(None) };
    let mut shown = shown(&event);
    if let (Some(fields), Some(fingerprint)) = (shown.as_object_mut(), event.certificate) {
        let ours = ledger.certificate_by_fingerprint(fingerprint).await?;
        let subject = ours.map(|record| record.draft.subject);
        fields.insert(
            "certificate".to_owned(),
            json!({
                "subject": subject,
                "issuer": event.issuer,
                "serial": event.serial.as_ref().map(ToString::to_string),
                "sha256": fingerprint.to_string(),
            }),
        );
    }
    Ok(Some(shown))
}

/// The refusals of one address that the audit record has of a span of time, newest first, and whether there would be
/// more.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn recorded_of(
    ledger: &dyn Ledger,
    (address, port): (IpAddr, Option<u16>),
    since: OffsetDateTime,
    until: OffsetDateTime,
    most: usize,
) -> Result<(Vec<Value>, bool), Fault> {
    let mut filter = AuditFilter {
        kind: Some(AuditKind::Refusal),
        since: Some(since),
        until: Some(until),
        limit: ledger::Page::MAX_LIMIT,
        ..AuditFilter::default()
    };
    let mut found = Vec::new();
    loop {
        let page = ledger.audit_events(filter.clone()).await?;
        let of_peer = |event: &&AuditEvent| {
            event.remote.is_some_and(|at| {
                at.ip().to_canonical() == address && port.is_none_or(|port| port == at.port())
            })
        };
        found.extend(page.entries.iter().filter(of_peer).map(shown));
        filter.after = page.next;
        if found.len() > most || filter.after.is_none() {
            let more = found.len() > most;
            found.truncate(most);
            return Ok((found, more));
        }
    }
}

fn shown(event: &AuditEvent) -> Value {
    let code = event.code.as_deref().and_then(|word| Code::ALL.iter().find(|code| code.as_str() == word));
    json!({
        "source": "audit record",
        "refusal": event.refusal,
        "handshake": event.handshake,
        "at": event.at.format(&Rfc3339).unwrap_or_default(),
        "peer": event.remote.map(|remote| remote.to_string()),
        "server_name": event.sni,
        "code": event.code,
        "message": code.map(|code| code.sentence()),
        "cause": event.cause,
        "remedy": code.map(|code| code.remedy()),
        "principal": event.principal,
        "method": event.method,
    })
}
