//! Keeps the certificates that our own authority issues to this node fresh.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::TlsMode;
use fault::{Fault, Faults};
use gateway::Gateway;
use identity::Credential;
use ledger::Ledger;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use transport::Clock;

use crate::announce::certificates;
use crate::issuing;
use crate::prepare::{Credentials, Prepared};
use crate::publish::Publisher;
use crate::realm;
use crate::records::Records;
use crate::self_signed::self_signed;
use crate::status::Announcement;

/// The TLS profiles' own credentials: where they come from, and how they stay good.
pub(crate) struct Keeper {
    prepared: Arc<Prepared>,
    /// The ledger, where a profile asks our own authority.
    ledger: Option<Arc<dyn Ledger>>,
    /// Self-signed credentials, by profile.
    made: Mutex<Credentials>,
    clock: Arc<dyn Clock>,
}

impl Keeper {
    /// A keeper of the prepared profiles; `records` holds the ledger, without which nothing is issued.
    ///
    /// # Errors
    /// When a profile asks our own authority and there is no server issuer, or no ledger.
    pub(crate) fn new(
        prepared: Arc<Prepared>,
        records: Option<&Records>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let asked = prepared.plan.tls.values().any(|tls| matches!(tls.mode, TlsMode::Authority { .. }));
        if asked && !prepared.issuers.contains_key(SERVER) {
            return Err(Fault::yours("tls mode is `authority` and there is no server issuer")
                .remedy("add authority.issuers.server"));
        }
        let ledger = match (asked, records) {
            (false, _) => None,
            (true, Some(records)) => Some(Arc::clone(&records.ledger)),
            (true, None) => {
                return Err(Fault::yours(
                    "tls mode is `authority` and there is no ledger: nothing is signed that is not on record",
                )
                .remedy("add `ledger: { url: \"sqlite:./state/ledger.db\" }`"));
            }
        };
        Ok(Self { prepared, ledger, made: Mutex::default(), clock })
    }

    /// Every profile's credential: from files, kept or issued by our authority, or made here.
    ///
    /// # Errors
    /// Every profile without one.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Faults> {
        let mut faults = Faults::new();
        let mut credentials = Credentials::new();
        for (name, tls) in &self.prepared.plan.tls {
            let from_files = self.prepared.profiles.get(name).and_then(|profile| profile.credential.clone());
            let credential = match (&tls.mode, from_files) {
                (_, Some(credential)) => Ok(credential),
                (TlsMode::Authority { hosts }, None) => self.issued(name, hosts).await.map(Arc::new),
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

    /// The self-signed credential of a profile: made once, and again when its end is near.
    fn made(&self, profile: &str, hosts: &[String]) -> Result<Arc<Credential>, Fault> {
        let now = self.clock.now();
        let mut made = self.made.lock();
        let good = |kept: &&Arc<Credential>| kept.leaf().identity().not_after() - now > RENEW_SELF_SIGNED;
        if let Some(kept) = made.get(profile).filter(good) {
            return Ok(Arc::clone(kept));
        }
        let credential = Arc::new(self_signed(hosts, now)?);
        made.insert(profile.to_owned(), Arc::clone(&credential));
        Ok(credential)
    }

    async fn issued(&self, profile: &str, hosts: &[String]) -> Result<Credential, Fault> {
        let (Some(issuer), Some(ledger)) = (self.prepared.issuers.get(SERVER), &self.ledger) else {
            return Err(Fault::ours(format!("tls profile {profile:?} has no authority")));
        };
        let plan = &self.prepared.plan;
        let rules = issuing::profile(plan, SERVER)?;
        let folder = realm::credentials_folder(&plan.base);
        realm::server_credential(issuer, ledger.as_ref(), &rules, profile, hosts, &folder, self.clock.now())
            .await
    }

    /// Reissues before expiry and publishes, until told to stop. A failure keeps what there is and is tried again.
    pub(crate) async fn keep(
        self,
        gateway: Arc<Gateway>,
        publisher: Publisher,
        shown: Arc<ArcSwap<Announcement>>,
        stop: CancellationToken,
    ) {
        let ours = |tls: &config::TlsPlan| !matches!(tls.mode, TlsMode::Files { .. });
        if !self.prepared.plan.tls.values().any(ours) {
            return;
        }
        while tokio::time::timeout(LOOK, stop.cancelled()).await.is_err() {
            if let Err(faults) = self.renew(&gateway, &publisher, &shown).await {
                tracing::error!(%faults, "the node's own certificate was not renewed; the one it has stays");
            }
        }
    }

    async fn renew(
        &self,
        gateway: &Gateway,
        publisher: &Publisher,
        shown: &ArcSwap<Announcement>,
    ) -> Result<(), Faults> {
        let credentials = self.credentials().await?;
        let certificates = certificates(&self.prepared, &credentials);
        let mut announcement = Announcement::clone(&shown.load());
        if announcement.certificates == certificates {
            return Ok(());
        }
        announcement.certificates = certificates;
        let generation = gateway.publish(publisher.snapshot(&credentials)?);
        shown.store(Arc::new(announcement));
        tracing::info!(generation, "the node's own certificate was renewed");
        Ok(())
    }
}

/// The issuer and the profile of servers' certificates.
const SERVER: &str = "server";
/// How often the node looks whether its certificate wants renewing; the last third of a five-minute lifetime is longer.
const LOOK: Duration = Duration::from_secs(60);

/// Before its end a self-signed certificate is made anew.
const RENEW_SELF_SIGNED: time::Duration = time::Duration::days(30);
