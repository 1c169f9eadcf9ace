//! A permit and a snapshot that cross on their way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use access::{Accepted, Directory, EVERYONE, GrantSpec, Grants, Level};
use prometheus_client::registry::Registry;
use serde_json::Value;
use transport::SystemClock;

use super::{Arrival, Session};
use crate::administration::{
    Administration, NoNodes, NotListed, NotRevoked, Pending, Reload, Reloaded, Revoke,
};
use crate::gateway::{Gateway, Sinks};
use crate::journal::{AccessLine, AuditEvent, Journal};
use crate::listener::{Listener, Spoken};
use crate::live::Live;
use crate::metrics::Metrics;
use crate::pace::Pace;
use crate::refusals::Named;
use crate::registrar::Scope;
use crate::slots::SlotLimits;
use crate::snapshot::{Entrance, HttpLimits, Snapshot};

struct Nobody;

impl Journal for Nobody {
    fn access(&self, _: &AccessLine<'_>) {}

    fn audit(&self, _: &AuditEvent<'_>) {}
}

impl Administration for Nobody {
    fn status(&self) -> Value {
        Value::Null
    }

    fn recorded(&self, _: Named) -> Pending<'_, Option<Value>> {
        Box::pin(async { None })
    }

    fn audit<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Value, NotListed>> {
        Box::pin(async { Err(NotListed::NoLedger("none".to_owned())) })
    }

    fn reload(&self, _: Reload) -> Pending<'_, Reloaded> {
        Box::pin(async { Err(Value::Null) })
    }

    fn nodes(&self) -> Pending<'_, Result<Value, NoNodes>> {
        Box::pin(async { Err(NoNodes::NoLedger) })
    }

    fn revoke(&self, _: Revoke) -> Pending<'_, Result<Value, NotRevoked>> {
        Box::pin(async { Err(NotRevoked::NoLedger(String::new())) })
    }
}

fn snapshot(level: Level) -> Snapshot {
    let directory = Directory::new(Vec::new()).unwrap();
    let grants = Grants::new(vec![GrantSpec::new("app", EVERYONE, level)], &directory).unwrap();
    let entrance = Entrance {
        door: None,
        spoken: Spoken::Http,
        plaintext_cancel: false,
        accepted: vec![Accepted::None],
        scope: Scope::EVERYTHING,
        callers: Arc::default(),
    };
    Snapshot {
        generation: 1,
        entrances: HashMap::from([("main".into(), entrance)]),
        directory: Arc::new(directory),
        grants: Arc::new(grants),
        control_plane: false,
        databases: HashMap::new(),
        database_hosts: Arc::default(),
        statement_limits: database::Limits::default(),
        http_limits: HttpLimits {
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            body_bytes: 1,
            head_bytes: 1,
            streams: 1,
            per_principal_rps: 0,
        },
        slot_limits: SlotLimits { connections: 1, connections_per_address: 1, handshakes_per_address: 1 },
    }
}

/// An anonymous session in clear text.
pub(crate) async fn open() -> (Arc<Gateway>, Live) {
    let sinks = Sinks {
        journal: Arc::new(Nobody),
        metrics: Metrics::register(&mut Registry::default()),
        exposition: Arc::new(String::new),
        administration: Arc::new(Nobody),
        registrar: None,
        clock: Arc::new(SystemClock),
    };
    let gateway = Arc::new(Gateway::new(snapshot(Level::ReadWrite), sinks));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Arc::new(Listener::new("main", socket).unwrap());
    let arrival = Arrival {
        generation: 1,
        spoken: Spoken::Http,
        address: listener.address(),
        server_name: None,
        verified: None,
        vouchers: None,
        hello: None,
        late: None,
        retiring: false,
    };
    let live = Session::open(Arc::clone(&gateway), listener, arrival, Arc::new(Pace::new(true)));
    (gateway, live)
}

#[tokio::test]
async fn a_permit_is_seen_by_those_who_judge_or_is_found_to_be_stale() {
    // The permit is noted first: the judgement by the next snapshot finds it.
    let (gateway, live) = open().await;
    let session = live.session();
    let before = gateway.snapshot();
    assert!(session.uses(Some("app"), Level::ReadWrite, &before).is_ok());
    gateway.publish(snapshot(Level::ReadOnly));
    session.judge(&gateway.snapshot()).await;
    assert!(session.end.ended().unwrap().cause.contains("was read-write and is read-only"));

    // The judgement comes first and finds nothing: the permit is refused afterwards, and asked for again.
    let (gateway, live) = open().await;
    let session = live.session();
    let before = gateway.snapshot();
    gateway.publish(snapshot(Level::ReadOnly));
    session.judge(&gateway.snapshot()).await;
    assert!(session.end.ended().is_none());
    assert!(session.uses(Some("app"), Level::ReadWrite, &before).is_err());
    assert!(session.uses(Some("app"), Level::ReadOnly, &gateway.snapshot()).is_ok());
    gateway.publish(snapshot(Level::ReadOnly));
    session.judge(&gateway.snapshot()).await;
    assert!(session.end.ended().is_none(), "what was refused was not used");
}

#[tokio::test]
async fn a_later_judgement_is_not_replaced_by_an_earlier_one() {
    let (gateway, live) = open().await;
    let before = gateway.snapshot();
    gateway.publish(snapshot(Level::ReadOnly));
    live.session().judge(&gateway.snapshot()).await;
    assert_eq!(live.session().judge(&before).await.generation, 2);
    assert_eq!(live.session().judged().generation, 2);
}

#[tokio::test]
async fn an_idle_session_costs_little_beside_its_connection() {
    let (_gateway, live) = open().await;
    assert!(size_of_val(&**live.session()) <= 320, "{}", size_of_val(&**live.session()));
}
