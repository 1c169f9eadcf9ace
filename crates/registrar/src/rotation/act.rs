//! The steps of a rotation, each on record before its first file changes, and each finished by doing it again.

mod begin;

use std::collections::BTreeSet;
use std::path::PathBuf;

use fault::Fault;
use identity::{Pin, RevocationReason};
use ledger::{AuditEvent, AuditKind};
use time::Duration;

pub use begin::NewKey;

use crate::enrolment::hint::{self, Whose};

use super::evidence::{TIME, Waiting, in_the_way, unheld};
use super::record::{ByHand, Change, OnRecord, Phase, Rotation, on_record};
use super::report::{Report, Sighting, reports};
use super::turn::Turn;

/// A step that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// The rotation as it is on record now.
    pub rotation: Rotation,
    /// The files that were written, moved or removed.
    pub files: Vec<PathBuf>,
    /// What is worth a word.
    pub warnings: Vec<Fault>,
    /// What spoke against it, and was overruled by name.
    pub overruled: Vec<Waiting>,
}

impl Turn<'_> {
    /// Moves the leaves: the new issuers issue from now on. Whoever is named in `acknowledged` is said to hold the new ones.
    ///
    /// # Errors
    /// Nothing is being rotated, or somebody who can be asked does not hold the new ones; then nothing has changed.
    pub async fn advance(&self, acknowledged: &[String]) -> Result<Done, Fault> {
        let mut held = self.under_way().await?;
        self.acknowledge(&mut held, acknowledged).await?;
        match held.rotation.phase {
            Phase::Begun => return Err(unfinished(&held.rotation)),
            Phase::Distributed | Phase::Acknowledged => {
                let waiting = unheld(&held.rotation, &reports(self.ledger).await?);
                if !waiting.is_empty() {
                    return Err(Fault::theirs("not everybody holds the new certificates yet")
                        .because(told(&waiting))
                        .remedy(
                            "see to it that the named nodes have the files and have reloaded; for one that is gone: \
                             countersign ca rotate move --acknowledge NAME",
                        ));
                }
                self.reach(&mut held, &[Phase::Acknowledged, Phase::Moved], "").await?;
            }
            Phase::Moved | Phase::Removed | Phase::Aborted => {}
        }
        self.ask_holders(&held.rotation).await?;
        self.lay(held.rotation, Vec::new())
    }

    /// Removes the old ones. What speaks against it is overruled where each is named in `forced`.
    ///
    /// # Errors
    /// Nothing was moved, or something speaks against it that is not named; then nothing has changed.
    pub async fn finish(
        &self,
        quiet: Duration,
        acknowledged: &[String],
        forced: &[String],
    ) -> Result<Done, Fault> {
        let mut held = match on_record(self.ledger).await? {
            // What was cut off is done to its end.
            Some(held) if held.rotation.phase == Phase::Removed => held,
            _ => self.under_way().await?,
        };
        let mut overruled = Vec::new();
        match held.rotation.phase {
            Phase::Removed => {}
            Phase::Moved => {
                self.acknowledge(&mut held, acknowledged).await?;
                let reports = reports(self.ledger).await?;
                overruled = in_the_way(&held.rotation, &reports, quiet, self.now);
                known(forced, &overruled, &reports)?;
                let unnamed: Vec<&Waiting> =
                    overruled.iter().filter(|one| !forced.iter().any(|name| name == one.name())).collect();
                if !unnamed.is_empty() {
                    return Err(in_use(&unnamed));
                }
                let against = if overruled.is_empty() {
                    String::new()
                } else {
                    format!(", against: {}", told(&overruled))
                };
                self.reach(&mut held, &[Phase::Removed], &against).await?;
            }
            phase => {
                return Err(Fault::yours(format!(
                    "the rotation is {phase}, and the old one is still the one that issues"
                ))
                .remedy("move the leaves first: countersign ca rotate move"));
            }
        }
        for key in old_keys(&held.rotation) {
            hint::unask(self.ledger, Whose::Issuer(key)).await?;
        }
        self.lay(held.rotation, overruled)
    }

    /// Goes back to what was before: possible until the leaves are moved.
    ///
    /// # Errors
    /// Nothing is being rotated, or the leaves have moved.
    pub async fn abort(&self) -> Result<Done, Fault> {
        let mut held = match on_record(self.ledger).await? {
            Some(held) if held.rotation.phase == Phase::Aborted => held,
            _ => self.under_way().await?,
        };
        match held.rotation.phase {
            Phase::Aborted => {}
            Phase::Begun | Phase::Distributed | Phase::Acknowledged => {
                self.reach(&mut held, &[Phase::Aborted], "").await?;
                self.take_back(&held.rotation).await?;
            }
            Phase::Moved | Phase::Removed => {
                return Err(Fault::yours(
                    "the leaves have moved, and certificates of the new issuers are in use",
                )
                .because("without the new ones their holders would be refused")
                .remedy(
                    "finish it, and rotate once more if the new ones must go: countersign ca rotate finish",
                ));
            }
        }
        self.lay(held.rotation, Vec::new())
    }

    /// The rotation that is under way.
    async fn under_way(&self) -> Result<OnRecord, Fault> {
        let held = on_record(self.ledger).await?.filter(|held| held.rotation.phase.is_open());
        held.ok_or_else(|| {
            Fault::yours("nothing is being rotated")
                .remedy("begin with countersign ca rotate issuer KIND or countersign ca rotate root")
        })
    }

    async fn acknowledge(&self, held: &mut OnRecord, names: &[String]) -> Result<(), Fault> {
        let new = |name: &&String| !held.rotation.by_hand.iter().any(|one| one.name == **name);
        let new: Vec<ByHand> = names
            .iter()
            .filter(new)
            .map(|name| ByHand { name: name.clone(), by: self.by.to_owned(), at: self.now.unix_timestamp() })
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let of = &held.rotation.of;
        let said =
            new.iter().map(|one| format!("rotation of {of}: {:?} is said to hold the new ones", one.name));
        let events = said.map(|cause| self.event(cause)).collect();
        held.amend(self.ledger, |rotation| rotation.by_hand.extend(new)).await?;
        Ok(self.ledger.audit(events).await?)
    }

    async fn reach(&self, held: &mut OnRecord, phases: &[Phase], more: &str) -> Result<(), Fault> {
        let now = self.now;
        held.amend(self.ledger, |rotation| phases.iter().for_each(|phase| rotation.reach(*phase, now)))
            .await?;
        let cause = format!("rotation of {}: {}{more}", held.rotation.of, held.rotation.phase);
        Ok(self.ledger.audit(vec![self.event(cause)]).await?)
    }

    fn event(&self, cause: String) -> AuditEvent {
        let principal = Some(self.by.to_owned());
        AuditEvent { principal, cause: Some(cause), ..AuditEvent::new(AuditKind::Admin, self.now) }
    }

    fn lay(&self, rotation: Rotation, overruled: Vec<Waiting>) -> Result<Done, Fault> {
        self.still()?;
        let files = self.places.lay(&rotation)?;
        Ok(Done { rotation, files, warnings: Vec::new(), overruled })
    }

    /// Whoever holds a leaf that stands below the old one alone is asked to come for another one now.
    async fn ask_holders(&self, rotation: &Rotation) -> Result<(), Fault> {
        let why =
            format!("the {} is replaced, and what stands below the old one will be refused", rotation.of);
        let moved = rotation.since(Phase::Moved).unwrap_or(self.now);
        for key in old_keys(rotation) {
            hint::ask(self.ledger, Whose::Issuer(key), self.by, &why, moved).await?;
        }
        Ok(())
    }

    /// Certificates of authorities that will never issue are not left standing on record.
    async fn take_back(&self, rotation: &Rotation) -> Result<(), Fault> {
        for new in rotation.changes.iter().filter_map(Change::new_one) {
            let record = self.ledger.certificate_by_fingerprint(new.fingerprint()).await?;
            if let Some(record) = record.filter(|_| !new.is_self_issued()) {
                let reason = RevocationReason::CessationOfOperation;
                authority::revoke(self.ledger, record.draft.id(), reason, self.by, self.now).await?;
            }
        }
        Ok(())
    }
}

/// The keys of the issuers whose leaves are to be issued anew.
fn old_keys(rotation: &Rotation) -> Vec<Pin> {
    let issuers = rotation.changes.iter().filter(|change| !change.is_root());
    issuers.filter_map(Change::old_one).map(|old| old.identity().spki_sha256()).collect()
}

fn unfinished(rotation: &Rotation) -> Fault {
    Fault::yours(format!("the rotation of {} was cut off before its files were written", rotation.of))
        .remedy(format!("give the same command again: countersign ca rotate {}", rotation.of))
}

fn in_use(waiting: &[&Waiting]) -> Fault {
    let names: Vec<&str> = waiting.iter().map(|one| one.name()).collect();
    let mut once: Vec<&str> = Vec::new();
    names.into_iter().for_each(|name| {
        if !once.contains(&name) {
            once.push(name);
        }
    });
    let forced: Vec<String> = once.iter().take(MOST_TOLD).map(|name| format!("--force {name:?}")).collect();
    let waiting: Vec<Waiting> = waiting.iter().copied().cloned().collect();
    Fault::theirs("the old one is still in use").because(told(&waiting)).remedy(format!(
        "wait, or renew what is named; to remove it all the same, and break that: countersign ca rotate finish {}",
        forced.join(" ")
    ))
}

/// That each of these names is one that something may be overruled by: what is in the way, a node, or somebody who came. What
/// is named and no longer in the way is overruled by nobody, and no harm.
fn known(forced: &[String], waiting: &[Waiting], reports: &[Report]) -> Result<(), Fault> {
    let in_the_way: BTreeSet<&str> = waiting.iter().map(Waiting::name).collect();
    let nodes: BTreeSet<&str> = reports.iter().map(|report| report.node.as_str()).collect();
    let came: BTreeSet<&str> =
        reports.iter().flat_map(|report| &report.sightings).map(Sighting::name).collect();
    let is_known =
        |name: &str| name == TIME || in_the_way.contains(name) || nodes.contains(name) || came.contains(name);
    let Some(unknown) = forced.iter().find(|name| !is_known(name)) else { return Ok(()) };
    let fault = Fault::yours(format!("nothing that is called {unknown:?} is in the way"));
    let first: Vec<String> = in_the_way.iter().take(MOST_TOLD).map(|name| format!("{name:?}")).collect();
    Err(match first.as_slice() {
        [] => fault.remedy("leave --force out: nothing is in the way"),
        first => fault.remedy(format!("what is in the way is called {}", first.join(", "))),
    })
}

/// The first of them in words.
fn told(waiting: &[Waiting]) -> String {
    let first: Vec<String> = waiting.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    match waiting.len().saturating_sub(MOST_TOLD) {
        0 => first.join("; "),
        more => format!("{}; and {more} more", first.join("; ")),
    }
}

/// As many as a person reads.
const MOST_TOLD: usize = 20;
