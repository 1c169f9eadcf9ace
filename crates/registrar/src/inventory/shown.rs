//! What is told of a certificate on record.

use identity::Fingerprint;
use ledger::{CertificateRecord, State};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether the certificate is a service's, which is replaced by itself.
pub(super) fn is_of_service(record: &CertificateRecord) -> bool {
    record.draft.profile == "service"
}

/// The serial of the certificate that is being replaced, where a service's note says that one is.
pub(super) fn rotating(note: &str) -> Option<String> {
    let note: Value = serde_json::from_str(note).ok()?;
    note.get("pending").filter(|pending| !pending.is_null())?;
    note.pointer("/current/serial")?.as_str().map(str::to_owned)
}

/// The fields that the list of services has, as far as they mean something here, and what else is on record.
pub(super) fn certificate(record: &CertificateRecord, rotating: &[String], now: OffsetDateTime) -> Value {
    let draft = &record.draft;
    let serial = draft.serial.to_string();
    let mut shown = json!({
        "service_name": draft.common_name,
        "serial": serial,
        "issued_at": record.issued_at.map(moment),
        "expires_at": moment(draft.not_after),
        "days_until_expiry": (draft.not_after - now).whole_seconds().div_euclid(SECONDS_A_DAY),
        "is_revoked": record.state == State::Revoked,
        "subject": draft.subject,
        "sans": draft.sans,
        "issuer": draft.issuer.name,
        "issuer_spki_sha256": draft.issuer.key.to_string(),
        "profile": draft.profile,
        "state": record.state.as_str(),
        "not_before": moment(draft.not_before),
        "not_after": moment(draft.not_after),
        "spki_sha256": draft.spki.to_string(),
        "sha256": record.der.as_deref().map(|der| Fingerprint::of_der(der).to_string()),
    });
    if let Some(fields) = shown.as_object_mut() {
        if is_of_service(record) {
            fields.insert("rotation_in_progress".to_owned(), json!(rotating.contains(&serial)));
        }
        if let Some(revoked) = record.revoked {
            fields.insert("revoked_at".to_owned(), json!(moment(revoked.at)));
            fields.insert("revocation_reason".to_owned(), json!(revoked.reason));
        }
        fields.extend(
            record.abandoned_because.as_ref().map(|why| ("abandoned_because".to_owned(), json!(why))),
        );
    }
    shown
}

fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

const SECONDS_A_DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::rotating;

    #[test]
    fn a_replacement_is_under_way_while_the_services_note_says_so() {
        let note =
            |pending: &str| format!(r#"{{"current":{{"serial":"0A"}},"former":[],"pending":{pending}}}"#);
        assert_eq!(rotating(&note(r#"{"since":"x"}"#)).as_deref(), Some("0A"));
        assert_eq!(rotating(&note("null")), None);
        for none in ["", "{}", "[]", r#"{"pending":{}}"#] {
            assert_eq!(rotating(none), None, "{none}");
        }
    }
}
