//! The control plane, `/_admin/…`: for administrators alone, who were admitted before anything here runs.

use std::sync::atomic::{AtomicBool, Ordering};

use access::Peer;
use hyper::{Method, StatusCode};
use identity::{Pin, Serial};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::administration::{AllowWeaker, NoNodes, NotListed, Reload};
use crate::http::reply::{self, Reply};
use crate::http::route::Admin;
use crate::http::{revoke, why};
use crate::session::Session;
use crate::sessions::{Selected, SessionId};
use crate::shown::SessionShown;
use crate::snapshot::Snapshot;

/// An administrator's request, past admission.
pub(crate) struct Asked<'a> {
    pub(crate) session: &'a Session,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) peer: &'a Peer,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// Set when something begins that goes on without the session.
    pub(crate) acts: &'a AtomicBool,
}

impl Asked<'_> {
    /// What follows is done whatever becomes of the session, and may be what ends it: the answer is not taken back.
    pub(super) fn act(&self) {
        self.acts.store(true, Ordering::Relaxed);
    }
}

impl Admin<'_> {
    /// The one method that a path takes.
    pub(crate) fn method(&self) -> Option<Method> {
        match self {
            Self::Kill | Self::Reload | Self::Revoke => Some(Method::POST),
            Self::Status
            | Self::Nodes
            | Self::Sessions
            | Self::Connections
            | Self::Refusals
            | Self::Why(_)
            | Self::Audit => Some(Method::GET),
            Self::Unknown => None,
        }
    }
}

/// Answers an administrator.
pub(crate) async fn answer(route: Admin<'_>, asked: &Asked<'_>) -> Reply {
    let gateway = &asked.session.gateway;
    match route {
        Admin::Status => reply::ok(gateway.administration.status().to_string()),
        Admin::Nodes => match gateway.administration.nodes().await {
            Ok(nodes) => reply::ok(nodes.to_string()),
            Err(NoNodes::NoLedger) => reply::fault(
                StatusCode::CONFLICT,
                "this node has no ledger, and shares none; add one: ledger: { url: … }",
            ),
            Err(NoNodes::Failed(why)) => reply::fault(StatusCode::SERVICE_UNAVAILABLE, &why),
        },
        Admin::Sessions => reply::ok(json!({ "sessions": gateway.sessions() }).to_string()),
        Admin::Connections => {
            let sessions = gateway.sessions();
            let connections: Vec<Connection<'_>> = sessions.iter().map(Connection::from).collect();
            reply::ok(json!({ "connections": connections }).to_string())
        }
        Admin::Kill => match serde_json::from_slice::<Kill>(asked.body).map_err(|error| error.to_string()) {
            Ok(kill) => killed(asked, kill),
            Err(why) => bad(&why),
        },
        Admin::Reload => match Reloading::read(asked.body) {
            Ok(reloading) => reloaded(asked, reloading).await,
            Err(why) => bad(&why),
        },
        Admin::Revoke => revoke::revoked(asked).await,
        Admin::Refusals => why::listed(asked.session, asked.query),
        Admin::Why(id) => why::explained(asked.session, asked.snapshot, id).await,
        Admin::Audit => match gateway.administration.audit(asked.query.unwrap_or_default()).await {
            Ok(page) => reply::ok(page.to_string()),
            Err(NotListed::Unclear(why)) => bad(&why),
            Err(NotListed::NoLedger(why)) => reply::fault(StatusCode::CONFLICT, &why),
            Err(NotListed::Failed(why)) => reply::fault(StatusCode::INTERNAL_SERVER_ERROR, &why),
        },
        Admin::Unknown => reply::fault(StatusCode::NOT_FOUND, "unknown endpoint"),
    }
}

/// A connection by its certificate, for those who look for one.
#[derive(Serialize)]
struct Connection<'a> {
    session: &'a str,
    serial: Option<&'a str>,
    issuer: Option<&'a str>,
    principal: Option<&'a str>,
    listener: &'a str,
    peer: &'a str,
    age_seconds: i64,
}

impl<'a> From<&'a SessionShown> for Connection<'a> {
    fn from(session: &'a SessionShown) -> Self {
        let SessionShown { id, principal, certificate, listener, peer, age_seconds, .. } = session;
        Self {
            session: id,
            serial: certificate.as_ref().map(|held| held.serial.as_str()),
            issuer: certificate.as_ref().map(|held| held.issuer.as_str()),
            principal: principal.as_deref(),
            listener,
            peer,
            age_seconds: *age_seconds,
        }
    }
}

/// Which sessions to end: by exactly one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    id: Option<String>,
    serial: Option<String>,
    principal: Option<String>,
    spki_sha256: Option<String>,
}

impl Kill {
    /// Which sessions are meant, and how to say it.
    fn selected(self) -> Result<(Selected, String), String> {
        let Self { id, serial, principal, spki_sha256 } = self;
        match (id, serial, principal, spki_sha256) {
            (Some(id), None, None, None) => {
                let parsed: SessionId = id.parse().map_err(|_| format!("{id:?} is no session's id"))?;
                Ok((Selected::Id(parsed), format!("the session {parsed}")))
            }
            (None, Some(serial), None, None) => {
                let serial = Serial::parse(&serial).map_err(|error| error.to_string())?;
                Ok((Selected::Serial(serial.clone()), format!("sessions with serial {serial}")))
            }
            (None, None, Some(name), None) => {
                Ok((Selected::Principal(name.clone()), format!("sessions of principal {name:?}")))
            }
            (None, None, None, Some(pin)) => {
                let pin = Pin::parse(&pin).map_err(|error| error.to_string())?;
                Ok((Selected::Spki(pin), format!("sessions with the public key {pin}")))
            }
            _ => Err("name sessions by exactly one of id, serial, principal and spki_sha256".to_owned()),
        }
    }
}

fn killed(asked: &Asked<'_>, kill: Kill) -> Reply {
    let (selected, said) = match kill.selected() {
        Ok(selected) => selected,
        Err(why) => return bad(&why),
    };
    let by = asked.peer.principal().unwrap_or_default();
    let ended = asked.session.gateway.kill(&selected, &format!("killed by principal {by:?}"));
    asked.session.record_act(asked.peer, asked.path, &format!("ended {}: {}", said, ended.len()));
    if ended.is_empty() {
        return reply::fault(StatusCode::NOT_FOUND, &format!("there are no {said}"));
    }
    reply::ok(json!({ "status": "killed", "sessions": ended }).to_string())
}

/// A reload as it is asked for; without a body, one that may weaken nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reloading {
    #[serde(default)]
    allow_weaker: Weaker,
}

/// The names of what may be weaker, or `true` for anything.
#[derive(Deserialize)]
#[serde(untagged, expecting = "allow_weaker is true, false, or a list of names")]
enum Weaker {
    Named(Vec<String>),
    Anything(bool),
}

impl Default for Weaker {
    fn default() -> Self {
        Self::Anything(false)
    }
}

impl Reloading {
    fn read(body: &[u8]) -> Result<Self, String> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
}

async fn reloaded(asked: &Asked<'_>, reloading: Reloading) -> Reply {
    let allow = match reloading.allow_weaker {
        Weaker::Anything(true) => AllowWeaker::Everything,
        Weaker::Anything(false) => AllowWeaker::Nothing,
        Weaker::Named(named) if named.is_empty() => AllowWeaker::Nothing,
        Weaker::Named(named) => AllowWeaker::Named(named),
    };
    let by = asked.peer.principal().unwrap_or_default().to_owned();
    asked.act();
    match asked.session.gateway.administration.reload(Reload { by, allow }).await {
        Ok(report) => reply::ok(report.to_string()),
        Err(report) => reply::conflict(&enclosed(&report)),
    }
}

/// An error in the one shape that errors have, with what else is known beside its message.
fn enclosed(report: &Value) -> Value {
    json!({ "error": report })
}

pub(super) fn bad(why: &str) -> Reply {
    reply::fault(StatusCode::BAD_REQUEST, why)
}
