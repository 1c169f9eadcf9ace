//! Answers and their shapes.

use bytes::Bytes;
use fault::{Blame, Fault};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use ledger::LedgerError;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::acme::{Problem, Trouble};

use crate::pace::Wait;

/// An answer before it is sent.
pub(super) type Reply = Response<Bytes>;

/// 200 and an object.
pub(super) fn object(object: &impl Serialize) -> Result<Reply, Problem> {
    let body = serde_json::to_vec(object)
        .map_err(|error| internal(&Fault::ours("an answer cannot be written").because(error)))?;
    Ok(typed("application/json", body))
}

/// 200 and a body of this type.
pub(super) fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// This status and no body.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

/// A "no".
pub(super) fn problem(problem: &Problem) -> Reply {
    let mut reply = typed("application/problem+json", problem.shown().to_string());
    *reply.status_mut() = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match (problem.retry_after(), problem.trouble()) {
        (Some(seconds), _) => retry_after(&mut reply, seconds),
        (None, Trouble::RateLimited) => retry_after(&mut reply, BUSY_SECONDS),
        (None, Trouble::ServerInternal) => retry_after(&mut reply, BROKEN_SECONDS),
        (None, _) => {}
    }
    reply
}

/// 201 and where the new thing is.
pub(super) fn created(reply: &mut Reply, location: &str) {
    *reply.status_mut() = StatusCode::CREATED;
    set(reply.headers_mut(), LOCATION, location);
}

/// Where the thing is.
pub(super) fn located(reply: &mut Reply, location: &str) {
    set(reply.headers_mut(), LOCATION, location);
}

/// When to ask again.
pub(super) fn retry_after(reply: &mut Reply, seconds: u32) {
    reply.headers_mut().insert(RETRY_AFTER, seconds.into());
}

/// A link to something else.
pub(super) fn linked(reply: &mut Reply, url: &str, relation: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("<{url}>;rel=\"{relation}\"")) {
        reply.headers_mut().append(LINK, value);
    }
}

/// What stands in every answer: the next nonce, where the directory is, and that nothing is kept.
pub(super) fn closed(mut reply: Reply, nonce: Option<&str>, directory: &str) -> Reply {
    if let Some(nonce) = nonce {
        set(reply.headers_mut(), HeaderName::from_static("replay-nonce"), nonce);
    }
    linked(&mut reply, directory, "index");
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Addresses are made of a checked host and our own paths; nonces are base64url.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// A moment as RFC 3339 writes it.
pub(super) fn moment(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default()
}

/// What failed here, and is none of the client's business beyond that. What is not our own mistake passes: a ledger that is away
/// comes back.
pub(super) fn internal(fault: &Fault) -> Problem {
    let said = fault.to_string().replace('\n', ";");
    match fault.blame() {
        Blame::Ours => {
            tracing::error!(fault = %said, "an ACME request failed");
            Problem::new(Trouble::ServerInternal, "the authority could not do this; its log says why")
        }
        Blame::Yours | Blame::Theirs => {
            tracing::warn!(fault = %said, "an ACME request failed");
            let said = "the authority cannot do this now, and its log says why: try again later";
            Problem::new(Trouble::ServerInternal, said).with_status(503)
        }
    }
}

/// What the ledger would not do.
pub(super) fn unrecorded(error: LedgerError) -> Problem {
    match error {
        LedgerError::Changed { .. } => changed(),
        error => internal(&error.into()),
    }
}

/// Too much was asked for; in so long there may be more.
pub(super) fn limited(said: &str, wait: Wait) -> Problem {
    let seconds = wait.seconds();
    Problem::new(Trouble::RateLimited, format!("{said}: ask again in {seconds} s")).retried_after(seconds)
}

/// Two requests wanted to change the same thing, and the other was first.
pub(super) fn changed() -> Problem {
    Problem::new(Trouble::ServerInternal, "another request is changing the same thing: try again")
        .with_status(503)
}

const BUSY_SECONDS: u32 = 10;
const BROKEN_SECONDS: u32 = 5;
