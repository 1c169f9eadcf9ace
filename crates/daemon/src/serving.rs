//! What a node serves by now, and what another configuration would add to it.

use std::sync::Arc;

use config::{DatabasePlan, ListenerPlan, Plan};
use database::Database;
use fault::{Fault, Faults};
use gateway::{Listener, Metrics, Served};

use crate::announce;
use crate::prepare::{Credentials, Prepared};

/// What a node serves by now. A reload makes another one, which shares what has not changed.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) prepared: Arc<Prepared>,
    /// The TLS profiles' own credentials.
    pub(crate) credentials: Credentials,
    /// In the order of the Plan.
    pub(crate) listeners: Vec<Bound>,
    pub(crate) databases: Vec<Opened>,
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
    pub(crate) database: Arc<Database>,
    pub(crate) served: Served,
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

/// The databases of a Plan: those that are open already, and the others opened now.
///
/// # Errors
/// Every database that cannot be opened.
pub(crate) fn open(plan: &Plan, held: &[Opened], metrics: &Metrics) -> Result<Vec<Opened>, Faults> {
    let mut faults = Faults::new();
    let opened = plan
        .databases
        .iter()
        .filter_map(|database| match held.iter().find(|opened| opened.plan == *database) {
            Some(opened) => Some(opened.clone()),
            None => faults.note(open_one(database, metrics)),
        })
        .collect();
    faults.or(opened)
}

fn open_one(plan: &DatabasePlan, metrics: &Metrics) -> Result<Opened, Fault> {
    if plan.backend == config::Backend::Postgres {
        return Err(Fault::ours(format!("database {:?}: a PostgreSQL is not served yet", plan.name)));
    }
    let database = Arc::new(Database::open(announce::settings(plan))?);
    let served = Served::new(&plan.name, Arc::clone(&database), metrics);
    Ok(Opened { plan: plan.clone(), database, served })
}

impl Serving {
    /// What `self` has and `other` has not.
    pub(crate) fn beyond<'a>(&'a self, other: &'a Self) -> Beyond<'a> {
        let bound =
            |one: &Bound| other.listeners.iter().any(|held| Arc::ptr_eq(&held.listener, &one.listener));
        let opened =
            |one: &Opened| other.databases.iter().any(|held| Arc::ptr_eq(&held.database, &one.database));
        Beyond {
            listeners: self.listeners.iter().filter(|one| !bound(one)).map(|one| &one.listener).collect(),
            databases: self.databases.iter().filter(|one| !opened(one)).map(|one| &one.database).collect(),
        }
    }
}

/// Listeners and databases that one has and another has not.
pub(crate) struct Beyond<'a> {
    pub(crate) listeners: Vec<&'a Arc<Listener>>,
    pub(crate) databases: Vec<&'a Arc<Database>>,
}
