//! What cannot be changed while the node runs.

use std::net::{SocketAddr, ToSocketAddrs};

use config::{Backend, DatabasePlan, ListenerPlan, Plan};
use fault::{Fault, Faults};

use crate::prepare::Prepared;
use crate::serving::{Bound, Serving};

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
    if old.replication != new.replication {
        faults.push(restart("replication", "the ledger's server was judged when the ledger was opened"));
    }
    if old.logging.format != new.logging.format {
        faults.push(restart("logging.format", "a log has one format from its first line to its last"));
    }
    for database in new.databases.iter().filter(|database| forgets(&old.databases, database)) {
        let what = format!("databases {:?}", database.name);
        faults.push(restart(&what, "a database in memory that is opened otherwise is an empty one"));
    }
    faults.extend(taken(&serving.listeners, new));
    faults.or(())
}

/// A database in memory that would be opened anew.
fn forgets(old: &[DatabasePlan], new: &DatabasePlan) -> bool {
    let was = old.iter().find(|database| database.name == new.name);
    was.is_some_and(|was| {
        was != new && was.backend == Backend::MemoryShared && new.backend == Backend::MemoryShared
    })
}

/// A listener at an address that this node itself holds until the change is made.
fn taken(held: &[Bound], new: &Plan) -> Vec<Fault> {
    let taken = |listener: &ListenerPlan| {
        if held.iter().any(|bound| bound.is(listener)) {
            return None;
        }
        let wanted: Vec<SocketAddr> = listener.bind_address().to_socket_addrs().ok()?.collect();
        let overlaps =
            |bound: &&Bound| wanted.iter().any(|wanted| overlap(*wanted, bound.listener.address()));
        let holder = held.iter().find(overlaps)?;
        let (name, address) = (&listener.name, &listener.address);
        let why = format!("{address} is held by this node's own listener {:?}", holder.listener.name());
        Some(restart(&format!("listeners {name:?}"), &why))
    };
    new.listeners.iter().filter_map(taken).collect()
}

/// Whether no two sockets may have these addresses: every address of a family, or of both, includes each of it.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let includes =
        |all: SocketAddr, one: SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    let meet = one.ip() == other.ip() || includes(one, other) || includes(other, one);
    one.port() != 0 && one.port() == other.port() && meet
}

fn restart(what: &str, why: &str) -> Fault {
    Fault::yours(format!("{what} needs a restart"))
        .because(why)
        .remedy("restart the node, or take this change back and reload the others")
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn an_address_overlaps_with_itself_and_with_every_address_of_its_port() {
        let overlap = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|address| address.parse().unwrap());
            assert_eq!(overlap(one, other), overlap(other, one));
            overlap(one, other)
        };
        for (one, other) in [
            ("127.0.0.1:7", "127.0.0.1:7"),
            ("0.0.0.0:7", "127.0.0.1:7"),
            ("[::]:7", "[::1]:7"),
            ("[::]:7", "127.0.0.1:7"),
            ("[::]:7", "0.0.0.0:7"),
        ] {
            assert!(overlap(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("0.0.0.0:7", "127.0.0.1:8"),
            ("127.0.0.1:7", "127.0.0.2:7"),
            ("0.0.0.0:7", "[::1]:7"),
            ("0.0.0.0:0", "0.0.0.0:0"),
        ] {
            assert!(!overlap(one, other), "{one} {other}");
        }
    }
}
