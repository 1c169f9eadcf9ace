//! A prepared Plan becomes a running node, and ends as one.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::{ListenerPlan, Plan};
use database::Database;
use fault::{Fault, Faults};
use gateway::{Drained, Gateway, Listener, Metrics, Served, Sinks};
use ledger::Ledger;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use transport::{Clock, Memories, SystemClock};

use crate::administration::NodeAdministration;
use crate::announce::announcement;
use crate::journal::NodeJournal;
use crate::metrics::Certificates;
use crate::prepare::{Prepared, prepare};
use crate::publish::Publisher;
use crate::records::{self, Records};
use crate::renew::Keeper;
use crate::status::Announcement;
use crate::{announce, log};

/// Serves a Plan until SIGINT or SIGTERM, then drains: no new connections, requests in flight finish, databases are
/// checkpointed and closed. A second signal cuts the drain short.
///
/// # Errors
/// Every fault that keeps the node from starting. Sockets are bound before anything is written, so that a port
/// that is taken leaves no trace.
pub async fn serve(
    plan: Plan,
    warnings: Vec<Fault>,
    announce: impl FnOnce(&Announcement),
) -> Result<(), Faults> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut prepared = prepare(plan, clock.now())?;
    prepared.warnings.splice(0..0, warnings);
    let signals = Signals::listen()?;
    let sink = log::start(&prepared.plan.logging, Arc::clone(&clock))
        .map_err(|error| Fault::theirs("cannot start the log").because(error))?;
    for warning in &prepared.warnings {
        tracing::warn!("{}", warning.to_string().replace('\n', ";"));
    }
    let served = Node::start(Arc::new(prepared), clock, &sink).await;
    let ended = match served {
        Ok(node) => {
            let shown = node.shown.load_full();
            announce(&shown);
            for held in &shown.certificates {
                tracing::info!(name = held.name, subject = held.subject, not_after = %held.not_after, "certificate");
            }
            drop(shown);
            node.run(signals).await;
            Ok(())
        }
        Err(faults) => Err(faults),
    };
    sink.close();
    ended
}

/// A running node.
struct Node {
    gateway: Arc<Gateway>,
    listeners: Vec<Arc<Listener>>,
    databases: HashMap<String, Arc<Database>>,
    records: Option<Records>,
    keeper: Keeper,
    publisher: Publisher,
    shown: Arc<ArcSwap<Announcement>>,
    grace: Duration,
}

impl Node {
    async fn start(
        prepared: Arc<Prepared>,
        clock: Arc<dyn Clock>,
        sink: &Arc<log::Sink>,
    ) -> Result<Self, Faults> {
        let plan = &prepared.plan;
        let listeners = bind(plan)?;
        let records = records::open(plan, &clock).await?;
        let keeper = Keeper::new(Arc::clone(&prepared), records.as_ref(), Arc::clone(&clock))?;
        let credentials = keeper.credentials().await?;
        let databases = open(plan)?;
        let shown = announcement(&prepared, &listeners, &credentials);
        let shown = Arc::new(ArcSwap::from_pointee(shown));
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let publisher = Publisher {
            prepared: Arc::clone(&prepared),
            databases: served(&databases, &metrics),
            clock: Arc::clone(&clock),
            memories: Memories::default(),
        };
        let snapshot = publisher.snapshot(&credentials)?;
        let auditor = records.as_ref().map(Records::auditor);
        let journal = NodeJournal::new(Arc::clone(sink), &plan.logging, plan.audit.clone(), auditor);
        let ledger = records.as_ref().map(|records| Arc::clone(&records.ledger));
        let sinks = sinks(journal, registry, metrics, &shown, clock, ledger);
        let gateway = Arc::new(Gateway::new(snapshot, sinks));
        let grace = plan.limits.shutdown;
        Ok(Self { gateway, listeners, databases, records, keeper, publisher, shown, grace })
    }

    async fn run(self, signals: Signals) {
        let Self { gateway, listeners, databases, records, keeper, publisher, shown, grace } = self;
        let stop = CancellationToken::new();
        let renewing = tokio::spawn(keeper.keep(Arc::clone(&gateway), publisher, shown, stop.clone()));
        for listener in listeners {
            gateway.open(listener);
        }
        match drained(gateway.serve(stop.clone(), grace), signals, &stop).await {
            Some(Drained::Fully) => {}
            Some(Drained::Cut(connections)) => {
                tracing::warn!(connections, "connections were still open at the deadline and were cut");
            }
            None => tracing::warn!("asked again: connections are cut"),
        }
        if let Err(error) = renewing.await {
            tracing::error!(%error, "the node's own certificates were no longer being renewed");
        }
        for database in databases.values() {
            database.close().await;
        }
        // The journal holds the way into the ledger; what is on its way ends with it.
        drop(gateway);
        if let Some(records) = records {
            records.close().await;
        }
        tracing::info!("stopped");
    }
}

/// Serves until a signal, then drains; nothing where a second signal cuts the drain short.
async fn drained(
    serving: impl Future<Output = Drained>,
    mut signals: Signals,
    stop: &CancellationToken,
) -> Option<Drained> {
    let mut serving = pin!(serving);
    tokio::select! {
        drained = serving.as_mut() => return Some(drained),
        signal = signals.next() => tracing::info!(signal, "stopping: no new connections; requests in flight finish"),
    }
    stop.cancel();
    tokio::select! {
        drained = serving => Some(drained),
        _ = signals.next() => None,
    }
}

fn served(databases: &HashMap<String, Arc<Database>>, metrics: &Metrics) -> HashMap<String, Served> {
    let served = |(name, database): (&String, &Arc<Database>)| {
        (name.clone(), Served::new(name, Arc::clone(database), metrics))
    };
    databases.iter().map(served).collect()
}

fn sinks(
    journal: NodeJournal,
    mut registry: Registry,
    metrics: Metrics,
    shown: &Arc<ArcSwap<Announcement>>,
    clock: Arc<dyn Clock>,
    ledger: Option<Arc<dyn Ledger>>,
) -> Sinks {
    let certificates = Certificates::register(&mut registry, Arc::clone(shown), Arc::clone(&clock));
    let administration =
        NodeAdministration::new(Arc::clone(shown), metrics.clone(), Arc::clone(&clock), ledger);
    Sinks {
        journal: Arc::new(journal),
        metrics,
        exposition: Arc::new(move || certificates.expose(&registry)),
        administration: Arc::new(administration),
        clock,
    }
}

fn bind(plan: &Plan) -> Result<Vec<Arc<Listener>>, Faults> {
    let mut faults = Faults::new();
    let bound = |listener: &ListenerPlan| {
        let socket = transport::listen(&listener.bind_address())?;
        Listener::new(&listener.name, socket)
            .map_err(|error| Fault::theirs(format!("listener {:?}", listener.name)).because(error))
    };
    let listeners = plan.listeners.iter().filter_map(|one| faults.note(bound(one))).map(Arc::new).collect();
    faults.or(listeners)
}

fn open(plan: &Plan) -> Result<HashMap<String, Arc<Database>>, Faults> {
    let mut faults = Faults::new();
    let databases = plan
        .databases
        .iter()
        .filter_map(|database| {
            let opened = faults.note(Database::open(announce::settings(database)))?;
            Some((database.name.clone(), Arc::new(opened)))
        })
        .collect();
    faults.or(databases)
}

/// SIGINT and SIGTERM; SIGHUP, which would end the process, is heard and answered.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Fault> {
        let listen =
            |kind| signal(kind).map_err(|error| Fault::theirs("cannot listen for signals").because(error));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP: there is no reload in this version; restart the node to apply changes");
                }
            }
        }
    }
}
