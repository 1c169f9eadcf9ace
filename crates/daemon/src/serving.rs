//! What a node serves by now, and what another configuration would add to it.

use std::sync::Arc;

use config::{Backend, DatabasePlan, ListenerPlan, Plan};
use database::Database;
use fault::{Fault, Faults};
use gateway::{Listener, Metrics, Served, Upstream};

use crate::announce;
use crate::prepare::{Credentials, Prepared};
use crate::upstreams::{self, Means, Reached};

/// What a node serves by now. A reload makes another one, which shares what has not changed.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) prepared: Arc<Prepared>,
    /// The TLS profiles' own credentials.
    pub(crate) credentials: Credentials,
    /// In the order of the Plan.
    pub(crate) listeners: Vec<Bound>,
    pub(crate) databases: Vec<Opened>,
    /// The servers behind the door.
    pub(crate) upstreams: Vec<Reached>,
}

/// A listener with the address that was asked for.
#[derive(Clone)]
pub(crate) struct Bound {
    address: String,
    pub(crate) listener: Arc<Listener>,
}

impl Bound {
    /// Whether this is the listener as it is written, so that it stays.
    pub(crate) fn is(&self, plan: &ListenerPlan) -> bool {
        self.listener.name() == plan.name && self.address == plan.bind_address()
    }
}

/// A database as it was opened.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) plan: DatabasePlan,
    behind: Behind,
    pub(crate) served: Served,
}

/// What is behind a database's name.
#[derive(Clone)]
enum Behind {
    Embedded(Arc<Database>),
    Upstream(Arc<Upstream>),
}

impl Opened {
    /// The database, where it is one of our own.
    pub(crate) fn embedded(&self) -> Option<&Arc<Database>> {
        match &self.behind {
            Behind::Embedded(database) => Some(database),
            Behind::Upstream(_) => None,
        }
    }

    /// Whether this is the database as it is written, on the same server where it is on one.
    fn is(&self, plan: &DatabasePlan, upstream: Option<&Arc<Upstream>>) -> bool {
        let same = match (&self.behind, upstream) {
            (Behind::Embedded(_), None) => true,
            (Behind::Upstream(held), Some(wanted)) => Arc::ptr_eq(held, wanted),
            _ => false,
        };
        same && self.plan == *plan
    }
}

/// The listeners of a Plan: those that are bound already, and the others bound now.
///
/// # Errors
/// Every address that cannot be had.
pub(crate) fn bind(plan: &Plan, held: &[Bound]) -> Result<Vec<Bound>, Faults> {
    let mut faults = Faults::new();
    let bound = plan.listeners.iter().filter_map(|listener| faults.note(bind_one(listener, held))).collect();
    faults.or(bound)
}

fn bind_one(plan: &ListenerPlan, held: &[Bound]) -> Result<Bound, Fault> {
    let address = plan.bind_address();
    if let Some(bound) = held.iter().find(|bound| bound.is(plan)) {
        return Ok(bound.clone());
    }
    let socket = transport::listen(&address)?;
    let listener = Listener::new(&plan.name, socket)
        .map_err(|error| Fault::theirs(format!("listener {:?}", plan.name)).because(error))?;
    Ok(Bound { address, listener: Arc::new(listener) })
}

/// Databases as they are opened, with the servers that some of them are on.
pub(crate) type Behinds = (Vec<Opened>, Vec<Reached>);

/// The databases of a Plan and the servers behind the door: those that are open already, and the others opened now.
///
/// # Errors
/// Every database that cannot be opened, and every server that cannot be spoken to with what is written.
pub(crate) fn open(
    prepared: &Prepared,
    held: (&[Opened], &[Reached]),
    means: &Means<'_>,
    metrics: &Metrics,
) -> Result<Behinds, Faults> {
    let mut faults = Faults::new();
    let reached = upstreams::reach(prepared, held.1, means)?;
    let opened = prepared
        .plan
        .databases
        .iter()
        .filter_map(|database| {
            let upstream = upstream(database, &reached);
            match held.0.iter().find(|opened| opened.is(database, upstream)) {
                Some(opened) => Some(opened.clone()),
                None => faults.note(open_one(database, upstream, metrics)),
            }
        })
        .collect();
    faults.or((opened, reached))
}

/// The server that a database is on.
fn upstream<'a>(database: &DatabasePlan, reached: &'a [Reached]) -> Option<&'a Arc<Upstream>> {
    let service = database.service.as_ref()?;
    reached.iter().find(|one| one.name() == service).map(|one| &one.upstream)
}

fn open_one(
    plan: &DatabasePlan,
    upstream: Option<&Arc<Upstream>>,
    metrics: &Metrics,
) -> Result<Opened, Fault> {
    let plan = plan.clone();
    match (plan.backend, upstream) {
        (Backend::Postgres, Some(upstream)) => {
            let served = Served::upstream(&plan.name, Arc::clone(upstream), metrics);
            Ok(Opened { plan, behind: Behind::Upstream(Arc::clone(upstream)), served })
        }
        (Backend::Postgres, None) => Err(Fault::ours(format!("database {:?} has no service", plan.name))),
        (Backend::File | Backend::MemoryShared | Backend::Ledger, _) => {
            let database = Arc::new(Database::open(announce::settings(&plan))?);
            let served = Served::new(&plan.name, Arc::clone(&database), metrics);
            Ok(Opened { plan, behind: Behind::Embedded(database), served })
        }
    }
}

impl Serving {
    /// What `self` has and `other` has not.
    pub(crate) fn beyond<'a>(&'a self, other: &'a Self) -> Beyond<'a> {
        let bound =
            |one: &Bound| other.listeners.iter().any(|held| Arc::ptr_eq(&held.listener, &one.listener));
        let opened = |one: &Arc<Database>| {
            other.databases.iter().filter_map(Opened::embedded).any(|held| Arc::ptr_eq(held, one))
        };
        Beyond {
            listeners: self.listeners.iter().filter(|one| !bound(one)).map(|one| &one.listener).collect(),
            databases: self
                .databases
                .iter()
                .filter_map(Opened::embedded)
                .filter(|one| !opened(one))
                .collect(),
        }
    }
}

/// Listeners and databases that one has and another has not.
pub(crate) struct Beyond<'a> {
    pub(crate) listeners: Vec<&'a Arc<Listener>>,
    pub(crate) databases: Vec<&'a Arc<Database>>,
}
