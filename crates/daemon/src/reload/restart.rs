//! What cannot be changed while the node runs.

use config::{Backend, DatabasePlan, Plan};
use fault::{Fault, Faults};

use crate::prepare::Prepared;
use crate::serving::Serving;

/// Everything that only a restart can apply.
///
/// # Errors
/// Each of it by name; nothing of the reload is applied then.
pub(super) fn needed(serving: &Serving, new: &Prepared) -> Result<(), Faults> {
    let (old, new) = (&serving.prepared.plan, &new.plan);
    let mut faults = Faults::new();
    if old.ledger != new.ledger {
        faults.push(restart("ledger", "the ledger is kept open, and what it holds does not move"));
    }
    if old.logging.format != new.logging.format {
        faults.push(restart("logging.format", "a log has one format from its first line to its last"));
    }
    for database in new.databases.iter().filter(|database| forgets(&old.databases, database)) {
        let what = format!("databases {:?}", database.name);
        faults.push(restart(&what, "a database in memory that is opened otherwise is an empty one"));
    }
    faults.extend(taken(old, new));
    faults.or(())
}

/// A database in memory that would be opened anew.
fn forgets(old: &[DatabasePlan], new: &DatabasePlan) -> bool {
    let was = old.iter().find(|database| database.name == new.name);
    was.is_some_and(|was| {
        was != new && was.backend == Backend::MemoryShared && new.backend == Backend::MemoryShared
    })
}

/// A listener at an address that another one has until the change is made.
fn taken(old: &Plan, new: &Plan) -> Vec<Fault> {
    let holder = |listener: &&config::ListenerPlan| {
        old.listeners.iter().find(|held| {
            held.name != listener.name
                && held.bind_address() == listener.bind_address()
                && !listener.address.ends_with(":0")
        })
    };
    let taken = |listener: &config::ListenerPlan| {
        let held = holder(&listener)?;
        let (name, address) = (&listener.name, &listener.address);
        let why = format!("{address} is held by the listener {:?}", held.name);
        Some(restart(&format!("listeners {name:?}"), &why))
    };
    new.listeners.iter().filter_map(taken).collect()
}

fn restart(what: &str, why: &str) -> Fault {
    Fault::yours(format!("{what} needs a restart"))
        .because(why)
        .remedy("restart the node, or take this change back and reload the others")
}
