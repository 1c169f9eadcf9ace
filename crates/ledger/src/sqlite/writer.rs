use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::place::Place;
use super::watch::Announced;
use super::write::{self, Change, Outcome};
use crate::error::LedgerError;

/// The one thread that writes. It takes whatever is waiting, applies it in one transaction and syncs once for all.
#[derive(Debug)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

/// One caller's wish, and where the answer goes.
enum Order {
    Apply(Change, oneshot::Sender<Ended>),
    Close(oneshot::Sender<Ended>),
}

/// How a change ended.
type Ended = Result<Outcome, LedgerError>;

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, place: Place, announced: Announced) -> std::io::Result<Self> {
        let (orders, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || serve(connection, &place, waiting, &announced))?;
        Ok(Self { orders, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Applies a change; answers when it is on disk.
    pub(super) async fn apply(&self, change: Change) -> Ended {
        self.order(|answer| Order::Apply(change, answer)).await
    }

    /// Finishes what is waiting, empties the WAL into the file and ends the thread.
    pub(super) async fn close(&self) -> Result<(), LedgerError> {
        let outcome = self.order(Order::Close).await;
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has answered and is past its last statement, so this waits for next to nothing.
            let _ended = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        match outcome {
            Ok(_) | Err(LedgerError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<Ended>) -> Order) -> Ended {
        let (answer, outcome) = oneshot::channel();
        self.orders.send(order(answer)).await.map_err(|_| LedgerError::Closed)?;
        outcome.await.map_err(|_| LedgerError::Closed)?
    }
}

fn serve(
    mut connection: Connection,
    place: &Place,
    mut waiting: mpsc::Receiver<Order>,
    announced: &Announced,
) {
    let mut batch = Vec::new();
    let mut company = 0;
    while let Some(first) = waiting.blocking_recv() {
        // Those who shared the last sync will be back in a moment; a sync for each as it comes would serve nobody.
        // Whoever comes alone does not wait.
        if company >= COMPANY {
            std::thread::sleep(PAUSE);
        }
        let mut closing = None;
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Apply(change, answer) => batch.push((change, answer)),
                Order::Close(answer) => closing = Some(answer),
            }
            if closing.is_none() && batch.len() < BATCH {
                next = waiting.try_recv().ok();
            }
        }
        company = batch.len();
        commit(&mut connection, place, &mut batch, announced);
        if let Some(answer) = closing {
            waiting.close();
            let _gone = answer.send(checkpoint(connection));
            return;
        }
    }
}

/// Applies a batch in one transaction. A change that may not be (a serial twice) fails alone; storage that fails
/// takes the whole batch back, and every caller hears so; so does a file that is no longer in its place.
fn commit(
    connection: &mut Connection,
    place: &Place,
    batch: &mut Vec<(Change, oneshot::Sender<Ended>)>,
    announced: &Announced,
) {
    let (changes, answers): (Vec<Change>, Vec<_>) = batch.drain(..).unzip();
    if changes.is_empty() {
        return;
    }
    let applied =
        place.check().and_then(|()| apply_all(connection, &changes, announced).map_err(super::storage));
    let outcomes = applied.unwrap_or_else(|error| changes.iter().map(|_| Err(error.clone())).collect());
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // A caller who no longer waits has its change all the same.
        let _gone = answer.send(outcome);
    }
}

fn apply_all(
    connection: &mut Connection,
    changes: &[Change],
    announced: &Announced,
) -> rusqlite::Result<Vec<Ended>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = super::read::revision(&transaction)?;
    let mut revision = before;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        match write::apply(&transaction, change, &mut revision) {
            Err(write::Failure::Storage(error)) => return Err(error),
            Err(write::Failure::Refused(why)) => outcomes.push(Err(why)),
            Ok(outcome) => outcomes.push(Ok(outcome)),
        }
    }
    if revision != before {
        transaction.prepare_cached("UPDATE revision SET revision = ?1")?.execute([revision.cast_signed()])?;
    }
    transaction.commit()?;
    announced.tell(revision);
    Ok(outcomes)
}

fn checkpoint(connection: Connection) -> Ended {
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let closed = connection.close().map_err(|(_, error)| error);
    emptied.and(closed).map(|()| Outcome::Done).map_err(super::storage)
}

/// How many callers may wait in the queue before others wait to enter it.
const QUEUE: usize = 4096;
/// With this many in the last transaction, the next one waits for more.
const COMPANY: usize = 4;
/// How long it waits: less than a sync takes.
const PAUSE: Duration = Duration::from_millis(1);
/// How many changes share one transaction at most, so that one sync does not keep the first caller for long.
const BATCH: usize = 512;
