//! Every certificate on record, for those who look for one: by name, serial, issuer, profile, state and end, page by page.
//!
//! - [`mod@wanted`]: which ones, as the query of a URL says it.
//! - [`mod@shown`]: what is told of each. Never its key, which the record does not have.

mod shown;
mod wanted;

use fault::{Code, Fault, Refusal};
use gateway::{Ask, Asker};
use http::{Method, StatusCode};
use ledger::{CertificateFilter, Ledger, Shelf};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::registrar::Registrar;
use crate::reply::{self, Reply};

pub use self::wanted::wanted;

/// Whether this asks for more than the registered services: some of all certificates, or all of them.
pub(crate) fn answers(ask: &Ask<'_>) -> bool {
    ask.path.is_empty() && *ask.method == Method::GET && ask.query.is_some_and(|query| !query.is_empty())
}

/// Answers an administrator.
///
/// # Errors
/// Whoever is no administrator is refused.
pub(crate) async fn answer(registrar: &Registrar, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    administrator(ask)?;
    let filter = match wanted(ask.query.unwrap_or_default()) {
        Ok(filter) => filter,
        Err(why) => return Ok(reply::fault(StatusCode::BAD_REQUEST, &why)),
    };
    let Some(ledger) = registrar.ledger.as_deref() else {
        return Ok(reply::fault(StatusCode::CONFLICT, NO_LEDGER));
    };
    Ok(match page(ledger, filter, ask.at).await {
        Ok(page) => reply::json(StatusCode::OK, &page),
        Err(fault) => {
            tracing::error!(%fault, "the certificates on record cannot be listed");
            reply::fault(StatusCode::SERVICE_UNAVAILABLE, fault.what())
        }
    })
}

/// A page of certificates, newest first; `total` counts those of the page, and `next` is where the one behind it begins.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn page(
    ledger: &dyn Ledger,
    filter: CertificateFilter,
    now: OffsetDateTime,
) -> Result<Value, Fault> {
    let page = ledger.certificates(filter).await?;
    let mut rotating = Vec::new();
    if page.entries.iter().any(shown::is_of_service) {
        let notes = ledger.notes(Shelf::Services, None, ledger::Page::MAX_LIMIT).await?;
        rotating.extend(notes.iter().filter_map(|note| shown::rotating(&note.text)));
    }
    let shown: Vec<Value> =
        page.entries.iter().map(|record| shown::certificate(record, &rotating, now)).collect();
    let next = page.next.map(|next| next.number().to_string());
    Ok(json!({ "total": shown.len(), "certificates": shown, "next": next }))
}

fn administrator(ask: &Ask<'_>) -> Result<(), Refusal> {
    match ask.asker {
        Asker::Administrator(_) => Ok(()),
        Asker::Known(_) => {
            Err(Refusal::new(Code::AdminOnly, "the certificates on record are for administrators"))
        }
        Asker::Stranger(Some(refusal)) => Err(refusal.clone()),
        Asker::Stranger(None) => Err(Refusal::new(
            Code::CredentialsRequired,
            "the peer is anonymous, and the certificates on record are for administrators",
        )),
    }
}

const NO_LEDGER: &str = "this node keeps no record of certificates: add ledger: { url: \"sqlite:./state/ledger.db\" } and restart it";
