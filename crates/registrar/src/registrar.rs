use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use fault::Refusal;
use gateway::{Ask, Office, Pending};
use http::Response;
use ledger::Ledger;
use transport::Clock;

use crate::enrolment::{self, Enrolment};
use crate::issuing::Issuing;
use crate::reply;

/// Our own authority as it is asked over the door.
pub struct Registrar {
    /// Without one there is nothing on record, and nothing is issued.
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) enrolment: Enrolment,
    issuing: ArcSwap<Issuing>,
}

impl Registrar {
    /// A registrar that issues with `issuing` until a reload [replaces](Self::replace) it.
    #[must_use]
    pub fn new(ledger: Option<Arc<dyn Ledger>>, clock: Arc<dyn Clock>, issuing: Issuing) -> Self {
        Self { ledger, clock, enrolment: Enrolment::new(), issuing: ArcSwap::from_pointee(issuing) }
    }

    /// Issues with this from now on. What was begun ends as it began.
    pub fn replace(&self, issuing: Issuing) {
        self.issuing.store(Arc::new(issuing));
    }

    /// With what certificates are issued now.
    #[must_use]
    pub fn issuing(&self) -> Arc<Issuing> {
        self.issuing.load_full()
    }

    async fn office(&self, ask: &Ask<'_>) -> Result<Response<Bytes>, Refusal> {
        match ask.office {
            Office::Enrolment => enrolment::answer(self, ask).await,
            Office::Certificates if enrolment::answers(ask.method, ask.path) => {
                enrolment::answer(self, ask).await
            }
            Office::Published | Office::Certificates | Office::Acme => Ok(reply::nothing()),
        }
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
