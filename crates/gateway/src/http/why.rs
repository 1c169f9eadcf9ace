//! Why something was refused: all of it for administrators, code and remedy for whoever has the id.

use hyper::StatusCode;
use serde_json::json;

use crate::http::reply::{self, Reply};
use crate::refusals::{self, Named, Wanted};
use crate::session::Session;
use crate::snapshot::Snapshot;

/// `GET /_refusals/{id}`: what the peer itself was told, or could have been. Whoever has an id learns no more than that,
/// so nobody is asked who they are; how often is bounded for each address.
pub(crate) fn public(session: &Session, id: &str) -> Reply {
    let gateway = &session.gateway;
    if !gateway.may_ask_why(session.address.ip()) {
        return reply::fault(StatusCode::TOO_MANY_REQUESTS, "too many questions; ask again in a second");
    }
    match id.parse().ok().and_then(|named| gateway.refused.find(named)) {
        Some(refused) => reply::ok(refused.public().to_string()),
        None => unknown(),
    }
}

/// `GET /_admin/refusals/{id}`: everything, from memory or else from the audit record.
pub(crate) async fn explained(session: &Session, snapshot: &Snapshot, id: &str) -> Reply {
    let gateway = &session.gateway;
    let Ok(named) = id.parse::<Named>() else { return unknown() };
    if let Some(refused) = gateway.refused.find(named) {
        return reply::ok(refusals::explain(&refused, snapshot, gateway.now()).to_string());
    }
    match gateway.administration.recorded(named).await {
        Some(recorded) => reply::ok(recorded.to_string()),
        None => unknown(),
    }
}

/// `GET /_admin/refusals`: a list of what was refused lately, newest first.
pub(crate) fn listed(session: &Session, query: Option<&str>) -> Reply {
    let wanted = match Wanted::read(query.unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(why) => return reply::fault(StatusCode::BAD_REQUEST, &why),
    };
    let (found, more) = session.gateway.refused.search(&wanted);
    let found: Vec<_> = found.iter().map(|refused| refused.summary()).collect();
    reply::ok(json!({ "refusals": found, "truncated": more }).to_string())
}

fn unknown() -> Reply {
    reply::fault(StatusCode::NOT_FOUND, "no refusal of this id is known")
}
