//! A node's part in a rotation of the authorities above the leaves.

use std::collections::HashSet;

use config::{ClientCa, Plan};
use ledger::Ledger;
use registrar::rotation::{self, Holdings};

use crate::prepare::Prepared;
use crate::serving::Serving;

/// The authorities that a node serves with.
pub(crate) fn holdings(serving: &Serving) -> Holdings {
    let prepared = &serving.prepared;
    let mut holdings = Holdings::default();
    for authority in &prepared.authorities {
        holdings.hold(authority.fingerprint());
    }
    for (name, issuer) in &prepared.issuers {
        let certificate = issuer.certificate().fingerprint();
        holdings.hold(certificate);
        holdings.issues_by.insert(name.clone(), certificate.to_string());
    }
    for credential in serving.credentials.values() {
        let above = credential.chain().iter().skip(1);
        holdings.presents.extend(above.map(|certificate| certificate.fingerprint().to_string()));
    }
    holdings
}

/// The weakenings that a rotation on record stands for: to begin one is to say by name that its new authorities are
/// believed. Where the record cannot be read it stands for none.
pub(crate) async fn brought(ledger: Option<&dyn Ledger>, prepared: &Prepared) -> HashSet<String> {
    let Some(ledger) = ledger else { return HashSet::new() };
    let held = match rotation::on_record(ledger).await {
        Ok(held) => held.map(|held| held.rotation),
        Err(fault) => {
            tracing::error!(%fault, "no authority is believed for a rotation");
            None
        }
    };
    let Some(rotation) = held else { return HashSet::new() };
    let ours = prepared.profiles.iter().filter(|(name, _)| is_by_authority(&prepared.plan, name));
    let anchors = ours.flat_map(|(name, profile)| {
        let anchors = profile.trust.iter().flat_map(|trust| trust.anchors());
        anchors.map(move |anchor| (name, anchor.fingerprint()))
    });
    anchors
        .filter(|(_, anchor)| rotation.brings(anchor))
        .map(|(name, anchor)| format!("trust-anchor {name} {anchor}"))
        .collect()
}

/// Whether the profile believes our own authority, and not a file of somebody's choice.
fn is_by_authority(plan: &Plan, profile: &str) -> bool {
    plan.tls.get(profile).is_some_and(|tls| matches!(tls.client_ca, Some(ClientCa::Authority)))
}

/// What a node is called among those that share a ledger: the machine, and the file that it is configured by.
pub(crate) fn node_name(file: Option<&std::path::Path>, plan: &Plan) -> String {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let file =
        file.map_or_else(|| plan.base.clone(), |file| std::path::absolute(file).unwrap_or(file.to_owned()));
    format!("{machine}:{}", file.display())
}
