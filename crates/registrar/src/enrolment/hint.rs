//! When a certificate should be renewed, and that it should be renewed now.

use authority::{Renewal, Window};
use fault::Fault;
use identity::{Fingerprint, Pin};
use ledger::{CertificateRecord, Ledger, LedgerError, NewNote, Shelf};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Whose holders are asked to renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One certificate.
    Certificate(Fingerprint),
    /// Everything that the issuer with this key issued until the moment of asking.
    Issuer(Pin),
}

impl Whose {
    fn key(self) -> String {
        match self {
            Self::Certificate(fingerprint) => format!("certificate {fingerprint}"),
            Self::Issuer(key) => format!("issuer {key}"),
        }
    }
}

/// That holders are asked to renew without waiting: since when, who says so, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Seconds since 1970.
    since: i64,
    by: String,
    why: String,
}

/// When to renew, and why then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The suggested window.
    pub window: Window,
    /// Why it is not the usual one.
    pub explanation: Option<String>,
}

/// Asks holders to renew now. Asked again, the first asking stays.
///
/// # Errors
/// Where the ledger fails.
pub async fn ask(
    ledger: &dyn Ledger,
    whose: Whose,
    by: &str,
    why: &str,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let asking = Asking { since: now.unix_timestamp(), by: by.to_owned(), why: why.to_owned() };
    let text = serde_json::to_string(&asking)
        .map_err(|error| Fault::ours("a renewal could not be written down").because(error))?;
    let note = NewNote { key: whose.key(), text, expires_at: None, seen: None };
    match ledger.write_note(Shelf::Renewals, note).await {
        Ok(_) | Err(LedgerError::Changed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes the asking back; says whether there was one.
///
/// # Errors
/// Where the ledger fails.
pub async fn unask(ledger: &dyn Ledger, whose: Whose) -> Result<bool, Fault> {
    let Some(note) = ledger.note(Shelf::Renewals, whose.key()).await? else { return Ok(false) };
    match ledger.remove_note(Shelf::Renewals, note.key, note.version).await {
        Ok(()) => Ok(true),
        Err(LedgerError::Changed { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Why the holder of a certificate is asked to renew it before it is time, where it is.
///
/// # Errors
/// Where the ledger fails.
pub async fn asked(ledger: &dyn Ledger, certificate: Fingerprint) -> Result<Option<String>, Fault> {
    let Some(record) = ledger.certificate_by_fingerprint(certificate).await? else { return Ok(None) };
    Ok(asking(ledger, &record).await?.map(|asking| asking.why))
}

/// When the certificate of a record should be renewed by the rules of its profile, or because somebody asks for it.
///
/// # Errors
/// Where the ledger fails.
pub async fn hint(
    ledger: &dyn Ledger,
    record: &CertificateRecord,
    renewal: &Renewal,
    now: OffsetDateTime,
) -> Result<Hint, Fault> {
    if let Some(asking) = asking(ledger, record).await? {
        return Ok(Hint { window: Window::now(now), explanation: Some(asking.why) });
    }
    let window = renewal.window(record.draft.not_before, record.draft.not_after);
    Ok(Hint { window, explanation: None })
}

async fn asking(ledger: &dyn Ledger, record: &CertificateRecord) -> Result<Option<Asking>, Fault> {
    let own = record.der.as_deref().map(|der| Whose::Certificate(Fingerprint::of_der(der)));
    for whose in own.into_iter().chain([Whose::Issuer(record.draft.issuer.key)]) {
        let Some(note) = ledger.note(Shelf::Renewals, whose.key()).await? else { continue };
        let asking: Asking = serde_json::from_str(&note.text)
            .map_err(|error| Fault::ours("a renewal on record cannot be read").because(error))?;
        if record.draft.drafted_at.unix_timestamp() <= asking.since {
            return Ok(Some(asking));
        }
    }
    Ok(None)
}
