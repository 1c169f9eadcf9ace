//! The one task that writes. It takes whatever is waiting, applies it in one transaction and commits once for all.
//!
//! Every transaction that changes a record holds the row with the revision from its beginning to its end, so that of
//! several nodes one writes at a time. Without that, a revision could become visible after a greater one, and whoever
//! follows by "what is behind the last that I saw" would never see it.

use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;

use crate::change::{Change, Outcome};
use crate::doubt;
use crate::link::{Link, failed};
use crate::session::{Session, Value, pipelined};
use crate::trouble;
use crate::watch::Announced;

/// How a change ended.
pub(crate) type Ended = Result<Outcome, LedgerError>;

/// The way to the task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<(Change, oneshot::Sender<Ended>)>,
    task: parking_lot::Mutex<Option<(JoinHandle<()>, oneshot::Sender<()>)>>,
}

impl Writer {
    /// Starts the task.
    pub(crate) fn start(link: Arc<Link>, announced: Announced) -> Self {
        let (orders, waiting) = mpsc::channel(QUEUE);
        let (close, closing) = oneshot::channel();
        let task = tokio::spawn(serve(link, waiting, closing, announced));
        Self { orders, task: parking_lot::Mutex::new(Some((task, close))) }
    }

    /// Applies a change; answers when it is durable.
    pub(crate) async fn apply(&self, change: Change) -> Ended {
        change.must_be_possible()?;
        let (answer, outcome) = oneshot::channel();
        self.orders.send((change, answer)).await.map_err(|_| LedgerError::Closed)?;
        outcome.await.map_err(|_| LedgerError::Closed)?
    }

    /// Finishes what is waiting, and ends.
    pub(crate) async fn close(&self) {
        let task = self.task.lock().take();
        if let Some((task, close)) = task {
            drop(close);
            let _ended = task.await;
        }
    }
}

async fn serve(
    link: Arc<Link>,
    mut waiting: mpsc::Receiver<(Change, oneshot::Sender<Ended>)>,
    mut closing: oneshot::Receiver<()>,
    announced: Announced,
) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            _closed = &mut closing, if !waiting.is_closed() => waiting.close(),
            taken = waiting.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                let (changes, answers): (Vec<Change>, Vec<_>) = batch.drain(..).unzip();
                let outcomes = commit(&link, &changes, &announced).await;
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A caller who no longer waits has its change all the same.
                    let _gone = answer.send(outcome);
                }
            }
        }
    }
}

/// Applies a batch in one transaction. A change that may not be (a serial twice) fails alone; so does one that holds
/// what the server would not take, lest a stranger's words keep a revocation from being recorded.
async fn commit(link: &Link, changes: &[Change], announced: &Announced) -> Vec<Ended> {
    match attempt(link, changes, announced).await {
        Ok(outcomes) => outcomes,
        Err(Unmade::Unfit(_)) if changes.len() > 1 => {
            let mut outcomes = Vec::with_capacity(changes.len());
            for change in changes {
                outcomes.push(match attempt(link, std::slice::from_ref(change), announced).await {
                    Ok(alone) => alone.into_iter().next().unwrap_or(Err(LedgerError::Closed)),
                    Err(Unmade::Unfit(error) | Unmade::Failed(error)) => Err(error),
                });
            }
            outcomes
        }
        Err(Unmade::Unfit(error) | Unmade::Failed(error)) => {
            changes.iter().map(|_| Err(error.clone())).collect()
        }
    }
}

/// Why a batch was not made.
enum Unmade {
    /// One of its values is none that the server takes.
    Unfit(LedgerError),
    /// The server or the way to it failed, for all of them.
    Failed(LedgerError),
}

async fn attempt(link: &Link, changes: &[Change], announced: &Announced) -> Result<Vec<Ended>, Unmade> {
    let session = link.session().await.map_err(Unmade::Failed)?;
    let applied = match session.in_time(async { Ok(apply(&session, changes).await) }).await {
        Ok(applied) => applied?,
        // Nothing has been committed: that is asked for afterwards.
        Err(error) => return Err(Unmade::Failed(error)),
    };
    let committed =
        session.in_time(async { session.run("COMMIT").await.map_err(|error| failed(&session, &error)) });
    match committed.await {
        Ok(()) => {}
        Err(LedgerError::Away(why)) => {
            doubt::resolve(link, &applied.transaction, why).await.map_err(Unmade::Failed)?;
        }
        Err(error) => return Err(Unmade::Failed(error)),
    }
    if let Some(revision) = applied.revision {
        announced.tell(revision);
    }
    Ok(applied.outcomes)
}

/// A transaction with everything in it, to be committed.
struct Applied {
    outcomes: Vec<Ended>,
    /// The revision that it leaves, where it leaves a new one.
    revision: Option<u64>,
    /// The transaction's number, by which the server knows for ever what became of it.
    transaction: String,
}

async fn apply(session: &Session, changes: &[Change]) -> Result<Applied, Unmade> {
    let applied = in_transaction(session, changes).await;
    // The server takes it back by itself where the connection has gone; otherwise the next one shall find it ended.
    if applied.is_err() && session.run("ROLLBACK").await.is_err() {
        session.cut();
    }
    applied
}

async fn in_transaction(session: &Session, changes: &[Change]) -> Result<Applied, Unmade> {
    let sort = |error: tokio_postgres::Error| unmade(session, &error);
    let (before, transaction) = begin(session, changes).await.map_err(sort)?;
    let mut next = before;
    let orders = changes.iter().map(|change| {
        // A number that is not used after all is left out: numbers are for telling order, and nobody counts them.
        next += u64::from(change.moves_the_revision());
        change.order(next)
    });
    let orders: Vec<_> = orders.collect();
    let mut statements = Vec::with_capacity(orders.len());
    for order in &orders {
        statements.push(session.prepare(order.sql).await.map_err(sort)?);
    }
    let asked =
        statements.iter().zip(&orders).map(|(statement, order)| session.ask(statement, &order.values));
    let mut made: Vec<Vec<Row>> = Vec::with_capacity(changes.len());
    for answer in pipelined(asked.collect()).await {
        made.push(answer.map_err(sort)?);
    }
    let outcomes = judged(session, changes, &made).await.map_err(Unmade::Failed)?;
    let revision = last_revision(changes, &made, before);
    if let Some(revision) = revision {
        let values: [Value; 1] = [Box::new(revision.cast_signed())];
        session.query(SET_REVISION, &values).await.map_err(sort)?;
    }
    Ok(Applied { outcomes, revision, transaction })
}

/// Begins, and says the revision before and the transaction's number.
async fn begin(session: &Session, changes: &[Change]) -> Result<(u64, String), tokio_postgres::Error> {
    let sql = if changes.iter().all(Change::only_appends) { BEGIN_APPENDING } else { BEGIN_CHANGING };
    let statement = session.prepare(sql).await?;
    session.run("BEGIN").await?;
    let rows = session.ask(&statement, &[]).await?;
    let Some(row) = rows.first() else { return Ok((0, String::new())) };
    let revision: i64 = row.try_get("revision")?;
    Ok((revision.cast_unsigned(), row.try_get("transaction")?))
}

async fn judged(session: &Session, changes: &[Change], made: &[Vec<Row>]) -> Result<Vec<Ended>, LedgerError> {
    let mut outcomes = Vec::with_capacity(changes.len());
    for (change, rows) in changes.iter().zip(made) {
        outcomes.push(match change.judge(session, rows).await {
            Err(error @ (LedgerError::Storage(_) | LedgerError::Away(_))) => return Err(error),
            outcome => outcome,
        });
    }
    Ok(outcomes)
}

/// The number of the last change that was made, where any was.
fn last_revision(changes: &[Change], made: &[Vec<Row>], before: u64) -> Option<u64> {
    let (mut next, mut last) = (before, None);
    for (change, rows) in changes.iter().zip(made).filter(|(change, _)| change.moves_the_revision()) {
        next += u64::from(change.moves_the_revision());
        last = if rows.is_empty() { last } else { Some(next) };
    }
    last
}

fn unmade(session: &Session, error: &tokio_postgres::Error) -> Unmade {
    // Data exceptions, constraints, program limits: what they are about came with one of the changes. A value that
    // cannot even be sent is the client's own complaint.
    let unfit = error.code().map_or(!session.is_closed() && error.as_db_error().is_none(), is_about_a_value);
    if unfit { Unmade::Unfit(trouble::storage(error)) } else { Unmade::Failed(failed(session, error)) }
}

fn is_about_a_value(code: &SqlState) -> bool {
    ["22", "23", "54"].iter().any(|class| code.code().starts_with(class))
}

/// How many callers may wait in the queue before others wait to enter it.
const QUEUE: usize = 4096;
/// How many changes share one transaction at most.
const BATCH: usize = 512;
/// After the server has gone in the middle of a commit, so long is it asked what came of it.
pub(crate) const ASKED_FOR: Duration = Duration::from_secs(20);

const BEGIN_CHANGING: &str =
    "SELECT revision, pg_current_xact_id()::text AS transaction FROM revision FOR UPDATE";
const BEGIN_APPENDING: &str = "SELECT 0::bigint AS revision, pg_current_xact_id()::text AS transaction";
const SET_REVISION: &str = "
UPDATE revision SET revision = $1 RETURNING pg_notify('countersign', '')";
