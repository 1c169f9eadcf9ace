//! A prepared Plan becomes a running node, and ends as one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::{Plan, Sources};
use fault::{Fault, Faults};
use gateway::{Drained, Gateway, Metrics, Sinks};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use registrar::rotation::{self, Progress};
use registrar::{PublishedMetrics, Registrar};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{Clock, SystemClock};

use crate::adjust::{self, Adjusted};
use crate::administration::NodeAdministration;
use crate::announce::announcement;
use crate::following::Following;
use crate::inquirers::Inquirers;
use crate::issuing;
use crate::journal::{NodeJournal, Switches};
use crate::log::{self, Level, Sink};
use crate::metrics::Certificates;
use crate::noted::Noted;
use crate::outage::Outage;
use crate::prepare::{Prepared, prepare};
use crate::publish::Publisher;
use crate::records::{self, Records};
use crate::registered;
use crate::reload::{Asked, Record, Reloader};
use crate::renew::Keeper;
use crate::rotating;
use crate::serving::{self, Serving};
use crate::status::Announcement;
use crate::watch::{Digests, Watch};

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

/// What a node starts from.
struct Start {
    sources: Sources,
    prepared: Arc<Prepared>,
    digests: Digests,
    clock: Arc<dyn Clock>,
    sink: Arc<Sink>,
    level: Level,
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

impl Start {
    async fn node(self) -> Result<Node, Faults> {
        let Self { sources, prepared, digests, clock, sink, level } = self;
        let plan = &prepared.plan;
        let progress = Arc::new(Progress::default());
        let name = rotating::node_name(sources.file.as_deref(), plan);
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let record = Arc::new(Record::register(&mut registry, clock.now()));
        let listeners = serving::bind(plan, &[])?;
        let inquirers = Arc::new(Inquirers::register(&mut registry, Arc::clone(&clock)));
        let records = records::open(plan, &inquirers, &clock).await?;
        let ledger = records.as_ref().map(|records| Arc::clone(&records.ledger));
        if let Some(ledger) = &ledger {
            warn(&issuing::revoked_issuers(&prepared.issuers, ledger.as_ref()).await);
        }
        let issuing = issuing::issuing(&prepared);
        let services = registered::provisioned(ledger.as_ref(), &clock, &issuing, &mut registry).await?;
        let keeper = Keeper::new(ledger.clone(), services.clone(), Arc::clone(&clock));
        let credentials = keeper.credentials(&prepared).await?;
        let databases = serving::open(plan, &[], &metrics)?;
        let serving = Serving { prepared: Arc::clone(&prepared), credentials, listeners, databases };
        let shown = Arc::new(ArcSwap::from_pointee(announcement(&serving)));
        let publisher = Arc::new(Publisher::new(Arc::clone(&inquirers), Arc::clone(&clock)));
        let following = follow(records.as_ref(), &clock, &publisher).await?;
        let snapshot = publisher.first(&serving)?;
        let auditor = records.as_ref().map(|records| records.auditor(&mut registry));
        let grace = Arc::new(Mutex::new(plan.limits.shutdown));
        let adjusted = Adjusted {
            switches: Arc::new(Switches::new(&plan.logging, &plan.audit)),
            level,
            retention: records.as_ref().map(Records::retention),
            outage_warning: Arc::new(Mutex::new(adjust::outage_warning(plan))),
            grace: Arc::clone(&grace),
        };
        let journal =
            NodeJournal::new(sink, plan.logging.format, Arc::clone(&adjusted.switches), auditor.clone());
        let (reloads, asked) = mpsc::channel(MOST_WAITING);
        let published = PublishedMetrics::register(&mut registry);
        let registrar = Registrar::new(ledger.clone(), Arc::clone(&clock), issuing, published);
        let registrar = Arc::new(registrar.with_services(services.clone()));
        registrar.register(&mut registry);
        let outage = Outage {
            shown: Arc::clone(&shown),
            registrar: Arc::clone(&registrar),
            gateway: Arc::default(),
            warning: Arc::clone(&adjusted.outage_warning),
            clock: Arc::clone(&clock),
        };
        let noted = records.as_ref().zip(following.as_ref()).map(|(records, following)| Noted {
            ledger: Arc::clone(&records.ledger),
            id: records.node().to_owned(),
            shown: Arc::clone(&shown),
            metrics: metrics.clone(),
            pulse: following.pulse(),
            started: clock.now(),
            clock: Arc::clone(&clock),
        });
        let administration = NodeAdministration {
            registrar: Arc::clone(&registrar),
            noted: noted.clone(),
            outage: outage.clone(),
            shown: Arc::clone(&shown),
            metrics: metrics.clone(),
            record: Arc::clone(&record),
            inquirers,
            pulse: following.as_ref().map(Following::pulse),
            reloads,
            progress: Arc::clone(&progress),
            ledger: ledger.clone(),
            started: clock.now(),
            clock: Arc::clone(&clock),
        };
        let certificates = Certificates::register(
            &mut registry,
            Arc::clone(&shown),
            following.as_ref().map(Following::pulse),
            Arc::clone(&progress),
            outage.clone(),
            Arc::clone(&clock),
        );
        let sinks = Sinks {
            journal: Arc::new(journal),
            metrics: metrics.clone(),
            exposition: Arc::new(move || {
                services.iter().for_each(|services| services.measure());
                certificates.expose(&registry)
            }),
            administration: Arc::new(administration),
            registrar: Some(Arc::clone(&registrar) as Arc<dyn gateway::Registrar>),
            clock: Arc::clone(&clock),
        };
        let reloader = Reloader {
            watch: Watch::new(sources.file.clone(), plan, digests),
            sources: Arc::new(sources),
            gateway: Arc::new(Gateway::new(snapshot, sinks)),
            metrics,
            publisher,
            keeper,
            registrar,
            serving,
            shown,
            record,
            auditor,
            adjusted,
            clock,
            closing: TaskTracker::new(),
        };
        Ok(Node { reloader, asked, records, following, noted, outage, grace, name, progress })
    }
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

/// What is still there when nobody is served any more.
struct Ending {
    gateway: Arc<Gateway>,
    reloading: JoinHandle<Serving>,
    judging: JoinHandle<()>,
    keeping: JoinHandle<()>,
    noting: Option<JoinHandle<()>>,
    following: Option<JoinHandle<()>>,
    rotating: Option<JoinHandle<()>>,
    records: Option<Records>,
}

impl Ending {
    async fn close(self) {
        let Self { gateway, reloading, judging, keeping, noting, following, rotating, records } = self;
        match reloading.await {
            Ok(serving) => {
                for opened in &serving.databases {
                    opened.database.close().await;
                }
            }
            Err(error) => tracing::error!(%error, "the node no longer reloaded and renewed"),
        }
        if let Err(error) = judging.await {
            tracing::error!(%error, "live sessions were no longer judged by what authorities answered");
        }
        if let Err(error) = keeping.await {
            tracing::error!(%error, "what our authority does by itself was no longer done");
        }
        if let Some(noting) = noting {
            // It writes its last note, or gives it up.
            let _ = noting.await;
        }
        // Until here whoever was still served could be revoked.
        if let Some(following) = following {
            following.abort();
            // It was told to end, and has no more to say.
            let _ = following.await;
        }
        if let Some(rotating) = rotating {
            rotating.abort();
            let _ = rotating.await;
        }
        // The journal holds the way into the ledger; what is on its way ends with it.
        drop(gateway);
        if let Some(records) = records {
            records.close().await;
        }
    }
}

/// Takes in what the ledger says is revoked, and begins to follow it. Nothing where there is no ledger.
async fn follow(
    records: Option<&Records>,
    clock: &Arc<dyn Clock>,
    publisher: &Publisher,
) -> Result<Option<Following>, Fault> {
    let Some(records) = records else { return Ok(None) };
    let learn = |revoked| publisher.learn(revoked);
    let (ledger, memory) = (Arc::clone(&records.ledger), records.memory(clock.now())?);
    Following::begin(ledger, Arc::clone(clock), memory, learn).await.map(Some)
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

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens for both, and for SIGHUP, which would end the process otherwise.
    fn listen() -> Result<(Self, Signal), Fault> {
        let listen =
            |kind| signal(kind).map_err(|error| Fault::theirs("cannot listen for signals").because(error));
        let (interrupt, terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok((Self { interrupt, terminate }, listen(SignalKind::hangup())?))
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Reloads that administrators may have waiting while one is under way.
const MOST_WAITING: usize = 1;
