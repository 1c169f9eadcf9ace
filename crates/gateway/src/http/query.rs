//! SQL: `POST /<database>/query`.

use std::sync::Arc;

use access::{Level, Permit};
use database::{Database, Reach, RunError};
use fault::{Code, Refusal};
use hyper::StatusCode;
use identity::Verified;
use serde_json::{Value, json};
use wire::sql::Request;

use crate::http::reply::{self, Reply};
use crate::refused::RefusalId;
use crate::room::SMALL;
use crate::snapshot::Snapshot;
use crate::upstream::{NotAsked, Said, Upstream};

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

/// Runs a request on a PostgreSQL, in the role that the permit gives.
pub(crate) async fn upstream(
    snapshot: &Snapshot,
    permit: &Permit,
    verified: Option<&Verified>,
    upstream: &Arc<Upstream>,
    body: &[u8],
) -> Result<Reply, Unanswered> {
    let role = upstream.spec.roles.choose(permit, verified, "").map_err(Unanswered::Refusal)?;
    let request = Request::parse(body).map_err(|bad| fault(StatusCode::BAD_REQUEST, &bad.to_string()))?;
    match upstream.ask(permit.principal(), &role, &request, &snapshot.statement_limits).await {
        Ok(answer) => Ok(reply::ok(answer)),
        Err(why) => not_asked(why),
    }
}

fn not_asked(why: NotAsked) -> Result<Reply, Unanswered> {
    match why {
        NotAsked::Bad(what) => Err(fault(StatusCode::BAD_REQUEST, &what)),
        // A fault in the SQL is an answer of the database, not of the door.
        NotAsked::Sql(said, index) => Ok(reply::ok(sql_error(&said, index))),
        NotAsked::ReadOnly => not_run(RunError::ReadOnly),
        NotAsked::NotPermitted(what) => not_run(RunError::NotPermitted(what)),
        NotAsked::TimedOut => not_run(RunError::TimedOut),
        NotAsked::Unreached(unreached) => Err(Unanswered::Refusal(unreached.into())),
    }
}

/// What PostgreSQL says of a statement, with as much of it as it says.
fn sql_error(said: &Said, failed_index: Option<usize>) -> String {
    let mut error = json!({ "message": said.message, "sqlstate": said.sqlstate });
    let more = [
        ("detail", said.detail.as_deref().map(Value::from)),
        ("hint", said.hint.as_deref().map(Value::from)),
        ("position", said.position.map(Value::from)),
    ];
    for (name, value) in more {
        if let (Some(error), Some(value)) = (error.as_object_mut(), value) {
            error.insert(name.to_owned(), value);
        }
    }
    let envelope = match failed_index {
        None => json!({ "error": error }),
        Some(index) => json!({ "error": error, "failed_index": index }),
    };
    format!("{envelope}\n")
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
