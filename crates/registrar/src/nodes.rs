//! The nodes that share a ledger: each keeps a note of itself there, and reads those of the others.

mod node;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ledger::{Ledger, LedgerError, NewNote, Shelf};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transport::Clock;

pub use node::{Anchor, Node, Standing};

/// Keeps the note of this node fresh until `stop`, and says in it then that the node has stopped. `about` describes the
/// node as it is now.
pub async fn keep_noted(
    ledger: &dyn Ledger,
    clock: &dyn Clock,
    about: impl Fn(OffsetDateTime) -> Node + Send,
    stop: CancellationToken,
) {
    let mut failing = false;
    while !stop.is_cancelled() {
        let noted = note(ledger, &about(clock.now()), clock.now()).await;
        match &noted {
            // That the ledger is away is said by who follows it.
            Err(error) if !failing => tracing::debug!(%error, "the other nodes do not see how this one is"),
            _ => {}
        }
        failing = noted.is_err();
        let _stopped = stop.run_until_cancelled(tokio::time::sleep(BETWEEN_NOTES)).await;
    }
    let now = clock.now();
    let about = about(now).stopped();
    let last = note(ledger, &about, now);
    if !matches!(tokio::time::timeout(LAST_NOTE, last).await, Ok(Ok(()))) {
        tracing::debug!("the other nodes were not told that this one stops");
    }
}

/// Writes the note of a node, over whatever an earlier run of it left.
async fn note(ledger: &dyn Ledger, node: &Node, now: OffsetDateTime) -> Result<(), LedgerError> {
    let before = ledger.note(Shelf::Nodes, node.id.clone()).await?;
    let note = NewNote {
        key: node.id.clone(),
        text: node.text(),
        expires_at: Some(now + FORGOTTEN_AFTER),
        seen: before.map(|note| note.version),
    };
    ledger.write_note(Shelf::Nodes, note).await.map(|_version| ())
}

/// Every node that wrote a note lately, in the order of their ids.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn nodes(ledger: &dyn Ledger, now: OffsetDateTime) -> Result<Vec<Node>, LedgerError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let part = ledger.notes(Shelf::Nodes, after, AT_ONCE).await?;
        let Some(last) = part.last().map(|note| note.key.clone()) else { return Ok(found) };
        let fresh = part.iter().filter(|note| note.expires_at.is_none_or(|end| end > now));
        found.extend(fresh.filter_map(|note| Node::read(&note.text)));
        after = Some(last);
    }
}

/// How often a node says how it is.
const BETWEEN_NOTES: Duration = Duration::from_secs(5);
/// A node that has said nothing for so long is forgotten.
const FORGOTTEN_AFTER: time::Duration = time::Duration::days(1);
/// A node that goes down waits so long for its last note.
const LAST_NOTE: Duration = Duration::from_secs(2);
const AT_ONCE: usize = 100;
