//! What one node at a time may do.

use std::time::Duration;

use identity::Fingerprint;
use ledger::{Holding, LedgerError, Lock};

use crate::link::{away, failed};
use crate::session::{Session, Value};
use crate::spec::PostgresSpec;

/// Takes the lock on a connection of its own, to which the server ties it: when the connection ends, so does the lock,
/// whatever has become of us. It is asked from time to time whether it is still there.
pub(crate) async fn take(spec: &PostgresSpec, what: &str) -> Result<Option<Lock>, LedgerError> {
    let session = Session::open(spec, None).await.map_err(|fault| away(&fault))?;
    let values: [Value; 1] = [Box::new(number(what))];
    let asked = session.in_time(async {
        let rows = session.query("SELECT pg_try_advisory_lock($1) AS taken", &values).await;
        rows.map_err(|error| failed(&session, &error))
    });
    let rows = asked.await?;
    let taken: bool = rows.first().map(|row| crate::row::column(row, "taken")).transpose()?.unwrap_or(false);
    if !taken {
        return Ok(None);
    }
    let (lock, holding) = Lock::held();
    tokio::spawn(hold(session, holding));
    Ok(Some(lock))
}

/// Keeps the connection until the holder is done or the connection is not.
async fn hold(session: Session, mut holding: Holding) {
    loop {
        tokio::select! {
            () = holding.released() => return,
            () = tokio::time::sleep(ASKED) => {}
        }
        let alive = tokio::time::timeout(ANSWER, session.run("SELECT"));
        if !matches!(alive.await, Ok(Ok(()))) {
            session.cut();
            holding.lose();
            return;
        }
    }
}

/// The lock's number among all advisory locks of the database.
fn number(what: &str) -> i64 {
    let digest = Fingerprint::of_der(format!("countersign lock {what}").as_bytes());
    digest.bytes().iter().take(8).fold(0_i64, |number, byte| (number << 8) | i64::from(*byte))
}

/// How often the connection is tried.
const ASKED: Duration = Duration::from_secs(1);
/// How long it may take to answer. A lock that is not confirmed in that time counts as lost, before the server, which
/// asks by keep-alive for 15 s, gives it to another.
const ANSWER: Duration = Duration::from_secs(5);
