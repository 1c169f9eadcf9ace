use std::path::PathBuf;

use clap::Args;
use fault::Faults;
use identity::Certificate;
use registrar::rotation::{Change, Holder, Phase, Rotation, Status, Waiting};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::next;
use super::place::{Place, Realm};
use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;
use crate::shown::moment::{distance, moment, rfc3339};

/// Show how far the rotation is, who it waits for, and who would be left behind.
#[derive(Args)]
#[command(
    name = "status",
    after_help = "Examples:
  countersign ca rotate status
  countersign ca rotate status --json"
)]
pub(crate) struct ShowStatus {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl ShowStatus {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        let now = console.now();
        let status = runtime()?.block_on(async {
            let status = Status::read(realm.ledger.as_ref(), realm.quiet, now).await;
            drop(realm.ledger.close().await);
            status
        })?;
        match (self.json, &status.rotation) {
            (true, _) => console.json(&as_json(&status))?,
            (false, None) => {
                console.line("no rotation: nothing above the leaves was ever replaced here");
                nodes(console, &status, now);
            }
            (false, Some(rotation)) => show(console, &realm, &status, rotation, now),
        }
        Ok(Exit::Done)
    }
}

fn show(console: &mut Console, realm: &Realm, status: &Status, rotation: &Rotation, now: OffsetDateTime) {
    let heading = console.paint().heading(&format!("rotation of {}: {}", rotation.of, rotation.phase));
    console.line(heading);
    for phase in PHASES.into_iter().filter_map(|phase| Some((phase, rotation.since(phase)?))) {
        console.line(format_args!("  {:<13}{}", phase.0.as_str(), moment(phase.1)));
    }
    for change in &rotation.changes {
        authority(console, change, now);
    }
    if !rotation.phase.is_open() {
        return;
    }
    for one in &rotation.by_hand {
        console.line(format_args!("  {} is said to hold the new ones, by {}", one.name, one.by));
    }
    nodes(console, status, now);
    if !status.waiting.is_empty() {
        console.line("waiting for");
        for waiting in &status.waiting {
            let line = console.paint().notable(&format!("  {waiting}"));
            console.line(line);
        }
    }
    below(console, status, rotation.since(Phase::Moved).is_some(), now);
    unseen(console, realm, rotation);
    if status.waiting.is_empty() || rotation.phase == Phase::Begun {
        console.line(next(rotation.phase));
    }
}

fn authority(console: &mut Console, change: &Change, now: OffsetDateTime) {
    for (word, certificate) in [("old", change.old_one()), ("new", change.new_one())] {
        let Some(certificate) = certificate else { continue };
        let identity = certificate.identity();
        console.line(format_args!(
            "  {:<13}{word} {}, serial {}, ends {}",
            change.name,
            identity.subject(),
            identity.serial(),
            distance(identity.not_after(), now)
        ));
    }
}

/// Who is asked.
fn nodes(console: &mut Console, status: &Status, now: OffsetDateTime) {
    if status.reports.is_empty() {
        console.line("no node has reported: none of ours serves with this ledger");
    }
    for report in &status.reports {
        let heard = OffsetDateTime::from_unix_timestamp(report.at).unwrap_or(now);
        console.line(format_args!("  node         {}, heard of {}", report.node, distance(heard, now)));
    }
}

/// Whoever has not come for another certificate yet; before the move nobody could, and nobody is looked for.
fn below(console: &mut Console, status: &Status, moved: bool, now: OffsetDateTime) {
    let holders = &status.below.holders;
    if holders.is_empty() {
        return;
    }
    console.line(match moved {
        true => "certificates below the old one, valid and not renewed",
        false => "certificates below the old one, to be renewed after the move",
    });
    for holder in holders.iter().take(MOST_SHOWN) {
        let seen = holder.seen.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let seen = match (seen, moved) {
            (Some(at), _) => format!(", last seen {}", moment(at)),
            (None, true) => ", not seen since the move".to_owned(),
            (None, false) => String::new(),
        };
        let end = distance(holder.not_after, now);
        console.line(format_args!("  {}, serial {}, ends {end}{seen}", holder.subject, holder.serial));
    }
    let more = holders.len().saturating_sub(MOST_SHOWN);
    if more > 0 || status.below.more {
        let at_least = if status.below.more { "at least " } else { "" };
        console.line(format_args!("  and {at_least}{more} more: countersign ca rotate status --json"));
    }
}

/// What nobody here can know.
fn unseen(console: &mut Console, realm: &Realm, rotation: &Rotation) {
    let concerned = |name: &&String| rotation.changes.iter().any(|change| change.name == **name);
    let bundles: Vec<PathBuf> =
        realm.places.issuers.keys().filter(concerned).map(|name| realm.places.bundle(name)).collect();
    let bundles: Vec<String> =
        bundles.iter().filter(|path| path.is_file()).map(|path| path.display().to_string()).collect();
    if !bundles.is_empty() {
        console.line("cannot be seen from here");
        console.line(format_args!("  who else verifies with copies of {}", bundles.join(", ")));
    }
}

fn as_json(status: &Status) -> Value {
    let Status { rotation, reports, waiting, below } = status;
    let nodes: Vec<Value> = reports
        .iter()
        .map(|report| json!({ "name": report.node, "heard_at": seconds(report.at), "issues_by": report.holdings.issues_by }))
        .collect();
    let waiting: Vec<Value> =
        waiting.iter().map(|one: &Waiting| json!({ "name": one.name(), "why": one.to_string() })).collect();
    let holders: Vec<Value> = below.holders.iter().map(holder).collect();
    json!({
        "rotation": rotation.as_ref().map(of),
        "nodes": nodes,
        "waiting": waiting,
        "below_old": holders,
        "below_old_is_partial": below.more,
    })
}

fn of(rotation: &Rotation) -> Value {
    let reached = PHASES
        .into_iter()
        .filter_map(|phase| Some((phase.as_str().to_owned(), Value::from(rfc3339(rotation.since(phase)?)))));
    let by_hand: Vec<&str> = rotation.by_hand.iter().map(|one| one.name.as_str()).collect();
    json!({
        "of": rotation.of.to_string(),
        "phase": rotation.phase,
        "reached": reached.collect::<serde_json::Map<_, _>>(),
        "changes": rotation.changes.iter().map(changed).collect::<Vec<_>>(),
        "acknowledged_by_hand": by_hand,
    })
}

fn changed(change: &Change) -> Value {
    let held = |certificate: Certificate| {
        let identity = certificate.identity();
        json!({
            "subject": identity.subject().to_string(),
            "serial": identity.serial(),
            "sha256": certificate.fingerprint(),
            "not_after": rfc3339(identity.not_after()),
        })
    };
    json!({ "name": change.name, "old": change.old_one().map(held), "new": change.new_one().map(held) })
}

fn holder(holder: &Holder) -> Value {
    json!({
        "subject": holder.subject,
        "serial": holder.serial,
        "not_after": rfc3339(holder.not_after),
        "seen_at": holder.seen.map(seconds),
    })
}

fn seconds(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at).map_or_else(|_| at.to_string(), rfc3339)
}

const PHASES: [Phase; 6] =
    [Phase::Begun, Phase::Distributed, Phase::Acknowledged, Phase::Moved, Phase::Removed, Phase::Aborted];
const MOST_SHOWN: usize = 20;
