//! What a node does by itself while something is rotated: it looks who comes by the old ones, and reports.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fault::Fault;
use gateway::{Gateway, Passage, Retiring};
use ledger::Ledger;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transport::Clock;

use super::progress::Progress;
use super::record::{Phase, Rotation, on_record};
use super::report::{Holdings, MOST_SIGHTINGS, Report, Sighting, report};

/// A node as it reports.
pub struct Node {
    /// Its name among those that share the ledger.
    pub name: String,
    /// The authorities that it serves with now.
    pub holdings: Arc<dyn Fn() -> Holdings + Send + Sync>,
    /// Whom it lets in.
    pub gateway: Arc<Gateway>,
    /// Where it says how far the rotation is.
    pub progress: Arc<Progress>,
    /// Where it reports.
    pub ledger: Arc<dyn Ledger>,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
}

/// Looks and reports until told to stop. A ledger that fails is asked again.
pub async fn keep(node: Node, stop: CancellationToken) {
    let mut keeping = Keeping { node, last: None, failed: false };
    loop {
        match keeping.look().await {
            Ok(()) => keeping.failed = false,
            Err(fault) if !keeping.failed => {
                tracing::warn!(%fault, "how far a rotation is was not learned or not reported; trying again");
                keeping.failed = true;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

struct Keeping {
    node: Node,
    /// What was reported last.
    last: Option<Report>,
    /// Whether the last look failed, and was told.
    failed: bool,
}

impl Keeping {
    async fn look(&mut self) -> Result<(), Fault> {
        let held = on_record(self.node.ledger.as_ref()).await?;
        let rotation = held.map(|held| held.rotation);
        self.node.progress.becomes(rotation.as_ref());
        self.node.gateway.retire(rotation.as_ref().and_then(retiring));
        let now = self.node.clock.now();
        let next = self.report(now);
        if self.last.as_ref().is_some_and(|last| says_the_same(last, &next)) {
            return Ok(());
        }
        report(self.node.ledger.as_ref(), &next, now).await?;
        self.last = Some(next);
        Ok(())
    }

    fn report(&self, now: OffsetDateTime) -> Report {
        let (passages, unnamed) = self.node.gateway.passages();
        let (sightings, unnamed) = newest(passages, unnamed);
        Report {
            node: self.node.name.clone(),
            at: now.unix_timestamp(),
            holdings: (self.node.holdings)(),
            sightings,
            unnamed: unnamed.map_or(0, |(count, _)| count),
            unnamed_at: unnamed.map_or(0, |(_, at)| at.unix_timestamp()),
        }
    }
}

/// What is looked for: from the move on, whoever comes by what is to go.
fn retiring(rotation: &Rotation) -> Option<Retiring> {
    if rotation.phase != Phase::Moved {
        return None;
    }
    let (mut keys, mut certificates) = (HashSet::new(), HashSet::new());
    for change in &rotation.changes {
        let Some(old) = change.old_one() else { continue };
        match (change.is_root(), change.rekeyed) {
            (false, true) => drop(keys.insert(old.identity().spki_sha256())),
            (false, false) => drop(certificates.insert(old.fingerprint())),
            // Nobody shows a root, and whoever stands below it shows what does.
            (true, _) => {}
        }
    }
    Some(Retiring { keys, certificates })
}

/// Those that are named, newest first, and how many are not.
fn newest(mut passages: Vec<Passage>, unnamed: Option<(u64, OffsetDateTime)>) -> (Vec<Sighting>, Unnamed) {
    passages.sort_by_key(|passage| std::cmp::Reverse(passage.at));
    let rest = passages.split_off(passages.len().min(MOST_SIGHTINGS));
    let left_out = rest.first().map(|newest| (rest.len() as u64, newest.at));
    let unnamed = match (unnamed, left_out) {
        (Some((one, at)), Some((other, later))) => Some((one.saturating_add(other), at.max(later))),
        (one, other) => one.or(other),
    };
    let named = passages.into_iter().map(|passage| {
        let Passage { principal, subject, serial, at } = passage;
        Sighting { principal, subject, serial, at: at.unix_timestamp() }
    });
    (named.collect(), unnamed)
}

type Unnamed = Option<(u64, OffsetDateTime)>;

/// Whether a report need not be written: it says what the last one said, and that one is fresh.
fn says_the_same(last: &Report, next: &Report) -> bool {
    let same = Report { at: next.at, ..last.clone() } == *next;
    same && next.at - last.at < FRESH
}

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Seconds after which a node says again that it is there.
const FRESH: i64 = 30;
