//! Keeps the certificates that our own authority issues to this node fresh.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use config::TlsMode;
use fault::{Fault, Faults};
use identity::Credential;
use ledger::Ledger;
use parking_lot::Mutex;
use registrar::{Rules, Services};
use tokio::sync::watch;
use transport::Clock;

use crate::issuing;
use crate::prepare::{Credentials, Prepared};
use crate::realm;
use crate::self_signed::self_signed;

/// A profile and the names that its credential was made for.
type MadeFor = (String, Vec<String>);

/// The TLS profiles' own credentials: where they come from, and how they stay good.
pub(crate) struct Keeper {
    /// Without a ledger nothing is issued.
    ledger: Option<Arc<dyn Ledger>>,
    /// The registered services; none without a ledger.
    services: Option<Arc<Services>>,
    /// Self-signed credentials, by profile and the names they were made for.
    made: Mutex<BTreeMap<MadeFor, Arc<Credential>>>,
    clock: Arc<dyn Clock>,
}

impl Keeper {
    pub(crate) fn new(
        ledger: Option<Arc<dyn Ledger>>,
        services: Option<Arc<Services>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { ledger, services, made: Mutex::default(), clock }
    }

    /// Tells each time a registered service has another certificate.
    pub(crate) fn replaced(&self) -> Option<watch::Receiver<u64>> {
        self.services.as_ref().map(|services| services.replaced())
    }

    /// Where what it issues is recorded.
    pub(crate) fn ledger(&self) -> Option<&dyn Ledger> {
        self.ledger.as_deref()
    }

    /// Every profile's credential: from files, kept or issued by our authority, or made here. Asked again, those that
    /// are still good are the same.
    ///
    /// # Errors
    /// Every profile without one: one that asks our own authority where there is no server issuer, or no ledger.
    pub(crate) async fn credentials(&self, prepared: &Prepared) -> Result<Credentials, Faults> {
        let mut faults = Faults::new();
        let mut credentials = Credentials::new();
        for (name, tls) in &prepared.plan.tls {
            let from_files = prepared.profiles.get(name).and_then(|profile| profile.credential.clone());
            let credential = match (&tls.mode, from_files) {
                (_, Some(credential)) => Ok(credential),
                (TlsMode::Authority { hosts }, None) => {
                    self.issued(prepared, name, hosts).await.map(Arc::new)
                }
                (TlsMode::Service { name: service }, None) => self.presented(prepared, service).await,
                (TlsMode::SelfSigned { hosts }, None) => self.made(name, hosts),
                (TlsMode::Files { .. }, None) => {
                    Err(Fault::ours(format!("tls profile {name:?} was not loaded")))
                }
            };
            if let Some(credential) = faults.note(credential) {
                credentials.insert(name.clone(), credential);
            }
        }
        faults.or(credentials)
    }

    /// Whether a credential of the Plan has to be looked after.
    pub(crate) fn is_needed(prepared: &Prepared) -> bool {
        prepared.plan.tls.values().any(|tls| !matches!(tls.mode, TlsMode::Files { .. }))
    }

    /// The self-signed credential of a profile: made once, and again when its end is near.
    fn made(&self, profile: &str, hosts: &[String]) -> Result<Arc<Credential>, Fault> {
        let now = self.clock.now();
        let mut made = self.made.lock();
        let good = |kept: &&Arc<Credential>| kept.leaf().identity().not_after() - now > RENEW_SELF_SIGNED;
        let key = (profile.to_owned(), hosts.to_vec());
        if let Some(kept) = made.get(&key).filter(good) {
            return Ok(Arc::clone(kept));
        }
        let credential = Arc::new(self_signed(hosts, now)?);
        made.insert(key, Arc::clone(&credential));
        Ok(credential)
    }

    /// What a registered service presents now.
    async fn presented(&self, prepared: &Prepared, service: &str) -> Result<Arc<Credential>, Fault> {
        let services = self.services.as_ref().ok_or_else(|| {
            Fault::yours("a tls profile presents a service and there is no ledger")
                .remedy("add `ledger: { url: \"sqlite:./state/ledger.db\" }`")
        })?;
        services.identity_by(service, &Rules::of(&issuing::issuing(prepared))).await
    }

    async fn issued(
        &self,
        prepared: &Prepared,
        profile: &str,
        hosts: &[String],
    ) -> Result<Credential, Fault> {
        let issuer = prepared.issuers.get(SERVER).ok_or_else(|| {
            Fault::yours("tls mode is `authority` and there is no server issuer")
                .remedy("add authority.issuers.server")
        })?;
        let ledger = self.ledger.as_ref().ok_or_else(|| {
            Fault::yours(
                "tls mode is `authority` and there is no ledger: nothing is signed that is not on record",
            )
            .remedy("add `ledger: { url: \"sqlite:./state/ledger.db\" }`")
        })?;
        let plan = &prepared.plan;
        let rules = issuing::profile(plan, SERVER)?;
        let folder = realm::credentials_folder(&plan.base);
        realm::server_credential(issuer, ledger.as_ref(), &rules, profile, hosts, &folder, self.clock.now())
            .await
    }
}

/// The issuer and the profile of servers' certificates.
const SERVER: &str = "server";
/// How often the node looks whether its certificate wants renewing; the last third of a five-minute lifetime is longer.
pub(crate) const LOOK: Duration = Duration::from_secs(60);

/// Before its end a self-signed certificate is made anew.
const RENEW_SELF_SIGNED: time::Duration = time::Duration::days(30);
