use std::path::PathBuf;
use std::sync::Arc;

use authority::RotationRules;
use authority::{Authority, IssuerKind, Profile, Standing, Tier, init_root};
use identity::{Certificate, Credential, Serial};
use ledger::{CertificateFilter, CertificateRecord, Ledger, Shelf, SqliteLedger, State};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use transport::{Clock, TestClock};

use crate::services::note::Kept;
use crate::services::{Rules, Services};

/// A node's folder, its ledger and its issuer; what runs on it comes and goes.
pub(super) struct House {
    folder: TempDir,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) clock: TestClock,
    pub(super) authority: Arc<Authority>,
    root: Certificate,
}

pub(super) const BACKEND: &str = "backend";

impl House {
    pub(super) async fn new() -> Self {
        let now: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
        let folder = tempfile::tempdir().unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let root = init_root(&Tier::root("test"), ledger.as_ref(), now).await.unwrap();
        let above =
            Authority::new(vec![root.certificate.clone()], &root.key, Standing::ByHand, None, now).unwrap();
        let tier = Tier { permitted: vec![BACKEND.into(), "worker".into()], ..Tier::issuer("test") };
        let made = above.init_issuer(IssuerKind::Service, &tier, ledger.as_ref(), now).await.unwrap();
        let authority =
            Authority::new(vec![made.certificate], &made.key, Standing::Issuer, Some("test"), now).unwrap();
        let clock = TestClock::at(now);
        Self { folder, ledger, clock, authority: Arc::new(authority), root: root.certificate }
    }

    pub(super) fn rules(&self) -> Rules {
        let registered = [BACKEND.to_owned()];
        Rules {
            authority: Some(Arc::clone(&self.authority)),
            profile: Profile::service().with_registry(registered.clone()),
            environment: "test".into(),
            registered: registered.into(),
            rotation: RotationRules::default(),
            required: false,
            above: vec![("root".into(), self.root.clone())],
        }
    }

    /// A process that has just begun.
    pub(super) fn begun(&self, rules: Rules) -> Arc<Services> {
        let (ledger, clock) = (Arc::clone(&self.ledger), Arc::new(self.clock.clone()));
        let mut registry = Registry::default();
        Arc::new(
            Services::new(ledger, clock, &self.folder.path().join("state"), rules, &mut registry).unwrap(),
        )
    }

    /// A process that has given every service its certificate.
    pub(super) async fn provisioned(&self) -> Arc<Services> {
        let services = self.begun(self.rules());
        services.provision().await.unwrap();
        services
    }

    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state/services/backend")
    }

    /// What a reader of the files finds behind a link.
    pub(super) fn on_disk(&self, link: &str) -> Option<Credential> {
        let folder = self.state().join(link);
        let now = self.clock.now();
        let loaded = files::load_credential(&folder.join("tls.crt"), &folder.join("tls.key"), None, now);
        loaded.ok().map(|(credential, _)| credential)
    }

    /// The key of the note about the service.
    pub(super) fn key(&self) -> String {
        let name = std::fs::read_to_string(self.folder.path().join("state/services/.node")).unwrap();
        format!("{BACKEND}@{}", name.trim())
    }

    pub(super) async fn note(&self) -> Kept {
        let note = self.ledger.note(Shelf::Services, self.key()).await.unwrap();
        note.map_or_else(Kept::default, |note| Kept::read(&note.text).unwrap())
    }

    /// Every leaf on record, oldest first.
    pub(super) async fn leaves(&self) -> Vec<CertificateRecord> {
        let filter = CertificateFilter {
            profile: Some("service".into()),
            limit: 1000,
            ..CertificateFilter::default()
        };
        let mut leaves = self.ledger.certificates(filter).await.unwrap().entries;
        leaves.reverse();
        leaves
    }

    pub(super) async fn state_of(&self, serial: &Serial) -> State {
        let leaves = self.leaves().await;
        leaves.into_iter().find(|leaf| leaf.draft.serial == *serial).unwrap().state
    }

    pub(super) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

pub(super) fn serial(services: &Arc<Services>) -> Serial {
    services.identity(BACKEND).unwrap().leaf().identity().serial().clone()
}
