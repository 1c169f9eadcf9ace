//! A prepared Plan becomes a node that is about to run, stage by stage.

use std::sync::Arc;

use arc_swap::ArcSwap;
use config::Sources;
use fault::{Fault, Faults};
use gateway::{Gateway, Metrics, Sinks};
use ledger::Ledger;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use registrar::rotation::Progress;
use registrar::{PublishedMetrics, Registrar, Services};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use transport::Clock;

use super::{Node, warn};
use crate::adjust::{self, Adjusted};
use crate::administration::NodeAdministration;
use crate::announce::announcement;
use crate::following::{Following, Pulse};
use crate::inquirers::Inquirers;
use crate::issuing;
use crate::journal::{NodeJournal, Switches};
use crate::log::{Level, Sink};
use crate::metrics::Certificates;
use crate::noted::Noted;
use crate::outage::Outage;
use crate::prepare::Prepared;
use crate::publish::Publisher;
use crate::records::{self, Records};
use crate::registered;
use crate::reload::{Asked, Record, Reloader};
use crate::renew::Keeper;
use crate::rotating;
use crate::serving::{self, Bound, Serving};
use crate::status::Announcement;
use crate::upstreams::Means;
use crate::watch::{Digests, Watch};

/// What a node starts from.
pub(super) struct Start {
    pub(super) sources: Sources,
    pub(super) prepared: Arc<Prepared>,
    pub(super) digests: Digests,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sink: Arc<Sink>,
    pub(super) level: Level,
}

/// What is bound and opened before anything is issued.
struct Ground {
    registry: Registry,
    metrics: Metrics,
    reloads: Arc<Record>,
    listeners: Vec<Bound>,
    inquirers: Arc<Inquirers>,
    records: Option<Records>,
    ledger: Option<Arc<dyn Ledger>>,
}

/// What our own authority does in this node.
struct Own {
    services: Option<Arc<Services>>,
    keeper: Keeper,
    registrar: Arc<Registrar>,
}

/// What the node says of itself.
struct Told {
    shown: Arc<ArcSwap<Announcement>>,
    pulse: Option<Pulse>,
    noted: Option<Noted>,
    outage: Outage,
    progress: Arc<Progress>,
}

impl Start {
    /// Binds, opens, issues and follows, in this order: a port that is taken leaves no trace.
    pub(super) async fn node(self) -> Result<Node, Faults> {
        let mut ground = self.ground().await?;
        let own = self.own(&mut ground).await?;
        let serving = self.serving(&ground, &own).await?;
        let publisher = Arc::new(Publisher::new(Arc::clone(&ground.inquirers), Arc::clone(&self.clock)));
        let following = self.follow(ground.records.as_ref(), &publisher).await?;
        let snapshot = publisher.first(&serving)?;
        let adjusted = self.adjusted(ground.records.as_ref());
        let auditor = ground.records.as_ref().map(|records| records.auditor(&mut ground.registry));
        let told = self.told(&ground, &own, &serving, following.as_ref(), &adjusted);
        let (reloads, asked) = mpsc::channel(MOST_WAITING);
        let (format, switches) = (self.prepared.plan.logging.format, Arc::clone(&adjusted.switches));
        let journal = NodeJournal::new(Arc::clone(&self.sink), format, switches, auditor.clone());
        let (metrics, record) = (ground.metrics.clone(), Arc::clone(&ground.reloads));
        let (name, grace) = (self.name(), Arc::clone(&adjusted.grace));
        let (records, sinks) = self.sinks(ground, &own, &told, reloads, journal);
        let Told { shown, noted, outage, progress, .. } = told;
        let reloader = Reloader {
            watch: Watch::new(self.sources.file.clone(), &self.prepared.plan, self.digests),
            sources: Arc::new(self.sources),
            gateway: Arc::new(Gateway::new(snapshot, sinks)),
            metrics,
            publisher,
            keeper: own.keeper,
            registrar: own.registrar,
            serving,
            shown,
            record,
            auditor,
            adjusted,
            clock: self.clock,
            closing: TaskTracker::new(),
        };
        Ok(Node { reloader, asked, records, following, noted, outage, grace, name, progress })
    }

    /// What the node is called among those that share its ledger.
    fn name(&self) -> String {
        rotating::node_name(self.sources.file.as_deref(), &self.prepared.plan)
    }

    async fn ground(&self) -> Result<Ground, Faults> {
        let (plan, clock) = (&self.prepared.plan, &self.clock);
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let reloads = Arc::new(Record::register(&mut registry, clock.now()));
        let listeners = serving::bind(plan, &[])?;
        let inquirers = Arc::new(Inquirers::register(&mut registry, Arc::clone(clock)));
        let records = records::open(plan, &inquirers, clock).await?;
        let ledger = records.as_ref().map(|records| Arc::clone(&records.ledger));
        if let Some(ledger) = &ledger {
            warn(&issuing::revoked_issuers(&self.prepared.issuers, ledger.as_ref()).await);
        }
        Ok(Ground { registry, metrics, reloads, listeners, inquirers, records, ledger })
    }

    async fn own(&self, ground: &mut Ground) -> Result<Own, Faults> {
        let Ground { registry, ledger, .. } = ground;
        let issuing = issuing::issuing(&self.prepared);
        let services = registered::provisioned(ledger.as_ref(), &self.clock, &issuing, registry).await?;
        let keeper = Keeper::new(ledger.clone(), services.clone(), Arc::clone(&self.clock));
        let published = PublishedMetrics::register(registry);
        let registrar = Registrar::new(ledger.clone(), Arc::clone(&self.clock), issuing, published);
        let registrar = Arc::new(registrar.with_services(services.clone()));
        registrar.register(registry);
        Ok(Own { services, keeper, registrar })
    }

    async fn serving(&self, ground: &Ground, own: &Own) -> Result<Serving, Faults> {
        let prepared = Arc::clone(&self.prepared);
        let credentials = own.keeper.credentials(&prepared).await?;
        let means = Means { registrar: &own.registrar, clock: &self.clock };
        let (databases, upstreams) = serving::open(&prepared, (&[], &[]), &means, &ground.metrics)?;
        Ok(Serving { prepared, credentials, listeners: ground.listeners.clone(), databases, upstreams })
    }

    /// Takes in what the ledger says is revoked, and begins to follow it. Nothing where there is no ledger.
    async fn follow(
        &self,
        records: Option<&Records>,
        publisher: &Publisher,
    ) -> Result<Option<Following>, Fault> {
        let Some(records) = records else { return Ok(None) };
        let learn = |revoked| publisher.learn(revoked);
        let (ledger, memory) = (Arc::clone(&records.ledger), records.memory(self.clock.now())?);
        Following::begin(ledger, Arc::clone(&self.clock), memory, learn).await.map(Some)
    }

    fn adjusted(&self, records: Option<&Records>) -> Adjusted {
        let plan = &self.prepared.plan;
        Adjusted {
            switches: Arc::new(Switches::new(&plan.logging, &plan.audit)),
            level: self.level.clone(),
            retention: records.map(Records::retention),
            outage_warning: Arc::new(Mutex::new(adjust::outage_warning(plan))),
            grace: Arc::new(Mutex::new(plan.limits.shutdown)),
        }
    }

    fn told(
        &self,
        ground: &Ground,
        own: &Own,
        serving: &Serving,
        following: Option<&Following>,
        adjusted: &Adjusted,
    ) -> Told {
        let shown = Arc::new(ArcSwap::from_pointee(announcement(serving)));
        let pulse = following.map(Following::pulse);
        let outage = Outage {
            shown: Arc::clone(&shown),
            registrar: Arc::clone(&own.registrar),
            gateway: Arc::default(),
            warning: Arc::clone(&adjusted.outage_warning),
            clock: Arc::clone(&self.clock),
        };
        let noted = ground.records.as_ref().zip(pulse.clone()).map(|(records, pulse)| Noted {
            ledger: Arc::clone(&records.ledger),
            id: records.node().to_owned(),
            shown: Arc::clone(&shown),
            metrics: ground.metrics.clone(),
            pulse,
            started: self.clock.now(),
            clock: Arc::clone(&self.clock),
        });
        Told { shown, pulse, noted, outage, progress: Arc::default() }
    }

    /// Where the gateway's reports go, and whom it asks.
    fn sinks(
        &self,
        ground: Ground,
        own: &Own,
        told: &Told,
        reloads: mpsc::Sender<Asked>,
        journal: NodeJournal,
    ) -> (Option<Records>, Sinks) {
        let Ground { mut registry, metrics, reloads: record, inquirers, records, ledger, .. } = ground;
        let Told { shown, pulse, noted, outage, progress } = told;
        let administration = NodeAdministration {
            registrar: Arc::clone(&own.registrar),
            noted: noted.clone(),
            outage: outage.clone(),
            shown: Arc::clone(shown),
            metrics: metrics.clone(),
            record,
            inquirers,
            pulse: pulse.clone(),
            reloads,
            progress: Arc::clone(progress),
            ledger,
            started: self.clock.now(),
            clock: Arc::clone(&self.clock),
        };
        let certificates = Certificates::register(
            &mut registry,
            Arc::clone(shown),
            pulse.clone(),
            Arc::clone(progress),
            outage.clone(),
            Arc::clone(&self.clock),
        );
        let services = own.services.clone();
        let exposition = Arc::new(move || {
            services.iter().for_each(|services| services.measure());
            certificates.expose(&registry)
        });
        let sinks = Sinks {
            journal: Arc::new(journal),
            metrics,
            exposition,
            administration: Arc::new(administration),
            registrar: Some(Arc::clone(&own.registrar) as Arc<dyn gateway::Registrar>),
            clock: Arc::clone(&self.clock),
        };
        (records, sinks)
    }
}

/// Reloads that administrators may have waiting while one is under way.
const MOST_WAITING: usize = 1;
