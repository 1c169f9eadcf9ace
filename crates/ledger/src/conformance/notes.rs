//! What is promised of notes.

use std::sync::Arc;

use time::Duration;

use super::sample::NOW;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::note::{NewNote, Note, Shelf};

fn new(key: &str, text: &str) -> NewNote {
    NewNote { key: key.into(), text: text.into(), expires_at: None, seen: None }
}

/// Text, version and expiry come back; another shelf has notes of its own; what was never written is not there.
pub async fn a_note_is_read_as_it_was_written(ledger: &dyn Ledger) {
    let expires_at = Some(NOW + Duration::milliseconds(5));
    let written = NewNote { expires_at, ..new("worker", r#"{"at":"Käse"}"#) };
    assert_eq!(ledger.write_note(Shelf::Services, written).await, Ok(1));
    let expected = Note { key: "worker".into(), text: r#"{"at":"Käse"}"#.into(), version: 1, expires_at };
    assert_eq!(ledger.note(Shelf::Services, "worker".into()).await, Ok(Some(expected)));
    assert_eq!(ledger.note(Shelf::Nodes, "worker".into()).await, Ok(None));
    assert_eq!(ledger.note(Shelf::Services, "Worker".into()).await, Ok(None));
    assert_eq!(ledger.revision().await, Ok(0), "notes are no change to a certificate's record");
}

/// Who has not seen the newest version writes and removes nothing.
pub async fn a_note_is_replaced_by_who_has_seen_it(ledger: &dyn Ledger) {
    assert_eq!(ledger.write_note(Shelf::Leases, new("root", "1")).await, Ok(1));
    let changed = || Err(LedgerError::Changed { shelf: Shelf::Leases, key: "root".into() });
    assert_eq!(ledger.write_note(Shelf::Leases, new("root", "2")).await, changed());
    let seen = ledger.note(Shelf::Leases, "root".into()).await.expect("asked").expect("written");
    assert_eq!(ledger.write_note(Shelf::Leases, seen.rewritten("2")).await, Ok(2));
    assert_eq!(ledger.write_note(Shelf::Leases, seen.rewritten("3")).await, changed());
    assert_eq!(ledger.remove_note(Shelf::Leases, "root".into(), 1).await.map(|()| 0), changed());
    assert_eq!(ledger.remove_note(Shelf::Leases, "root".into(), 2).await, Ok(()));
    assert_eq!(ledger.remove_note(Shelf::Leases, "root".into(), 2).await.map(|()| 0), changed());
    assert_eq!(ledger.write_note(Shelf::Leases, seen.rewritten("4")).await, changed());
    assert_eq!(ledger.write_note(Shelf::Leases, new("root", "5")).await, Ok(1));
}

/// Of many who write at once, one succeeds.
pub async fn one_of_many_writes_a_note<L: Ledger + 'static>(ledger: Arc<L>) {
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..16 {
        let ledger = Arc::clone(&ledger);
        writers.spawn(async move { ledger.write_note(Shelf::Leases, new("one", &n.to_string())).await });
    }
    let written = writers.join_all().await;
    assert_eq!(written.iter().filter(|written| written.is_ok()).count(), 1, "{written:?}");
}

/// A shelf is read in the order of its keys, in parts that meet.
pub async fn notes_are_listed_in_the_order_of_their_keys(ledger: &dyn Ledger) {
    for key in ["c", "B", "a", "b%", "é"] {
        ledger.write_note(Shelf::Nodes, new(key, "{}")).await.expect("written");
    }
    ledger.write_note(Shelf::Uploads, new("aa", "{}")).await.expect("written");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let part = ledger.notes(Shelf::Nodes, after, 2).await.expect("asked");
        let Some(last) = part.last() else { break };
        after = Some(last.key.clone());
        seen.extend(part.into_iter().map(|note| note.key));
    }
    assert_eq!(seen, ["B", "a", "b%", "c", "é"]);
    assert_eq!(ledger.notes(Shelf::Nodes, None, 0).await.expect("asked").len(), 5);
}

/// Notes past their expiry go when they are swept, and no others.
pub async fn expired_notes_are_removed_and_no_others(ledger: &dyn Ledger) {
    for (key, expires) in [("early", Some(NOW)), ("late", Some(NOW + Duration::HOUR)), ("never", None)] {
        let note = NewNote { expires_at: expires, ..new(key, "{}") };
        ledger.write_note(Shelf::Invitations, note).await.expect("written");
    }
    assert_eq!(ledger.prune_notes(NOW).await, Ok(0));
    assert_eq!(ledger.prune_notes(NOW + Duration::SECOND).await, Ok(1));
    let left = ledger.notes(Shelf::Invitations, None, 0).await.expect("asked");
    assert_eq!(left.iter().map(|note| note.key.as_str()).collect::<Vec<_>>(), ["late", "never"]);
}
