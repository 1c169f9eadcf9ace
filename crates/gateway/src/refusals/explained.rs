//! What administrators hear of a refusal: what it was decided by, and what would be decided now.

use access::{Explanation, Target};
use fault::Refusal;
use identity::{Certificate, Purpose, Verified};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::refused::{Evidence, Refused, Stage, moment};
use crate::http::route::{Named, Route, route};
use crate::snapshot::{Entrance, Snapshot};

/// Explains a refusal. What was decided stands as it was; what is compared on the way to it is compared again, by the
/// snapshot that is served now: both generations are told, so that a reader sees whether anything lies between them.
pub(crate) fn explain(refused: &Refused, snapshot: &Snapshot, now: OffsetDateTime) -> Value {
    let mut explained = refused.summary();
    let entrance = snapshot.entrances.get(&refused.listener);
    let more = [
        ("source", json!("memory")),
        ("check", json!(refused.why.check())),
        ("message", json!(refused.why.sentence())),
        ("remedy", json!(refused.why.remedy())),
        ("generation", json!(refused.generation)),
        ("certificate", json!(refused.certificate().map(certificate))),
        ("path", path(refused)),
        ("revocation_sources", json!(entrance.map(|entrance| sources(entrance, now)).unwrap_or_default())),
        ("now", by_now(refused, snapshot, entrance, now)),
    ];
    if let Some(fields) = explained.as_object_mut() {
        fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    explained
}

fn certificate(read: Result<Certificate, String>) -> Value {
    let certificate = match read {
        Ok(certificate) => certificate,
        Err(why) => return json!({ "unreadable": why }),
    };
    let identity = certificate.identity();
    json!({
        "subject": identity.subject().to_string(),
        "issuer": identity.issuer().to_string(),
        "serial": identity.serial().to_string(),
        "sha256": certificate.fingerprint().to_string(),
        "spki_sha256": identity.spki_sha256().to_string(),
        "not_before": moment(identity.not_before()),
        "not_after": moment(identity.not_after()),
        "sans": identity.sans().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// The path that was accepted, leaf first; nothing where none was.
fn path(refused: &Refused) -> Value {
    let Evidence::Verified(verified) = &refused.evidence else { return Value::Null };
    verified.chain().iter().map(|held| held.identity().subject().to_string()).collect()
}

/// Where the listener looks for revocations.
fn sources(entrance: &Entrance, now: OffsetDateTime) -> Vec<String> {
    let trust = entrance.door.as_ref().and_then(|door| door.trust());
    trust.map(|trust| trust.revocations().sources(now)).unwrap_or_default()
}

/// What would be decided now.
fn by_now(refused: &Refused, snapshot: &Snapshot, entrance: Option<&Entrance>, now: OffsetDateTime) -> Value {
    let generation = snapshot.generation;
    let note = |note: &str| json!({ "generation": generation, "note": note });
    let Some(entrance) = entrance else { return note("the listener is no more") };
    let verified = match &refused.evidence {
        Evidence::Presented(_) => return note("the chain did not verify, so nobody was looked for"),
        Evidence::Nothing if refused.stage == Stage::Handshake => {
            return note("the handshake ended before anybody was looked for");
        }
        Evidence::Nothing => None,
        Evidence::Verified(verified) => match verified_by_now(verified, entrance, now) {
            Ok(verified) => Some(verified),
            Err(refusal) => return json!({ "generation": generation, "outcome": no_longer(&refusal) }),
        },
    };
    let target = refused.target.as_deref().and_then(target);
    let (directory, grants) = (&snapshot.directory, &snapshot.grants);
    let asked = target.unwrap_or(Target::ControlPlane);
    let Explanation { principals, principal, grants, outcome, .. } =
        access::explain(directory, grants, &entrance.accepted, verified.as_ref(), asked, now);
    let mut said = json!({ "generation": generation, "principals": principals, "principal": principal });
    if let (Some(_), Some(fields)) = (target, said.as_object_mut()) {
        fields.insert("grants".to_owned(), json!(grants));
        fields.insert("outcome".to_owned(), json!(outcome));
    }
    said
}

/// The same chain by the trust of now. Where its authorities' services would have to be asked first, what they said then
/// is taken for what they say.
fn verified_by_now(
    verified: &Verified,
    entrance: &Entrance,
    now: OffsetDateTime,
) -> Result<Verified, Refusal> {
    let Some(trust) = entrance.door.as_ref().and_then(|door| door.trust()) else {
        return Ok(verified.clone());
    };
    let chain: Vec<_> = verified.chain().iter().map(|certificate| certificate.der().clone()).collect();
    let again = identity::verify(&chain, trust, Purpose::Client, None, now)?;
    Ok(if again.unanswered().is_empty() { again } else { verified.clone() })
}

fn no_longer(refusal: &Refusal) -> Value {
    json!({
        "decision": "refused",
        "code": refusal.code(),
        "sentence": refusal.sentence(),
        "cause": refusal.cause(),
        "remedy": refusal.code().remedy(),
    })
}

/// What a path asks to use; nothing where everybody who was recognized may.
fn target(path: &str) -> Option<Target<'_>> {
    match route(path) {
        Route::Named(Named::Database { name, .. }) => Some(Target::Database(name)),
        Route::Named(_) if path.starts_with("/_admin/") => Some(Target::ControlPlane),
        Route::Office(..) | Route::Named(_) | Route::Health | Route::HealthWithMode | Route::Refusal(_) => {
            None
        }
    }
}
