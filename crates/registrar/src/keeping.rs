use std::sync::Arc;

use ledger::Ledger;
use tokio_util::sync::CancellationToken;

use crate::published;
use crate::registrar::Registrar;

/// Does what is done without being asked, until `stop`: each act has a loop of its own, so that one which is slow or
/// fails keeps no other waiting.
pub async fn keep(registrar: Arc<Registrar>, stop: CancellationToken) {
    let Some(ledger) = registrar.ledger.clone() else { return };
    // One line for each act.
    tokio::join!(
        sweep(&registrar, ledger.as_ref(), &stop),
        published::keep(&registrar, ledger.as_ref(), &stop),
        services(&registrar, &stop),
        minted(&registrar, ledger.as_ref(), &stop),
    );
}

/// Looks after the registered services.
async fn services(registrar: &Registrar, stop: &CancellationToken) {
    if let Some(services) = &registrar.services {
        Arc::clone(services).keep(stop.clone()).await;
    }
}

/// Lets go of certificates of minutes that have ended, and a day later of what is on record of them.
async fn minted(registrar: &Registrar, ledger: &dyn Ledger, stop: &CancellationToken) {
    loop {
        let now = registrar.clock.now();
        registrar.minted.sweep(now);
        match ledger.prune_minted(now - KEPT).await {
            Ok(0) => {}
            Ok(certificates) => tracing::debug!(certificates, "certificates of minutes left the record"),
            Err(error) => tracing::debug!(%error, "certificates of minutes stay on record for now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(std::time::Duration::from_secs(60)) => {}
        }
    }
}

/// Removes notes that have expired.
async fn sweep(registrar: &Registrar, ledger: &dyn Ledger, stop: &CancellationToken) {
    loop {
        match ledger.prune_notes(registrar.clock.now() - KEPT).await {
            Ok(0) => {}
            Ok(notes) => tracing::debug!(notes, "expired notes were removed"),
            Err(error) => tracing::warn!(%error, "expired notes were not removed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(BETWEEN_SWEEPS) => {}
        }
    }
}

/// How long an expired note stays, so that who asks for it hears that it has expired; and what is on record of a certificate of
/// minutes, for whoever asks what became of it.
const KEPT: time::Duration = time::Duration::days(1);
const BETWEEN_SWEEPS: std::time::Duration = std::time::Duration::from_secs(3600);
