//! How one is made.
//!
//! ```text
//! key ▶ draft ▶ on record ▶ signed ▶ given to all who wait ▶ completed on record
//! ```
//!
//! Nobody waits for the last step: the certificate is on record before it is signed, and its key is in this process alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authority::{Authority, Issued, Names, Profile, Request};
use fault::Fault;
use identity::{Credential, KeyKind, PrivateKey, Usage};
use ledger::{CertificateId, Ledger};
use time::OffsetDateTime;

use super::kept::Flight;
use crate::issuing::Issuing;
use crate::registrar::Registrar;

/// Making one for a principal.
pub(super) struct Walk {
    pub(super) registrar: Arc<Registrar>,
    pub(super) profile: Profile,
    pub(super) names: Names,
    pub(super) flight: Flight,
}

/// What was signed and has yet to be completed on record.
struct Signed {
    issued: Issued,
    id: CertificateId,
    credential: Arc<Credential>,
}

impl Walk {
    pub(super) async fn go(self) {
        let Self { registrar, profile, names, flight } = self;
        let (begun, now) = (Instant::now(), registrar.clock.now());
        let issuing = registrar.issuing();
        let found = issuer(&issuing).cloned();
        let key = found.as_ref().ok().map(|issuer| issuer.key_id());
        let signed = match (found, &registrar.ledger) {
            (Ok(issuer), Some(ledger)) => {
                let standing = registrar.minted.standing(&issuer, ledger.as_ref(), now).await;
                match standing {
                    Ok(()) => sign(&issuer, ledger.as_ref(), &profile, &names, now).await,
                    Err(fault) => Err(fault),
                }
            }
            (Ok(_), None) => Err(unrecorded()),
            (Err(fault), _) => Err(fault),
        };
        let metrics = registrar.minted.metrics();
        match signed {
            Ok(Signed { issued, id, credential }) => {
                flight.land(Ok(credential), key, now);
                metrics.made(begun.elapsed());
                // Those who still wait for theirs have the disk first.
                tokio::time::sleep(COMPLETED_AFTER).await;
                complete(&registrar, issued, id, now).await;
            }
            Err(fault) => {
                metrics.failed();
                let principal = names.common_name.as_deref().unwrap_or_default();
                tracing::warn!(
                    principal,
                    why = fault.to_string().replace('\n', ";"),
                    "no certificate was made for a principal"
                );
                flight.land(Err(fault), key, registrar.clock.now());
            }
        }
    }
}

async fn sign(
    issuer: &Authority,
    ledger: &dyn Ledger,
    profile: &Profile,
    names: &Names,
    now: OffsetDateTime,
) -> Result<Signed, Fault> {
    let key = PrivateKey::generate(KeyKind::EcdsaP256)
        .map_err(|error| Fault::ours("no key could be made for a principal").because(error))?;
    let request = Request::for_key(&key, names.clone())?;
    let draft = issuer.draft(&request, profile, now)?;
    let id = draft.summary().id();
    let recorded = draft.record(ledger).await?;
    let signed = issuer.sign(recorded).and_then(|issued| {
        let credential = Credential::new(issued.chain().to_vec(), key).map_err(|error| {
            Fault::ours("a certificate for a principal does not fit its key").because(error)
        })?;
        Ok((issued, Arc::new(credential)))
    });
    match signed {
        Ok((issued, credential)) => Ok(Signed { issued, id, credential }),
        Err(fault) => {
            // The first fault is the one to hear of; a record that stays a draft says the same.
            let _ended = ledger.abandon(id, fault.what().to_owned(), now).await;
            Err(fault)
        }
    }
}

/// A record that stays a draft says less than it could, and lacks nothing that anybody decides by.
async fn complete(registrar: &Registrar, issued: Issued, id: CertificateId, now: OffsetDateTime) {
    let Some(ledger) = &registrar.ledger else { return };
    let serial = id.serial.clone();
    if let Err(error) = ledger.complete(id, issued.certificate().der().to_vec(), now).await {
        tracing::warn!(%serial, %error, "a certificate for a principal stays a draft on record: it was signed");
    }
}

/// The issuer of clients; where there is none of that name, any that may issue for them, and that of services never.
///
/// # Errors
/// There is none.
pub(super) fn issuer(issuing: &Issuing) -> Result<&Arc<Authority>, Fault> {
    let may = |issuer: &&Arc<Authority>| issuer.may_issue(&Usage::ClientAuth);
    let any = || issuing.issuers.iter().find(|(name, issuer)| *name != "service" && may(issuer));
    let named = issuing.issuers.get("client").filter(may);
    named.or_else(|| any().map(|(_, issuer)| issuer)).ok_or_else(|| {
        Fault::yours("no issuer of this node may issue certificates in principals' names").remedy(
            "add authority.issuers.client (countersign ca init-issuer --kind client makes one), or let the service know \
             everybody by one credential (identity: shared)",
        )
    })
}

fn unrecorded() -> Fault {
    Fault::yours("there is no ledger, and nothing is signed that is not on record").remedy(
        "configure ledger.url, or let the service know everybody by one credential (identity: shared)",
    )
}

/// Long enough for a crowd that comes at once.
const COMPLETED_AFTER: Duration = Duration::from_millis(250);
