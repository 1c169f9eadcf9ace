//! Registered services: each has a certificate at any moment, replaced before its end with an overlap, and at once
//! where it was taken back.
//!
//! - [`rules`]: what they are certified by.
//! - [`due`]: when a leaf is due, and how it stands.
//! - [`node`]: which of the nodes that share a ledger this is, and where it keeps its files.
//! - [`note`]: what the ledger keeps of one service on one node.
//! - [`folder`]: its files.
//! - [`walk`]: a replacement, step by step; whatever step a crash follows, the next walk goes on from there.
//! - [`look`]: what one service needs at one moment.
//! - [`keep`]: looking again and again.
//! - [`alert`]: what is told of certificates near their end.
//! - [`act`]: what administrators ask for; [`answer`](mod@answer): how they ask.
//! - [`metrics`]: counters and gauges.
//! - [`steps`]: where a walk stands.

mod act;
mod alert;
mod answer;
mod due;
mod folder;
mod keep;
mod look;
mod metrics;
mod node;
mod note;
mod rules;
mod steps;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use fault::Fault;
use identity::Credential;
use ledger::Ledger;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use transport::Clock;

use crate::lasting::Lasting;
use alert::Told;
pub(crate) use answer::answer;
use folder::Folder;
pub use metrics::DESCRIBED;
use metrics::Metrics;
use node::Place;
use note::{Kept, Leaf};
pub use rules::{Rules, unconfigured};
use steps::Steps;

/// The registered services of one node.
pub struct Services {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    place: Place,
    rules: ArcSwap<Rules>,
    known: Mutex<BTreeMap<String, Arc<Service>>>,
    metrics: Metrics,
    told: Told,
    /// Counts the credentials that were replaced.
    replaced: watch::Sender<u64>,
    wake: Notify,
    steps: Steps,
}

/// One service on this node.
struct Service {
    name: String,
    folder: Folder,
    /// Held by whoever replaces its certificate.
    walk: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
}

/// What is known of it.
#[derive(Default)]
struct Held {
    kept: Kept,
    /// The version of the note that says so.
    seen: Option<u64>,
    /// Whether the note was read at all.
    read: bool,
    credential: Option<Arc<Credential>>,
    /// Whether the ledger says that the current leaf was taken back.
    revoked: bool,
    retry: Option<Retry>,
}

/// A failure, and when to try again.
#[derive(Clone, Copy)]
struct Retry {
    failures: u32,
    at: Instant,
}

impl Services {
    /// Services whose files are below the folder `state`, which this process takes; nothing is read or issued yet.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        state: &Path,
        rules: Rules,
        registry: &mut Registry,
    ) -> Result<Self, Fault> {
        Ok(Self {
            ledger,
            clock,
            place: Place::take(state)?,
            rules: ArcSwap::from_pointee(rules),
            known: Mutex::default(),
            metrics: Metrics::register(registry),
            told: Told::default(),
            replaced: watch::Sender::new(0),
            wake: Notify::new(),
            steps: Steps::default(),
        })
    }

    /// Goes by other rules from now on: those of a configuration that was read again.
    pub fn adopt(&self, rules: Rules) {
        self.rules.store(Arc::new(rules));
        self.wake.notify_one();
    }

    /// What a service presents; nothing where it has no certificate that is good now, which the log says.
    #[must_use]
    pub fn identity(&self, service: &str) -> Option<Arc<Credential>> {
        let known = self.known.lock().get(service).cloned();
        let why = match known.as_ref().map(|known| known.held.lock().usable(self.clock.now())) {
            Some(Ok(credential)) => return Some(credential),
            Some(Err(why)) => why,
            None => "it is missing",
        };
        tracing::warn!(service, why, "the service's certificate cannot be used: no identity is presented");
        None
    }

    /// What a service presents; one that has nothing good is given a certificate first, by these rules.
    ///
    /// # Errors
    /// It cannot have one.
    pub async fn identity_by(&self, service: &str, rules: &Rules) -> Result<Arc<Credential>, Fault> {
        let known = self.service(service);
        if let Ok(credential) = known.held.lock().usable(self.clock.now()) {
            return Ok(credential);
        }
        self.look_at(&known, rules).await?;
        known.held.lock().usable(self.clock.now()).map_err(|why| {
            Fault::yours(format!("the service \"{service}\" has no certificate to present"))
                .because(why)
                .remedy("the log says why it could not be issued")
        })
    }

    /// Tells each time a service has another certificate.
    #[must_use]
    pub fn replaced(&self) -> watch::Receiver<u64> {
        self.replaced.subscribe()
    }

    /// Works the gauges out as of now.
    pub fn measure(&self) {
        let rules = self.rules.load();
        self.metrics.measure(&rules, self.leaves(&rules), self.clock.now());
    }

    /// The certificates of services, each with its end.
    pub(crate) fn lasting(&self) -> Vec<Lasting> {
        let rules = self.rules.load();
        let leaves = self.leaves(&rules);
        leaves
            .map(|(name, leaf)| Lasting::new(format!("certificate of service {name}"), leaf.not_after))
            .collect()
    }

    /// The registered services that have a leaf, with it.
    fn leaves(&self, rules: &Rules) -> impl Iterator<Item = (String, Leaf)> {
        self.registered(rules).into_iter().filter_map(|service| {
            let leaf = service.held.lock().kept.current.clone();
            leaf.map(|leaf| (service.name.clone(), leaf))
        })
    }

    /// The registered services, in the order of their names.
    fn registered(&self, rules: &Rules) -> Vec<Arc<Service>> {
        rules.registered.iter().map(|name| self.service(name)).collect()
    }

    fn service(&self, name: &str) -> Arc<Service> {
        let mut known = self.known.lock();
        let service = known.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Service {
                name: name.to_owned(),
                folder: Folder::of(&self.place.folder, name),
                walk: tokio::sync::Mutex::default(),
                held: Mutex::default(),
            })
        });
        Arc::clone(service)
    }

    /// Where the ledger keeps what it knows of a service on this node.
    fn key(&self, service: &str) -> String {
        format!("{service}@{}", self.place.name)
    }
}

impl Held {
    fn usable(&self, now: OffsetDateTime) -> Result<Arc<Credential>, &'static str> {
        match &self.credential {
            None => Err("it is missing"),
            Some(_) if self.revoked => Err("it is revoked"),
            Some(credential) if now > credential.leaf().identity().not_after() => Err("it is expired"),
            Some(credential) => Ok(Arc::clone(credential)),
        }
    }
}

/// What a service is called that is in no registry.
fn unregistered(service: &str, rules: &Rules) -> Fault {
    let remedy = match fault::nearest(service, rules.registered.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"? Otherwise add it to authority.services"),
        None => "add it to authority.services in the configuration".to_owned(),
    };
    let shown = service.escape_debug();
    Fault::yours(format!("service '{shown}' is not in the registered service registry")).remedy(remedy)
}
