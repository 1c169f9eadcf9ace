//! What a realm's audit record knows of a refusal, where the node does not answer.

use std::path::PathBuf;
use std::sync::Arc;

use fault::{Fault, Faults};
use gateway::Named;
use ledger::Ledger;
use serde_json::Value;
use time::OffsetDateTime;

use super::Peer;
use crate::console::Console;
use crate::door::{Door, runtime};
use crate::loading;

/// The audit record that may be read in place of asking a node: the realm's own, unless another node was named.
pub(super) struct Record(Option<PathBuf>);

impl Record {
    pub(super) fn of(door: &Door) -> Self {
        let realm = Some(&door.realm).filter(|_| door.url.is_none());
        Self(realm.filter(|realm| loading::has_ledger(realm)).cloned())
    }

    /// Reads one refusal.
    ///
    /// # Errors
    /// Why the node could not be asked, where there is no record either; or the record has none of this id.
    pub(super) fn explain(&self, console: &mut Console, id: Named, unasked: Faults) -> Result<Value, Faults> {
        let Some(ledger) = self.open() else { return Err(unasked) };
        let recorded = runtime()?.block_on(daemon::recorded(ledger.as_ref(), id))?;
        tell(console, unasked);
        recorded.ok_or_else(|| {
            Fault::theirs(format!("the realm's audit record has no refusal {id}"))
                .remedy("check the id, and that it is the realm of the node that refused: --realm DIR")
                .into()
        })
    }

    /// Reads what was refused to an address between two moments.
    ///
    /// # Errors
    /// Why the node could not be asked, where there is no record either.
    pub(super) fn of_peer(
        &self,
        console: &mut Console,
        peer: Peer,
        (since, until): (OffsetDateTime, OffsetDateTime),
        unasked: Faults,
    ) -> Result<(Vec<Value>, bool), Faults> {
        let Some(ledger) = self.open() else { return Err(unasked) };
        let found = daemon::recorded_of(ledger.as_ref(), (peer.address, peer.port), since, until, MOST);
        let found = runtime()?.block_on(found)?;
        tell(console, unasked);
        Ok(found)
    }

    fn open(&self) -> Option<Arc<dyn Ledger>> {
        loading::ledger_of(self.0.as_ref()?).ok()
    }
}

/// Says where the answer comes from, and why not from the node.
fn tell(console: &mut Console, unasked: Faults) {
    let mut notes: Vec<Fault> = unasked.into_iter().collect();
    notes.push(Fault::theirs("the node could not be asked; what follows is from the realm's audit record"));
    console.warn(&notes);
}

/// As many as a person reads.
const MOST: usize = 50;
