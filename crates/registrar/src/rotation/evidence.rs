//! Whether a rotation may go on: who does not hold the new ones yet, and who still comes by the old ones.

use std::collections::BTreeSet;
use std::fmt;

use time::{Duration, OffsetDateTime};

use super::record::{Change, Phase, Rotation};
use super::report::{Report, Sighting};

/// Something that a rotation waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A node does not hold the new authorities.
    Unheld {
        /// The node.
        node: String,
        /// What it lacks.
        lacks: Vec<String>,
        /// When it was last heard of.
        at: OffsetDateTime,
    },
    /// A node still issues or serves by the old ones.
    Behind {
        /// The node.
        node: String,
        /// What it still does.
        does: String,
        /// When it was last heard of.
        at: OffsetDateTime,
    },
    /// A node has not been heard of: whom it lets in by the old ones nobody knows.
    Silent {
        /// The node.
        node: String,
        /// When it was last heard of.
        at: OffsetDateTime,
    },
    /// Somebody came by the old one lately.
    Seen {
        /// The node that let them in.
        node: String,
        /// Who came, and when.
        sighting: Sighting,
    },
    /// More came than are named.
    Unnamed {
        /// The node that let them in.
        node: String,
        /// How many.
        count: u64,
    },
    /// The leaves have not been moved for long enough to tell.
    Young {
        /// From when on it can be told.
        until: OffsetDateTime,
    },
}

impl Waiting {
    /// Whose move it is.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unheld { node, .. }
            | Self::Behind { node, .. }
            | Self::Silent { node, .. }
            | Self::Unnamed { node, .. } => node,
            Self::Seen { sighting, .. } => sighting.name(),
            Self::Young { .. } => TIME,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unheld { node, lacks, at } => {
                write!(f, "node {node} does not hold {} (last heard of at {at})", lacks.join(", "))
            }
            Self::Behind { node, does, at } => write!(f, "node {node} {does} (last heard of at {at})"),
            Self::Silent { node, at } => {
                write!(f, "node {node} has not been heard of since {at}, and nobody knows whom it lets in")
            }
            Self::Seen { node, sighting } => {
                let Sighting { principal, subject, serial, at } = sighting;
                let who = principal.as_ref().map_or_else(String::new, |name| format!("principal {name}, "));
                let at = OffsetDateTime::from_unix_timestamp(*at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
                write!(f, "{who}{subject} (serial {serial}) came by the old one at {at}, to node {node}")
            }
            Self::Unnamed { node, count } => {
                write!(f, "{count} more certificates came by the old one to node {node}")
            }
            Self::Young { until } => {
                write!(f, "nobody can tell before {until}: so long must the old one be unused")
            }
        }
    }
}

/// Who does not hold the new authorities yet, among the nodes that report.
#[must_use]
pub(super) fn unheld(rotation: &Rotation, reports: &[Report]) -> Vec<Waiting> {
    waited_for(rotation, reports).filter_map(|report| lacking(rotation, report)).collect()
}

fn lacking(rotation: &Rotation, report: &Report) -> Option<Waiting> {
    let lacks = |change: &&Change| {
        let here = change.is_root() || report.holdings.issues_by.contains_key(&change.name);
        here && change
            .new_one()
            .is_some_and(|new| !report.holdings.holds.contains(&new.fingerprint().to_string()))
    };
    let named = |change: &Change| match change.is_root() {
        true => "the new root".to_owned(),
        false => format!("the new {} issuer", change.name),
    };
    let lacks: Vec<String> = rotation.changes.iter().filter(lacks).map(named).collect();
    let (node, at) = (report.node.clone(), heard(report));
    (!lacks.is_empty()).then_some(Waiting::Unheld { node, lacks, at })
}

/// What speaks against removing the old ones: nodes that are behind, and whoever came by them within the quiet time.
#[must_use]
pub(super) fn in_the_way(
    rotation: &Rotation,
    reports: &[Report],
    quiet: Duration,
    now: OffsetDateTime,
) -> Vec<Waiting> {
    let mut found = unheld(rotation, reports);
    found.extend(waited_for(rotation, reports).filter_map(|report| behind(rotation, report)));
    let silent = waited_for(rotation, reports).filter(|report| now - heard(report) > HEARD);
    found.extend(silent.map(|report| Waiting::Silent { node: report.node.clone(), at: heard(report) }));
    found.extend(reports.iter().flat_map(|report| seen(rotation, report, quiet, now)));
    let moved = rotation.since(Phase::Moved).unwrap_or(now);
    let until = moved.saturating_add(quiet);
    found.extend((until > now).then_some(Waiting::Young { until }));
    found
}

fn behind(rotation: &Rotation, report: &Report) -> Option<Waiting> {
    let old: Vec<(&Change, String)> = rotation
        .changes
        .iter()
        .filter_map(|change| Some((change, change.old_one()?.fingerprint().to_string())))
        .collect();
    let issues = old.iter().find(|(change, old)| report.holdings.issues_by.get(&change.name) == Some(old));
    let shows = old.iter().find(|(_, old)| report.holdings.presents.contains(old));
    let does = match (issues, shows) {
        (Some((change, _)), _) => format!("still issues by the old {} issuer", change.name),
        (None, Some((change, _))) => format!("still shows a certificate by the old {} issuer", change.name),
        (None, None) => return None,
    };
    Some(Waiting::Behind { node: report.node.clone(), does, at: heard(report) })
}

fn seen(
    rotation: &Rotation,
    report: &Report,
    quiet: Duration,
    now: OffsetDateTime,
) -> impl Iterator<Item = Waiting> {
    let since = (now - quiet).unix_timestamp();
    let node = report.node.clone();
    // Before the leaves were moved everybody came that way.
    let moved = rotation.since(Phase::Moved).map_or(i64::MAX, OffsetDateTime::unix_timestamp);
    let lately = move |sighting: &&Sighting| sighting.at >= since.max(moved);
    let named = report.sightings.iter().filter(lately).cloned();
    let many = report.unnamed > 0 && report.unnamed_at >= since.max(moved);
    let unnamed = many.then(|| Waiting::Unnamed { node: node.clone(), count: report.unnamed });
    let named: Vec<Waiting> = named.map(|sighting| Waiting::Seen { node: node.clone(), sighting }).collect();
    named.into_iter().chain(unnamed)
}

/// A node of which an operator has said that it holds the new ones is not waited for.
fn waited_for<'a>(rotation: &Rotation, reports: &'a [Report]) -> impl Iterator<Item = &'a Report> {
    let by_hand: BTreeSet<String> = rotation.by_hand.iter().map(|one| one.name.clone()).collect();
    reports.iter().filter(move |report| !by_hand.contains(&report.node))
}

fn heard(report: &Report) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(report.at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What time is called where it is in the way.
pub(super) const TIME: &str = "time";
/// A node says that it is there twice a minute.
const HEARD: Duration = Duration::minutes(2);
