//! A prepared Plan becomes a running node, and ends as one.

mod ending;
mod signals;
mod start;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use config::{Plan, Sources};
use fault::{Fault, Faults};
use gateway::{Drained, Gateway};
use parking_lot::Mutex;
use registrar::rotation::{self, Progress};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use transport::{Clock, SystemClock};

use crate::following::Following;
use crate::log;
use crate::noted::Noted;
use crate::outage::Outage;
use crate::prepare::prepare;
use crate::records::Records;
use crate::reload::{Asked, Reloader};
use crate::status::Announcement;
use crate::watch::Digests;
use ending::Ending;
use signals::Signals;
use start::Start;

/// Serves a Plan until SIGINT or SIGTERM, then drains: no new connections, requests in flight finish, databases are
/// checkpointed and closed. A second signal cuts short whatever the node waits for then. `sources` are what the Plan was read from; they are
/// read again when SIGHUP, an administrator or a changed file asks for it.
///
/// # Errors
/// Every fault that keeps the node from starting. Sockets are bound before anything is written, so that a port
/// that is taken leaves no trace.
pub async fn serve(
    sources: Sources,
    plan: Plan,
    warnings: Vec<Fault>,
    announce: impl FnOnce(&Announcement),
) -> Result<(), Faults> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let digests = Digests::of_file(sources.file.as_deref()).and_of(&plan);
    let mut prepared = prepare(plan, clock.now())?;
    prepared.warnings.splice(0..0, warnings);
    let (signals, hangup) = Signals::listen()?;
    let (sink, level) = log::start(&prepared.plan.logging, Arc::clone(&clock))
        .map_err(|error| Fault::theirs("cannot start the log").because(error))?;
    warn(&prepared.warnings);
    let start =
        Start { sources, prepared: Arc::new(prepared), digests, clock, sink: Arc::clone(&sink), level };
    let ended = match start.node().await {
        Ok(node) => {
            let shown = node.reloader.shown.load_full();
            announce(&shown);
            for held in &shown.certificates {
                tracing::info!(name = held.name, subject = held.subject, not_after = %held.not_after, "certificate");
            }
            drop(shown);
            node.run(signals, hangup).await;
            Ok(())
        }
        Err(faults) => Err(faults),
    };
    sink.close();
    ended
}

fn warn(warnings: &[Fault]) {
    for warning in warnings {
        tracing::warn!("{}", warning.to_string().replace('\n', ";"));
    }
}

/// A node that is about to run.
struct Node {
    reloader: Reloader,
    asked: mpsc::Receiver<Asked>,
    records: Option<Records>,
    following: Option<Following>,
    noted: Option<Noted>,
    outage: Outage,
    grace: Arc<Mutex<Duration>>,
    /// What the node is called among those that share its ledger.
    name: String,
    progress: Arc<Progress>,
}

impl Node {
    async fn run(self, mut signals: Signals, hangup: Signal) {
        let Self { reloader, asked, records, following, noted, outage, grace, name, progress } = self;
        let (gateway, stop) = (Arc::clone(&reloader.gateway), CancellationToken::new());
        for bound in &reloader.serving.listeners {
            gateway.open(Arc::clone(&bound.listener));
        }
        let inquirers = Arc::clone(&reloader.publisher.inquirers);
        let judging = tokio::spawn(inquirers.judge(Arc::clone(&gateway), stop.clone()));
        let keeping = tokio::spawn(registrar::keep(Arc::clone(&reloader.registrar), stop.clone()));
        let following = following.map(|following| {
            let (gateway, publisher) = (Arc::clone(&gateway), Arc::clone(&reloader.publisher));
            tokio::spawn(following.follow(move |revoked, decided_at| {
                publisher.revoke(&gateway, revoked, decided_at);
            }))
        });
        let rotating = records.as_ref().map(|records| {
            let shown = Arc::clone(&reloader.shown);
            let node = rotation::Node {
                name,
                progress,
                holdings: Arc::new(move || shown.load().holdings.clone()),
                gateway: Arc::clone(&gateway),
                ledger: Arc::clone(&records.ledger),
                clock: Arc::clone(&reloader.clock),
            };
            tokio::spawn(rotation::keep(node, stop.clone()))
        });
        // Set once, and only here.
        let _ = outage.gateway.set(Arc::downgrade(&gateway));
        tokio::spawn(outage.watch(stop.clone()));
        let noting = noted.map(|noted| tokio::spawn(noted.keep(stop.clone())));
        let reloading = tokio::spawn(reloader.run(asked, hangup, stop.clone()));
        match drained(&gateway, &mut signals, &stop, &grace).await {
            Some(Drained::Fully) => {}
            Some(Drained::Cut(connections)) => {
                tracing::warn!(connections, "connections were still open at the deadline and were cut");
            }
            None => tracing::warn!("asked again: connections are cut"),
        }
        let ending = Ending { gateway, reloading, judging, keeping, noting, following, rotating, records };
        // A reload that reads from a dead disk, or a database that somebody else holds, would not let us go.
        tokio::select! {
            () = ending.close() => tracing::info!("stopped"),
            signal = signals.next() => tracing::warn!(signal, "asked again: stopped, and not everything was closed"),
        }
    }
}

/// Serves until a signal, then drains; nothing where a second signal cuts the drain short.
async fn drained(
    gateway: &Gateway,
    signals: &mut Signals,
    stop: &CancellationToken,
    grace: &Mutex<Duration>,
) -> Option<Drained> {
    let signal = signals.next().await;
    tracing::info!(signal, "stopping: no new connections; requests in flight finish");
    stop.cancel();
    let grace = *grace.lock();
    let serving = pin!(gateway.serve(stop.clone(), grace));
    tokio::select! {
        drained = serving => Some(drained),
        _ = signals.next() => None,
    }
}
