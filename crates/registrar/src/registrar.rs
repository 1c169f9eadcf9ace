use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use fault::Refusal;
use gateway::{Ask, Office, Pending};
use http::Response;
use identity::ocsp::Request;
use ledger::Ledger;
use prometheus_client::registry::Registry;
use transport::Clock;

use crate::enrolment::{self, Enrolment};
use crate::inventory;
use crate::issuing::Issuing;
use crate::lasting::Lasting;
use crate::minted::Minted;
use crate::published::{self, Metrics as PublishedMetrics, Published};
use crate::services::{self, Rules, Services};
use crate::{acme, reply};

/// Our own authority as it is asked over the door.
pub struct Registrar {
    /// Without one there is nothing on record, and nothing is issued.
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) enrolment: Enrolment,
    pub(crate) acme: Arc<acme::Desk>,
    pub(crate) minted: Minted,
    issuing: ArcSwap<Issuing>,
    pub(crate) published: Published,
    /// Registered services; none without a ledger.
    pub(crate) services: Option<Arc<Services>>,
}

impl Registrar {
    /// A registrar that issues with `issuing` until a reload [replaces](Self::replace) it.
    #[must_use]
    pub fn new(
        ledger: Option<Arc<dyn Ledger>>,
        clock: Arc<dyn Clock>,
        issuing: Issuing,
        published: PublishedMetrics,
    ) -> Self {
        let issuing = Arc::new(issuing);
        let published = Published::new(ledger.clone(), Arc::clone(&issuing), published);
        Self {
            ledger,
            clock,
            enrolment: Enrolment::new(),
            acme: Arc::new(acme::Desk::new()),
            minted: Minted::default(),
            issuing: ArcSwap::new(issuing),
            published,
            services: None,
        }
    }

    /// The same, which looks after these services as well.
    #[must_use]
    pub fn with_services(mut self, services: Option<Arc<Services>>) -> Self {
        self.services = services;
        self
    }

    /// The answer (DER) to an OCSP question (DER), as everyone gets it over the door.
    pub async fn ocsp(&self, question: &[u8]) -> Bytes {
        self.published.answer(Request::from_der(question), self.clock.now()).await.bytes()
    }

    /// What is published, for the node's status.
    #[must_use]
    pub fn published(&self) -> serde_json::Value {
        self.published.status(self.clock.now())
    }

    /// Issues with this from now on. What was begun ends as it began.
    pub fn replace(&self, issuing: Issuing) {
        if let Some(services) = &self.services {
            services.adopt(Rules::of(&issuing));
        }
        let issuing = Arc::new(issuing);
        self.issuing.store(Arc::clone(&issuing));
        self.published.adopt(issuing, self.clock.now());
    }

    /// With what certificates are issued now.
    #[must_use]
    pub fn issuing(&self) -> Arc<Issuing> {
        self.issuing.load_full()
    }

    /// Shows what is counted.
    pub fn register(&self, registry: &mut Registry) {
        self.acme.metrics().register(registry);
        self.minted.metrics().register(registry);
    }

    /// What the registrar keeps renewing, each with its end.
    #[must_use]
    pub fn lasting(&self) -> Vec<Lasting> {
        let mut lasting: Vec<Lasting> =
            self.services.iter().flat_map(|services| services.lasting()).collect();
        // A list that no certificate names is missed by nobody.
        if self.issuing().issuers.values().any(|issuer| issuer.distribution().is_some()) {
            lasting.extend(self.published.lasting());
        }
        lasting
    }

    async fn office(&self, ask: &Ask<'_>) -> Result<Response<Bytes>, Refusal> {
        match ask.office {
            Office::Certificates if inventory::answers(ask) => inventory::answer(self, ask).await,
            Office::Enrolment => enrolment::answer(self, ask).await,
            Office::Certificates if enrolment::answers(ask.method, ask.path) => {
                enrolment::answer(self, ask).await
            }
            Office::Published => Ok(published::answer(self, ask).await),
            Office::Certificates => self.certificates(ask).await,
            Office::Acme => acme::answer(self, ask).await,
        }
    }

    async fn certificates(&self, ask: &Ask<'_>) -> Result<Response<Bytes>, Refusal> {
        let answered = match &self.services {
            Some(services) => services::answer(services, ask).await?,
            None => None,
        };
        Ok(answered.unwrap_or_else(reply::nothing))
    }
}

impl gateway::Registrar for Registrar {
    fn answer<'a>(&'a self, ask: Ask<'a>) -> Pending<'a, Result<Response<Bytes>, Refusal>> {
        Box::pin(async move { self.office(&ask).await })
    }
}

impl fmt::Debug for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registrar({:?})", self.issuing().issuers.keys())
    }
}
