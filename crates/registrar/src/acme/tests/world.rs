//! An authority that serves ACME, without a door in front.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use authority::{Authority, IssuerKind, Profile, Standing, Tier, init_root};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response};
use identity::Secret;
use ledger::{Ledger, SqliteLedger};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use transport::TestClock;
use wire::acme::challenge;

use crate::acme::call::Call;
use crate::acme::clerk::Clerk;
use crate::acme::keys::{self, Root};
use crate::acme::settings::Settings;
use crate::issuing::{EnrolmentRules, Issuing};
use crate::published::Metrics as PublishedMetrics;
use crate::registrar::Registrar;
use crate::watched::Watched;

pub(super) const HOST: &str = "ca.example:8443";

pub(super) struct World {
    pub(super) registrar: Registrar,
    pub(super) ledger: Arc<Watched>,
    pub(super) clock: TestClock,
    _folder: TempDir,
}

/// What a test wants otherwise than usual.
pub(super) struct Wanted {
    pub(super) external_account_required: bool,
    pub(super) allow: &'static [&'static str],
    pub(super) http_port: u16,
    pub(super) tls_port: u16,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { external_account_required: false, allow: &["127.0.0.0/8"], http_port: 1, tls_port: 1 }
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Wanted::default()).await
    }

    pub(super) async fn with(wanted: Wanted) -> Self {
        let now = time::macros::datetime!(2026-05-01 12:00 UTC);
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let root = init_root(&Tier::root("test"), &ledger, now).await.unwrap();
        let above = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, now).unwrap();
        let made = above.init_issuer(IssuerKind::Server, &Tier::issuer("test"), &ledger, now).await.unwrap();
        let issuer = Authority::new(vec![made.certificate], &made.key, Standing::Issuer, Some("test"), now);
        let issuer = Arc::new(issuer.unwrap());
        let settings = Settings {
            issuer: Arc::clone(&issuer),
            profile: Profile::server(),
            external_account_required: wanted.external_account_required,
            methods: challenge::Method::ALL.to_vec(),
            http_port: wanted.http_port,
            tls_port: wanted.tls_port,
            names: ["localhost", ".localhost", "127.0.0.0/8"].map(|name| name.parse().unwrap()).to_vec(),
            allow_networks: wanted.allow.iter().map(|network| network.parse().unwrap()).collect(),
            deny_networks: Vec::new(),
            terms_of_service: None,
            url: None,
            root: secret(),
        };
        let ledger = Arc::new(Watched::new(Arc::new(ledger)));
        let clock = TestClock::at(now);
        let issuing = issuing(issuer, settings);
        let published = PublishedMetrics::register(&mut Registry::default());
        let (record, time): (Arc<dyn Ledger>, _) = (Arc::<Watched>::clone(&ledger), Arc::new(clock.clone()));
        let registrar = Registrar::new(Some(record), time, issuing, published);
        Self { registrar, ledger, clock, _folder: folder }
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        transport::Clock::now(&self.clock)
    }

    /// An operator's key: its identifier, and the key.
    pub(super) async fn key(&self, names: &[&str]) -> (String, Vec<u8>) {
        let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        let given =
            keys::make(self.ledger.as_ref(), &secret(), "test", &names, "a test", self.now()).await.unwrap();
        let key = secret().key(&given.id).unwrap().to_vec();
        (given.id, key)
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Response<Bytes> {
        self.call_from("192.0.2.7:1234", method, path, body).await
    }

    pub(super) async fn call_from(
        &self,
        remote: &str,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jose+json"));
        let call = Call {
            method: &method,
            path,
            query,
            headers: &headers,
            body: &body.into(),
            remote,
            host: Some(HOST),
            at: self.now(),
            act: &|| (),
        };
        Clerk::of(&self.registrar, &call).unwrap().answer(&call).await
    }
}

fn secret() -> Root {
    Root::new(Secret::new("a secret of the operator's that is long enough".to_owned())).unwrap()
}

fn issuing(issuer: Arc<Authority>, settings: Settings) -> Issuing {
    Issuing {
        environment: "test".to_owned(),
        root: None,
        issuers: BTreeMap::from([("server".to_owned(), issuer)]),
        retiring: BTreeMap::new(),
        profiles: BTreeMap::from([("server".to_owned(), Profile::server())]),
        services: BTreeSet::new(),
        rotation: authority::RotationRules::default(),
        provision_required: false,
        crl_lifetime: Duration::DAY,
        enrolment: EnrolmentRules { per_minute: 1, most_invitations: 1, longest_invitation: Duration::DAY },
        presented: BTreeMap::new(),
        shard_entries: 1000,
        ocsp_lifetime: Duration::HOUR,
        root_list: None,
        root_responder: None,
        state: PathBuf::new(),
        acme: Some(Arc::new(settings)),
    }
}

/// A server that gives this answer to every connection.
pub(super) async fn answering(answer: impl Fn(SocketAddr) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            // A client that has heard enough hangs up, and that is its right.
            let _ = stream.write_all(&answer(address)).await;
        }
    });
    address
}
