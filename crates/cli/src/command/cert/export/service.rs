//! What a registered service presents, where the node keeps it.

use std::path::{Path, PathBuf};

use fault::{Fault, Faults};
use ledger::State;
use time::OffsetDateTime;

use crate::loading::{self, on_record};

/// The files of its current certificate. One that is missing, expired or revoked is no identity.
pub(super) fn credential_files(
    realm: &Path,
    service: &str,
    now: OffsetDateTime,
) -> Result<(PathBuf, PathBuf), Faults> {
    let folder = realm.join("state/services").join(service).join("current");
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    if service.contains('/') || service.starts_with('.') || !cert.is_file() {
        return Err(
            no_identity(service, "it has no certificate here", "start the node, and see its log").into()
        );
    }
    let leaf = loading::leaf(&cert)?;
    let end = leaf.identity().not_after();
    if now > end {
        let why = format!("its certificate expired on {end}");
        return Err(
            no_identity(service, &why, "start the node, and see its log for why it was not rotated").into()
        );
    }
    let ledger = loading::ledger_of(realm)?;
    let record = on_record(ledger.as_ref(), async {
        Ok(ledger.certificate_by_fingerprint(leaf.fingerprint()).await?)
    })?;
    match record.map(|record| record.state) {
        Some(State::Issued) => {
            Ok((std::path::absolute(&cert).unwrap_or(cert), std::path::absolute(&key).unwrap_or(key)))
        }
        Some(State::Revoked) => {
            Err(no_identity(service, "its certificate is revoked", "the node replaces it: see its log")
                .into())
        }
        Some(State::Drafted | State::Abandoned) | None => Err(no_identity(
            service,
            "its certificate is not on record",
            "see that --realm names the node's folder",
        )
        .into()),
    }
}

fn no_identity(service: &str, why: &str, remedy: &str) -> Fault {
    Fault::yours(format!("the service \"{}\" has no identity to present", service.escape_debug()))
        .because(why)
        .remedy(remedy)
}
