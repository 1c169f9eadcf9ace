//! What came of a commit whose answer never arrived.

use std::time::{Duration, Instant};

use ledger::LedgerError;

use crate::link::{Link, failed};
use crate::row;
use crate::session::{Session, Value};
use crate::writer::ASKED_FOR;

/// Asks the server, as soon as it is there again, what became of a transaction: a verb that took effect shall not answer
/// that it did not, nor the other way round.
///
/// # Errors
/// It was not committed; or nobody could say in time, and then that is the answer.
pub(crate) async fn resolve(link: &Link, transaction: &str, why: String) -> Result<(), LedgerError> {
    let began = Instant::now();
    loop {
        match asked(link, transaction).await {
            Ok(Fate::Committed) => return Ok(()),
            Ok(Fate::Aborted) => return Err(LedgerError::Away(why)),
            // A server that has gone may still be committing, or recovering.
            Ok(Fate::InProgress) | Err(LedgerError::Away(_)) if began.elapsed() < ASKED_FOR => {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(Fate::InProgress | Fate::Unknown) | Err(_) => return Err(LedgerError::InDoubt(why)),
        }
    }
}

enum Fate {
    Committed,
    Aborted,
    InProgress,
    /// The server has never heard of it: it is another one, or an older state of it.
    Unknown,
}

async fn asked(link: &Link, transaction: &str) -> Result<Fate, LedgerError> {
    let session = link.session().await?;
    session.in_time(fate(&session, transaction)).await
}

async fn fate(session: &Session, transaction: &str) -> Result<Fate, LedgerError> {
    let values: [Value; 1] = [Box::new(transaction.to_owned())];
    let rows = match session.query(STATUS, &values).await {
        Ok(rows) => rows,
        Err(error) if error.as_db_error().is_some() => return Ok(Fate::Unknown),
        Err(error) => return Err(failed(session, &error)),
    };
    let status: Option<String> = rows.first().map(|row| row::column(row, "status")).transpose()?.flatten();
    Ok(match status.as_deref() {
        Some("committed") => Fate::Committed,
        Some("aborted") => Fate::Aborted,
        Some("in progress") => Fate::InProgress,
        _ => Fate::Unknown,
    })
}

const STATUS: &str = "SELECT pg_xact_status($1::text::xid8) AS status";
const PAUSE: Duration = Duration::from_millis(200);
