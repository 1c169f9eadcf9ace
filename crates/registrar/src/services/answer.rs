//! How administrators ask: `/api/admin/security/certificates`.

use std::sync::Arc;

use bytes::Bytes;
use fault::{Blame, Fault, Refusal};
use gateway::Ask;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use identity::RevocationReason;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Services;
use super::act::{Replaced, Shown, Undone};
use super::note::written;
use crate::asker::administrator;

type Reply = Response<Bytes>;

/// Answers what is asked about services; nothing where the path is another part's.
///
/// # Errors
/// Whoever is no administrator is refused.
pub(crate) async fn answer(services: &Arc<Services>, ask: &Ask<'_>) -> Result<Option<Reply>, Refusal> {
    let act = match ask.path.split_once('/') {
        None if ask.path.is_empty() => None,
        Some((service, "rotate")) => Some((service, Act::Rotate)),
        Some((service, "revoke")) => Some((service, Act::Revoke)),
        _ => return Ok(None),
    };
    let by = administrator(ask, "the certificates")?.to_owned();
    let wanted = if act.is_some() { Method::POST } else { Method::GET };
    if *ask.method != wanted {
        let said = format!("use {wanted}");
        return Ok(Some(refused(StatusCode::METHOD_NOT_ALLOWED, &Fault::yours(said))));
    }
    Ok(Some(match act {
        None => listed(services).await,
        Some((service, Act::Rotate)) => rotated(services, ask, service, by).await,
        Some((service, Act::Revoke)) => revoked(services, ask, service, by).await,
    }))
}

#[derive(Clone, Copy)]
enum Act {
    Rotate,
    Revoke,
}

async fn listed(services: &Arc<Services>) -> Reply {
    match services.listed().await {
        Ok((listed, now)) => {
            let shown: Vec<Value> = listed.iter().map(|shown| certificate(shown, now)).collect();
            ok(&json!({ "total": shown.len(), "certificates": shown }))
        }
        Err(fault) => refused(StatusCode::SERVICE_UNAVAILABLE, &fault),
    }
}

fn certificate(shown: &Shown, now: time::OffsetDateTime) -> Value {
    let leaf = &shown.leaf;
    json!({
        "service_name": shown.service,
        "serial": leaf.serial,
        "issued_at": written(leaf.issued_at),
        "expires_at": written(leaf.not_after),
        "days_until_expiry": (leaf.not_after - now).whole_days(),
        "is_revoked": shown.revoked,
        "rotation_in_progress": shown.rotating,
        "rotation_status": shown.standing.as_str(),
    })
}

async fn rotated(services: &Arc<Services>, ask: &Ask<'_>, service: &str, by: String) -> Reply {
    let rotating = Arc::clone(services).rotate(service.to_owned(), by);
    match apart(ask, rotating).await {
        Ok(leaf) => ok(&json!({
            "service_name": service,
            "serial": leaf.serial,
            "expires_at": written(leaf.not_after),
            "message": "Certificate rotated successfully",
        })),
        Err(undone) => not_done(undone),
    }
}

/// Why a certificate is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    reason: String,
}

async fn revoked(services: &Arc<Services>, ask: &Ask<'_>, service: &str, by: String) -> Reply {
    let reason = match reason(&ask.body) {
        Ok(reason) => reason,
        Err(fault) => return refused(StatusCode::BAD_REQUEST, &fault),
    };
    let revoking = Arc::clone(services).revoke(service.to_owned(), reason, by);
    match apart(ask, revoking).await {
        Ok(replaced) => ok(&replacement(service, &replaced)),
        Err(undone) => not_done(undone),
    }
}

fn replacement(service: &str, replaced: &Replaced) -> Value {
    let mut said = json!({
        "service_name": service,
        "new_serial": replaced.leaf.serial,
        "revoked_serial": replaced.revoked,
        "message": "Certificate revoked and replacement issued",
    });
    if let (Value::Object(said), false) = (&mut said, replaced.also.is_empty()) {
        said.insert("also_revoked".to_owned(), json!(replaced.also));
    }
    said
}

fn reason(body: &[u8]) -> Result<RevocationReason, Fault> {
    let known = RevocationReason::ALL.into_iter().filter(|reason| *reason != RevocationReason::RemoveFromCrl);
    let known: Vec<&str> = known.map(RevocationReason::as_str).collect();
    let missing = |why: String| {
        Fault::yours("the reason is missing or unknown")
            .because(why)
            .remedy(format!("send {{\"reason\": \"…\"}} with one of {}", known.join(", ")))
    };
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| missing(error.to_string()))?;
    let reason: RevocationReason = wanted.reason.parse().map_err(|error| missing(format!("{error}")))?;
    match reason {
        RevocationReason::RemoveFromCrl => {
            Err(missing(format!("{reason} is no reason to revoke a certificate")))
        }
        reason => Ok(reason),
    }
}

/// Does it whatever becomes of the administrator's connection, which may well end by what is done.
async fn apart<T: Send + 'static>(
    ask: &Ask<'_>,
    act: impl Future<Output = Result<T, Undone>> + Send + 'static,
) -> Result<T, Undone> {
    ask.act();
    let ended = tokio::spawn(act).await;
    ended.unwrap_or_else(|_| Err(Undone::Failed(Fault::ours("the node is going down"))))
}

fn not_done(undone: Undone) -> Reply {
    match undone {
        Undone::Unknown(fault) => refused(StatusCode::NOT_FOUND, &fault),
        Undone::Unconfigured(fault) => refused(StatusCode::SERVICE_UNAVAILABLE, &fault),
        Undone::Conflict(fault) => refused(StatusCode::CONFLICT, &fault),
        Undone::Failed(fault) => {
            let status = match fault.blame() {
                Blame::Yours | Blame::Theirs => StatusCode::SERVICE_UNAVAILABLE,
                Blame::Ours => StatusCode::INTERNAL_SERVER_ERROR,
            };
            tracing::error!(%fault, "a service's certificate was not replaced");
            refused(status, &fault)
        }
    }
}

fn ok(body: &Value) -> Reply {
    reply(StatusCode::OK, body)
}

/// What went wrong, in the one shape that errors have. Administrators alone come here, so they hear the causes.
fn refused(status: StatusCode, fault: &Fault) -> Reply {
    let message = match fault.causes() {
        [] => fault.what().to_owned(),
        causes => format!("{}: {}", fault.what(), causes.join(": ")),
    };
    reply(status, &json!({ "error": { "message": message, "remedy": fault.remedy_text() } }))
}

fn reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Bytes::from(format!("{body}\n")));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use identity::RevocationReason;

    use super::reason;

    #[test]
    fn a_reason_is_taken_in_every_spelling_and_none_is_made_up() {
        for word in ["keyCompromise", "key_compromise", "KEY-COMPROMISE"] {
            let body = format!("{{\"reason\":\"{word}\"}}");
            assert_eq!(reason(body.as_bytes()), Ok(RevocationReason::KeyCompromise));
        }
        for body in
            ["", "{}", "{\"reason\":\"lost\"}", "{\"reason\":7}", "{\"reason\":\"removeFromCRL\"}", "[1]"]
        {
            let said = reason(body.as_bytes()).unwrap_err().to_string();
            assert!(
                said.contains("the reason is missing or unknown") && said.contains("keyCompromise"),
                "{said}"
            );
        }
    }
}
