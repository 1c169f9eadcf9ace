use std::sync::Arc;

use ledger::{Ledger, NewNote, Shelf, SqliteLedger};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use transport::TestClock;

use super::{Node, Standing, keep_noted, nodes, note};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-26 19:00:00 UTC);

fn node(id: &str, at: OffsetDateTime) -> Node {
    Node { id: id.into(), revision: 7, seen: at.format(&Rfc3339).unwrap(), ..Node::default() }
}

fn ledger() -> (tempfile::TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    (folder, ledger)
}

#[tokio::test]
async fn nodes_see_each_other_until_they_are_forgotten() {
    let (_folder, ledger) = ledger();
    for n in 0..150 {
        note(&ledger, &node(&format!("node-{n:03}"), NOW), NOW).await.unwrap();
    }
    note(&ledger, &node("node-007", NOW + Duration::HOUR), NOW + Duration::HOUR).await.unwrap();
    let seen = nodes(&ledger, NOW + Duration::MINUTE).await.unwrap();
    assert_eq!((seen.len(), &*seen[7].id), (150, "node-007"));
    let later = nodes(&ledger, NOW + Duration::DAY + Duration::MINUTE).await.unwrap();
    assert_eq!(later.iter().map(|node| &*node.id).collect::<Vec<_>>(), ["node-007"]);
}

#[tokio::test]
async fn a_node_that_falls_silent_is_told_from_one_that_stopped() {
    let (_folder, ledger) = ledger();
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let (clock, stop) = (TestClock::at(NOW), CancellationToken::new());
    let keeping = tokio::spawn({
        let (ledger, clock, stop) = (Arc::clone(&ledger), clock.clone(), stop.clone());
        async move { keep_noted(ledger.as_ref(), &clock, |now| node("one", now), stop).await }
    });
    let mut seen = Vec::new();
    while seen.is_empty() {
        seen = nodes(ledger.as_ref(), NOW).await.unwrap();
    }
    assert_eq!(seen[0].standing(NOW + Duration::seconds(5)), Standing::Up);
    assert_eq!(seen[0].standing(NOW + Duration::MINUTE), Standing::Silent);
    assert_eq!(seen[0].shown(NOW, 9, "one")["behind"], 2);
    stop.cancel();
    keeping.await.unwrap();
    let seen = nodes(ledger.as_ref(), NOW).await.unwrap();
    assert_eq!(seen[0].standing(NOW), Standing::Stopped);
}

#[tokio::test]
async fn what_is_no_description_of_a_node_is_read_over() {
    let (_folder, ledger) = ledger();
    for (key, text) in [("a", "[]"), ("b", "{\"id\":\"b\",\"later\":[1]}"), ("c", "nothing")] {
        let new = NewNote { key: key.into(), text: text.into(), expires_at: None, seen: None };
        ledger.write_note(Shelf::Nodes, new).await.unwrap();
    }
    let seen = nodes(&ledger, NOW).await.unwrap();
    assert_eq!(seen, [Node { id: "b".into(), ..Node::default() }]);
}
