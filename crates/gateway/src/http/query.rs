//! SQL: `POST /<database>/query`.

use access::{Level, Permit};
use database::{Database, Reach, RunError};
use fault::{Code, Refusal};
use hyper::StatusCode;
use wire::sql::Request;

use crate::http::reply::{self, Reply};
use crate::refused::RefusalId;
use crate::room::SMALL;
use crate::snapshot::Snapshot;

/// Why a query was not answered with rows.
pub(crate) enum Unanswered {
    /// The request is at fault; this is the answer.
    Reply(Box<Reply>),
    /// The permit does not reach that far.
    Refusal(Refusal),
    /// As before, and it is on record already.
    Late(Refusal, RefusalId),
    /// The snapshot was replaced meanwhile: what was decided by it must be decided again.
    Stale,
}

/// Runs a request on a database, as far as the permit reaches.
pub(crate) async fn query(
    snapshot: &Snapshot,
    permit: &Permit,
    database: &Database,
    body: &[u8],
) -> Result<Reply, Unanswered> {
    let reach = match permit.level() {
        Level::None => return Err(refused(Code::NoGrant, "the grant is `none`")),
        Level::ReadOnly => Reach::ReadOnly,
        Level::ReadWrite => Reach::ReadWrite,
        Level::Admin => Reach::Admin,
    };
    let request = Request::parse(body).map_err(|bad| fault(StatusCode::BAD_REQUEST, &bad.to_string()))?;
    match database.run(reach, request, &snapshot.statement_limits).await {
        Ok(mut answer) => {
            // It grew by doubling, and may wait for the peer for long.
            if answer.len() > SMALL {
                answer.shrink_to_fit();
            }
            Ok(reply::ok(answer))
        }
        Err(error) => not_run(error),
    }
}

fn not_run(error: RunError) -> Result<Reply, Unanswered> {
    match error {
        // A fault in the SQL is an answer of the database, not of the door.
        RunError::Sql(error) => Ok(reply::ok(error.encode())),
        RunError::ReadOnly => Err(refused(Code::ReadOnly, "the statement writes and the grant reads")),
        RunError::NotPermitted(what) => Err(Unanswered::Refusal(
            Refusal::new(Code::StatementNotPermitted, what).saying(error.to_string()),
        )),
        RunError::TimedOut => Err(fault(StatusCode::GATEWAY_TIMEOUT, &error.to_string())),
        RunError::Busy | RunError::Unavailable => {
            Err(fault(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))
        }
    }
}

fn refused(code: Code, cause: &str) -> Unanswered {
    Unanswered::Refusal(Refusal::new(code, cause))
}

fn fault(status: StatusCode, message: &str) -> Unanswered {
    Unanswered::Reply(Box::new(reply::fault(status, message)))
}
