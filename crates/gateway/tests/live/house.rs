//! A gateway with two authorities, three clients and a database, and what it put on record.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use access::{Accepted, Directory, GrantSpec, Grants, Level, Method, MtlsMatch, PrincipalSpec};
use countersign_gateway::{
    AccessLine, Administration, AuditEvent, AuditKind, Entrance, Gateway, HttpLimits, Journal, Listener,
    Metrics, Named, NoNodes, NotListed, NotRevoked, Pending, Reload, Reloaded, Revoke, Scope, Served,
    SessionShown, Sinks, SlotLimits, Snapshot, Spoken,
};
use database::{Backend, Database, Settings};
use identity::{Certificate, Credential, PrivateKey, Strictness, Trust, certificates_from_pem};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use testkit::patience::wait_for;
use testkit::{Client, H2, Wire, World, recipe};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use transport::{ClientAuth, Clock, Door, DoorSpec, Memories, Online, SystemClock, TlsVersion, listen};

/// A running gateway; it ends with the test.
pub(crate) struct House {
    pub(crate) world: World,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) record: Arc<Record>,
    administered: Arc<Administered>,
    pub(crate) address: SocketAddr,
    /// Every metric, as text.
    pub(crate) exposition: Exposition,
    memories: Memories,
    clock: Arc<dyn Clock>,
    // The last to go: what runs on it ends with it.
    pub(crate) runtime: Runtime,
}

type Exposition = Arc<dyn Fn() -> String + Send + Sync>;

/// What was put on record.
#[derive(Default)]
pub(crate) struct Record(Mutex<Vec<(AuditKind, String)>>);

impl Journal for Record {
    fn access(&self, _: &AccessLine<'_>) {}

    fn audit(&self, event: &AuditEvent<'_>) {
        let code = event.refusal.map(|(code, _, id)| format!("{code} {id}"));
        let principal = event.principal.unwrap_or("nobody");
        let detail = event.detail.map(str::to_owned).or(code).unwrap_or_default();
        self.0.lock().push((event.kind, format!("{principal}: {detail}")));
    }
}

impl Record {
    pub(crate) fn of(&self, kind: AuditKind) -> Vec<String> {
        let record = self.0.lock();
        record.iter().filter(|(of, _)| *of == kind).map(|(_, text)| text.clone()).collect()
    }
}

/// Answers to what is asked, after what the test wants done before.
#[derive(Default)]
struct Administered {
    before: Mutex<Option<Act>>,
}

type Act = Box<dyn FnOnce() + Send>;

impl Administered {
    /// Whatever a sweep ends is ended long before the answer comes, and the answer before the cut.
    async fn done(&self) {
        let Some(act) = self.before.lock().take() else { return };
        act();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Administration for Administered {
    fn status(&self) -> Value {
        json!({})
    }

    fn recorded(&self, _: Named) -> Pending<'_, Option<Value>> {
        Box::pin(async { None })
    }

    fn audit<'a>(&'a self, _: &'a str) -> Pending<'a, Result<Value, NotListed>> {
        Box::pin(async { Err(NotListed::NoLedger("none".to_owned())) })
    }

    fn reload(&self, _: Reload) -> Pending<'_, Reloaded> {
        Box::pin(async {
            self.done().await;
            Ok(json!({}))
        })
    }

    fn nodes(&self) -> Pending<'_, Result<Value, NoNodes>> {
        Box::pin(async { Err(NoNodes::NoLedger) })
    }

    fn revoke(&self, asked: Revoke) -> Pending<'_, Result<Value, NotRevoked>> {
        let trusted: Vec<String> = asked.trusted.into_iter().map(|authority| authority.subject).collect();
        Box::pin(async move {
            self.done().await;
            Ok(json!({ "by": asked.by, "serial": asked.serial, "trusted": trusted }))
        })
    }
}

impl House {
    /// Serves the clients `analyst` and `reporting` over TLS; both may read and write `app`.
    pub(crate) fn new() -> Self {
        Self::by(Arc::new(SystemClock))
    }

    /// The same by another clock.
    pub(crate) fn by(clock: Arc<dyn Clock>) -> Self {
        let world = World::new();
        recipe::two_authorities(&world);
        let runtime = Runtime::new().unwrap();
        let inside = runtime.enter();
        let (record, mut registry) = (Arc::new(Record::default()), Registry::default());
        let metrics = Metrics::register(&mut registry);
        let memories = Memories::default();
        let settings = Settings {
            name: "app".to_owned(),
            backend: Backend::MemoryShared,
            recommended_pragmas: false,
            readers: 2,
        };
        let database = Arc::new(Database::open(settings).unwrap());
        let directory = Arc::new(directory(&["analyst", "reporting"]));
        let door = {
            let trust = Arc::new(trust(&world, &["client-ca"]));
            door(&world, ClientAuth::Require(trust), &memories, None, Arc::clone(&clock))
        };
        let snapshot = Snapshot {
            generation: 1,
            entrances: HashMap::from([("main".into(), entrance(door))]),
            grants: Arc::new(grants(&directory, Level::ReadWrite, Level::ReadWrite)),
            directory,
            control_plane: true,
            databases: HashMap::from([("app".to_owned(), Served::new("app", database, &metrics))]),
            database_hosts: Arc::default(),
            statement_limits: database::Limits::default(),
            http_limits: HttpLimits {
                head: Duration::from_secs(10),
                body: Duration::from_secs(30),
                idle: Duration::from_secs(120),
                body_bytes: 8 << 20,
                head_bytes: 16 << 10,
                streams: 128,
                per_principal_rps: 0,
            },
            slot_limits: SlotLimits {
                connections: 1_000,
                connections_per_address: 1_000,
                handshakes_per_address: 1_000,
            },
        };
        let exposition: Exposition = Arc::new(move || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
            text
        });
        let administered = Arc::new(Administered::default());
        let sinks = Sinks {
            journal: Arc::clone(&record) as Arc<dyn Journal>,
            metrics,
            exposition: Arc::clone(&exposition),
            administration: Arc::clone(&administered) as Arc<dyn Administration>,
            registrar: None,
            clock: Arc::clone(&clock),
        };
        let gateway = Arc::new(Gateway::new(snapshot, sinks));
        let socket = listen("127.0.0.1:0").unwrap();
        let listener = Arc::new(Listener::new("main", socket).unwrap());
        let address = listener.address();
        gateway.open(listener);
        let serving = Arc::clone(&gateway);
        let stop = CancellationToken::new();
        runtime.spawn(async move { serving.serve(stop, Duration::ZERO).await });
        drop(inside);
        Self { world, gateway, record, administered, address, exposition, memories, clock, runtime }
    }

    /// Publishes a snapshot made of the one that is served.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let _inside = self.runtime.enter();
        let mut snapshot = Snapshot::clone(&self.gateway.snapshot());
        change(&mut snapshot);
        self.gateway.publish(snapshot);
    }

    /// Publishes such a snapshot when the next act of an administrator begins, long before it is answered.
    pub(crate) fn when_administered(&self, change: impl FnOnce(&mut Snapshot) + Send + 'static) {
        let gateway = Arc::clone(&self.gateway);
        *self.administered.before.lock() = Some(Box::new(move || {
            let mut snapshot = Snapshot::clone(&gateway.snapshot());
            change(&mut snapshot);
            gateway.publish(snapshot);
        }));
    }

    /// Settings of this listener's TLS that believe these authorities.
    pub(crate) fn entrance(&self, client_auth: ClientAuth, online: Option<Arc<dyn Online>>) -> Entrance {
        entrance(door(&self.world, client_auth, &self.memories, online, Arc::clone(&self.clock)))
    }

    pub(crate) fn trust(&self, authorities: &[&str]) -> Trust {
        trust(&self.world, authorities)
    }

    pub(crate) fn client(&self, name: &str) -> Client {
        Client::new().presenting(&self.world, name)
    }

    pub(crate) fn h1(&self, name: &str) -> Wire {
        self.client(name).offering(&["http/1.1"]).connect_to(self.address).unwrap()
    }

    pub(crate) fn h2(&self, name: &str) -> H2 {
        H2::over(self.client(name).offering(&["h2"]).connect_to(self.address).unwrap())
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        certificate(&self.world, name)
    }

    /// Waits until the sessions are as they should be.
    pub(crate) fn sessions(&self, what: &str, are: impl Fn(&[SessionShown]) -> bool) -> Vec<SessionShown> {
        let sessions = || self.gateway.sessions();
        wait_for(what, || format!("{:#?}", sessions()), || Some(sessions()).filter(|held| are(held)))
    }

    /// Waits until so many sessions were ended, and returns what is on record of them.
    pub(crate) fn ended(&self, count: usize) -> Vec<String> {
        let record = || self.record.of(AuditKind::SessionEnd);
        wait_for(
            "ended sessions",
            || format!("{:#?}", record()),
            || Some(record()).filter(|ended| ended.len() >= count),
        )
    }
}

/// Principals that are recognized by the common name of that name.
pub(crate) fn directory(names: &[&str]) -> Directory {
    let principal = |name: &&str| {
        let cn = MtlsMatch { subject_cn: Some((*name).to_owned()), ..MtlsMatch::default() };
        PrincipalSpec::new(*name, vec![Method::Mtls(cn)])
    };
    Directory::new(names.iter().map(principal).collect()).unwrap()
}

pub(crate) fn grants(directory: &Directory, analyst: Level, reporting: Level) -> Grants {
    let specs = [("analyst", analyst), ("reporting", reporting)];
    let specs = specs.into_iter().map(|(name, level)| GrantSpec::new("app", name, level)).collect();
    Grants::new(specs, directory).unwrap().with_admins(vec!["reporting".to_owned()], directory).unwrap()
}

pub(crate) fn entrance(door: Door) -> Entrance {
    Entrance {
        door: Some(Arc::new(door)),
        spoken: Spoken::Https,
        plaintext_cancel: false,
        accepted: vec![Accepted::Mtls],
        scope: Scope::EVERYTHING,
        callers: Arc::default(),
    }
}

fn certificate(world: &World, name: &str) -> Certificate {
    certificates_from_pem(world.read(format!("{name}.crt")).as_bytes()).unwrap().remove(0)
}

fn trust(world: &World, authorities: &[&str]) -> Trust {
    Trust::new(authorities.iter().map(|name| certificate(world, name)).collect(), Strictness::default())
}

fn door(
    world: &World,
    client_auth: ClientAuth,
    memories: &Memories,
    online: Option<Arc<dyn Online>>,
    clock: Arc<dyn Clock>,
) -> Door {
    let key = PrivateKey::from_pem(world.read("server.key").as_bytes(), None).unwrap();
    let credential = Credential::new(vec![certificate(world, "server")], key).unwrap();
    Door::new(DoorSpec {
        credentials: vec![Arc::new(credential)],
        client_auth,
        min_version: TlsVersion::Tls12,
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        handshake_timeout: Duration::from_secs(10),
        clock,
        memories: memories.clone(),
        online,
    })
    .unwrap()
}
