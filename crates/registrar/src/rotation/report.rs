//! What each node reports of itself while something is rotated: what it holds, and whom it still lets in by the old one.

use std::collections::{BTreeMap, BTreeSet};

use fault::Fault;
use identity::Fingerprint;
use ledger::{Ledger, LedgerError, NewNote, Shelf};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// The authorities that a node serves with, by the SHA-256 of their certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// Every authority that it holds: roots, issuers, what will take their place and what they took the place of.
    pub holds: BTreeSet<String>,
    /// By which certificate each issuer issues.
    pub issues_by: BTreeMap<String, String>,
    /// The authorities' certificates that it shows with its own.
    pub presents: BTreeSet<String>,
}

/// Somebody who was let in by way of an authority that is to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The principal, where there was one.
    pub principal: Option<String>,
    /// The certificate's subject.
    pub subject: String,
    /// The certificate's serial.
    pub serial: String,
    /// When that was last, in seconds since 1970.
    pub at: i64,
}

/// What a node last said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The node.
    pub node: String,
    /// When it said so, in seconds since 1970.
    pub at: i64,
    /// What it holds.
    pub holdings: Holdings,
    /// Whom it let in by the old one, newest first, each certificate once.
    pub sightings: Vec<Sighting>,
    /// How many more there were than are named.
    pub unnamed: u64,
    /// When the last of these came, in seconds since 1970.
    pub unnamed_at: i64,
}

impl Sighting {
    /// What the one who came is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.principal.as_deref().unwrap_or(&self.subject)
    }
}

impl Holdings {
    /// Notes that it holds an authority.
    pub fn hold(&mut self, certificate: Fingerprint) {
        self.holds.insert(certificate.to_string());
    }
}

/// What every node last said, by its name.
///
/// # Errors
/// The ledger fails, or a report cannot be read.
pub(super) async fn reports(ledger: &dyn Ledger) -> Result<Vec<Report>, Fault> {
    let notes = ledger.notes(Shelf::Rotations, Some(NODE.to_owned()), MOST_NODES).await?;
    let of_nodes = notes.iter().filter(|note| note.key.starts_with(NODE));
    let read = |text: &str| serde_json::from_str(text);
    let reports: Result<Vec<Report>, _> = of_nodes.map(|note| read(&note.text)).collect();
    reports.map_err(|error| {
        Fault::theirs("what a node reported of its authorities cannot be read")
            .because(error)
            .remedy("use one version of countersign for all nodes of a ledger")
    })
}

/// Writes what a node says of itself; it alone writes there.
///
/// # Errors
/// The ledger fails, or another node goes by the same name.
pub(super) async fn report(ledger: &dyn Ledger, report: &Report, now: OffsetDateTime) -> Result<(), Fault> {
    let key = format!("{NODE}{}", report.node);
    let text = serde_json::to_string(report)
        .map_err(|error| Fault::ours("a report could not be written").because(error))?;
    let seen = ledger.note(Shelf::Rotations, key.clone()).await?.map(|note| note.version);
    let note = NewNote { key, text, expires_at: Some(now + FORGOTTEN), seen };
    match ledger.write_note(Shelf::Rotations, note).await {
        Ok(_) => Ok(()),
        Err(LedgerError::Changed { .. }) => {
            Err(Fault::yours(format!("another node is called {:?} too", report.node))
                .because("its report was replaced a moment ago by somebody else")
                .remedy("give each node a folder or a machine of its own"))
        }
        Err(error) => Err(error.into()),
    }
}

/// What a sightings list keeps by name; of the rest the number is kept.
pub(super) const MOST_SIGHTINGS: usize = 200;
/// Keys of nodes' reports begin with it.
const NODE: &str = "node/";
const MOST_NODES: usize = 1_000;
/// A node that has not been heard of for so long is not waited for any more.
const FORGOTTEN: Duration = Duration::days(30);
