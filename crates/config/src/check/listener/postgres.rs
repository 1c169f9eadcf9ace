use access::Accepted;
use fault::Fault;

use crate::plan::{Backend, DatabasePlan, ListenerPlan, Serves, Transport};
use crate::reader::{At, Reader, placed};
use crate::section::listener::Listener;

/// Whether requests to cancel are honoured in clear text, which only PostgreSQL's clients send.
pub(super) fn plaintext_cancel(reader: &mut Reader<'_>, called: &str, written: &At<Listener>) -> bool {
    let (transport, honoured) = (written.value.transport.value, &written.value.plaintext_cancel);
    if transport != Transport::Postgres && honoured.place.is_some() {
        let said = format!("config: {called} ({}) has plaintext_cancel", transport.as_str());
        reader.refuse(honoured, said, "leave it out: it is for transport: postgres");
    }
    honoured.value && transport == Transport::Postgres
}

/// What a listener serves is told of by paths, and PostgreSQL has none.
pub(super) fn refuse_serves(reader: &mut Reader<'_>, called: &str, list: &At<Vec<At<Serves>>>) {
    let said = format!("config: {called} (postgres) has serves, which is for requests by HTTP");
    reader.refuse(list, said, "leave it out: it serves the databases with backend: postgres");
}

/// A listener for PostgreSQL that can lead nowhere, and one that lets anybody in.
pub(in crate::check) fn warn_of_none(
    reader: &mut Reader<'_>,
    listeners: &[ListenerPlan],
    databases: &[DatabasePlan],
) {
    let none = !databases.iter().any(|database| database.backend == Backend::Postgres);
    for plan in listeners.iter().filter(|plan| plan.transport == Transport::Postgres) {
        if none {
            let said = format!(
                "listener {:?} speaks PostgreSQL, and no database has backend: postgres: it leads nowhere",
                plan.name
            );
            let fault = Fault::yours(said).remedy("write a database with backend: postgres and its service");
            reader.warnings.push(placed(fault, plan.place.as_ref()));
        }
        if plan.auth.contains(&Accepted::None) {
            let said = format!(
                "listener {:?} lets peers in without a name: what is granted to everyone on a PostgreSQL is granted to them",
                plan.name
            );
            let fault = Fault::yours(said).remedy("write auth: [mtls]");
            reader.warnings.push(placed(fault, plan.place.as_ref()));
        }
    }
}
