//! `…/renewal/FINGERPRINT`: when to renew; `…/nonce`: what a proof of a key is made over.

use fault::Fault;
use identity::Fingerprint;
use ledger::{AuditKind, CertificateRecord, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::hint::{self, Whose};
use super::no::No;
use super::office::{Office, body, moment};

/// When a certificate should be renewed. Whoever knows its fingerprint may know.
pub(crate) async fn window(office: &Office<'_>, fingerprint: &str) -> Result<Value, No> {
    let record = known(office, fingerprint).await?;
    let profile = office.profile(&record.draft.profile)?;
    let hint = hint::hint(office.ledger, &record, profile.renewal(), office.now).await?;
    let mut shown = json!({
        "suggestedWindow": { "start": moment(hint.window.start), "end": moment(hint.window.end) },
        "not_after": moment(record.draft.not_after),
        "renewable_until": moment(record.draft.not_after + profile.renewal().after_expiry),
    });
    if let (Some(why), Some(shown)) = (hint.explanation, shown.as_object_mut()) {
        shown.insert("explanation".to_owned(), json!(why));
    }
    Ok(shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    explanation: Option<String>,
}

/// An administrator asks the holder to renew now.
pub(crate) async fn ask(office: &Office<'_>, fingerprint: &str) -> Result<Value, No> {
    let by = office.administrator()?;
    let asking = match office.ask.body.is_empty() {
        true => Asking { explanation: None },
        false => body(office.ask)?,
    };
    let why = asking.explanation.unwrap_or_else(|| "an administrator asks for it".to_owned());
    if why.len() > LONGEST || why.chars().any(char::is_control) {
        return Err(No::bad(
            Fault::yours("the explanation cannot be shown")
                .remedy(format!("write one line of {LONGEST} bytes at most")),
        ));
    }
    let record = known(office, fingerprint).await?;
    let whose = Whose::Certificate(of(fingerprint)?);
    hint::ask(office.ledger, whose, by, &why, office.now).await?;
    office
        .audit(AuditKind::Admin, None, format!("asked the holder of {} to renew: {why}", record.draft.serial))
        .await?;
    window(office, fingerprint).await
}

/// And takes that back.
pub(crate) async fn unask(office: &Office<'_>, fingerprint: &str) -> Result<Value, No> {
    office.administrator()?;
    let record = known(office, fingerprint).await?;
    if hint::unask(office.ledger, Whose::Certificate(of(fingerprint)?)).await? {
        office
            .audit(
                AuditKind::Admin,
                None,
                format!("no longer asked the holder of {} to renew", record.draft.serial),
            )
            .await?;
    }
    window(office, fingerprint).await
}

/// A number for a proof; good once and for five minutes.
pub(crate) fn nonce(office: &Office<'_>) -> Result<Value, No> {
    let nonce = office.registrar.enrolment.nonces.give(office.now);
    Ok(json!({ "nonce": nonce.ok_or_else(|| Fault::theirs("the machine gave no randomness"))? }))
}

async fn known(office: &Office<'_>, fingerprint: &str) -> Result<CertificateRecord, No> {
    let record = office.ledger.certificate_by_fingerprint(of(fingerprint)?).await?;
    let record = record.filter(|record| record.state == State::Issued);
    record.ok_or_else(|| {
        No::missing(
            Fault::yours("no certificate of this fingerprint is in force here")
                .remedy("openssl x509 -noout -fingerprint -sha256 -in FILE prints it"),
        )
    })
}

fn of(fingerprint: &str) -> Result<Fingerprint, No> {
    Fingerprint::parse(fingerprint).map_err(|error| No::bad(Fault::yours(error.to_string())))
}

const LONGEST: usize = 200;
