//! Builds and publishes the snapshots that the gateway serves by.

use std::collections::HashMap;
use std::sync::Arc;

use access::Accepted;
use config::{ListenerPlan, Serves, TlsPlan};
use fault::{Fault, Faults};
use gateway::{Callers, Entrance, Gateway, HttpLimits, Revoked, Scope, SlotLimits, Snapshot, Spoken};
use identity::{RecordedRevocation, Revocations, Trust};
use parking_lot::Mutex;
use tokio::time::Instant;
use transport::{ClientAuth, Clock, Door, DoorSpec, Memories, TlsVersion};

use crate::inquirers::Inquirers;
use crate::prepare::{Credentials, Prepared, TlsProfile};
use crate::serving::Serving;

/// What every snapshot of one node is built with.
pub(crate) struct Publisher {
    clock: Arc<dyn Clock>,
    memories: Memories,
    pub(crate) inquirers: Arc<Inquirers>,
    /// What our own ledger says is revoked. Whoever publishes holds it: a snapshot that was built before a revocation
    /// and published after it would forget it.
    recorded: Mutex<Revocations>,
}

impl Publisher {
    pub(crate) fn new(inquirers: Arc<Inquirers>, clock: Arc<dyn Clock>) -> Self {
        Self { clock, inquirers, memories: Memories::default(), recorded: Mutex::default() }
    }

    /// Takes in what our own ledger says, for the snapshots that will be built.
    pub(crate) fn learn(&self, revoked: Vec<RecordedRevocation>) {
        let mut recorded = self.recorded.lock();
        *recorded = recorded.with_recorded(revoked);
    }

    /// The first snapshot, for a gateway that nobody else publishes to yet.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub(crate) fn first(&self, serving: &Serving) -> Result<Snapshot, Faults> {
        let first = self.snapshot(serving, &self.recorded.lock())?;
        self.inquirers.begin();
        Ok(first)
    }

    /// Builds a whole snapshot and publishes it; returns its generation.
    ///
    /// # Errors
    /// Every listener whose TLS settings cannot be built.
    pub(crate) fn publish(&self, gateway: &Arc<Gateway>, serving: &Serving) -> Result<u64, Faults> {
        let recorded = self.recorded.lock();
        let generation = gateway.publish(self.snapshot(serving, &recorded)?);
        self.inquirers.begin();
        Ok(generation)
    }

    /// Publishes what our own ledger says is revoked since `decided_at`, and nothing else: the doors change in
    /// microseconds, and the sessions that are concerned are judged before all others.
    pub(crate) fn revoke(
        &self,
        gateway: &Arc<Gateway>,
        revoked: Vec<RecordedRevocation>,
        decided_at: Instant,
    ) {
        let named: Vec<Revoked> = revoked.iter().map(|one| (one.issuer, one.serial.clone())).collect();
        let mut recorded = self.recorded.lock();
        *recorded = recorded.with_recorded(revoked);
        gateway.amend(&named, decided_at, |served| {
            let entrances = served.entrances.iter();
            let entrances = entrances.map(|(name, entrance)| (Arc::clone(name), told(entrance, &recorded)));
            Snapshot { entrances: entrances.collect(), ..served.clone() }
        });
    }

    fn snapshot(&self, serving: &Serving, recorded: &Revocations) -> Result<Snapshot, Faults> {
        let prepared = &serving.prepared;
        let plan = &prepared.plan;
        let (entrances, faults) = self.entrances(prepared, &serving.credentials, recorded);
        let limits = &plan.limits;
        faults.or(Snapshot {
            generation: FIRST_GENERATION,
            entrances,
            directory: Arc::clone(&prepared.directory),
            grants: Arc::clone(&prepared.grants),
            control_plane: plan.control_plane.enabled,
            databases: serving
                .databases
                .iter()
                .map(|one| (one.plan.name.clone(), one.served.clone()))
                .collect(),
            database_hosts: Arc::new(database_hosts(plan)),
            statement_limits: statement_limits(limits),
            http_limits: http_limits(limits),
            slot_limits: slot_limits(limits),
        })
    }

    /// What would be spoken and asked at each listener, to be tried. A listener whose TLS settings cannot be built yet is
    /// left out: what is wrong with it is told when it is published.
    pub(crate) fn trial(
        &self,
        prepared: &Prepared,
        credentials: &Credentials,
    ) -> HashMap<Arc<str>, Entrance> {
        let recorded = self.recorded.lock().clone();
        self.entrances(prepared, credentials, &recorded).0
    }

    /// What is spoken and asked at each listener; those whose TLS settings cannot be built are left out, with the reason.
    fn entrances(
        &self,
        prepared: &Prepared,
        credentials: &Credentials,
        recorded: &Revocations,
    ) -> (HashMap<Arc<str>, Entrance>, Faults) {
        let (mut entrances, mut faults) = (HashMap::new(), Faults::new());
        for listener in &prepared.plan.listeners {
            let door = self.door(prepared, credentials, listener, recorded);
            if let Some(door) = faults.note(door) {
                let (door, spoken) = (door.map(Arc::new), spoken(listener.transport));
                let (accepted, scope) = (listener.auth.clone(), scope(listener));
                let callers = Arc::new(callers(prepared, credentials, listener));
                let plaintext_cancel = listener.plaintext_cancel;
                let entrance = Entrance { door, spoken, plaintext_cancel, accepted, scope, callers };
                entrances.insert(listener.name.as_str().into(), entrance);
            }
        }
        (entrances, faults)
    }

    fn door(
        &self,
        prepared: &Prepared,
        credentials: &Credentials,
        listener: &ListenerPlan,
        recorded: &Revocations,
    ) -> Result<Option<Door>, Fault> {
        let Some(name) = &listener.tls else { return Ok(None) };
        let missing = || Fault::ours(format!("listener {:?} has no TLS profile {name:?}", listener.name));
        let tls = prepared.plan.tls.get(name).ok_or_else(missing)?;
        let profile = prepared.profiles.get(name).ok_or_else(missing)?;
        let credential = credentials.get(name).ok_or_else(missing)?;
        Door::new(DoorSpec {
            credentials: vec![Arc::clone(credential)],
            client_auth: client_auth(tls, profile, &listener.auth, recorded),
            min_version: min_version(tls.min_version),
            alpn: alpn(listener.transport),
            handshake_timeout: prepared.plan.limits.handshake_timeout,
            clock: Arc::clone(&self.clock),
            memories: self.memories.clone(),
            online: self.inquirers.of(&tls.revocation),
        })
        .map(Some)
    }
}

/// By which names a listener's handshakes are counted: those of the registered services.
fn callers(prepared: &Prepared, credentials: &Credentials, listener: &ListenerPlan) -> Callers {
    let registered = prepared.plan.authority.as_ref().map(|written| written.services.clone());
    let registered = registered.unwrap_or_default();
    let presented = listener.tls.as_ref().and_then(|name| credentials.get(name));
    let name = presented.and_then(|credential| credential.leaf().identity().common_name().one());
    let to = name.filter(|name| registered.contains(*name)).map(str::to_owned);
    Callers { registered, to }
}

fn scope(listener: &ListenerPlan) -> Scope {
    Scope {
        everything: listener.answers(Serves::Everything),
        published: listener.answers(Serves::Published),
        enrolment: listener.answers(Serves::Enrolment),
        acme: listener.answers(Serves::Acme),
    }
}

/// An entrance whose door has heard what our ledger says. One whose door cannot be made anew lets nobody in.
fn told(entrance: &Entrance, recorded: &Revocations) -> Entrance {
    let door = entrance.door.as_ref().and_then(|door| {
        let Some(trust) = door.trust() else { return Some(Arc::clone(door)) };
        match door.with_revocations(Arc::new(trust.revocations().with_recorded_of(recorded))) {
            Ok(door) => Some(Arc::new(door)),
            Err(fault) => {
                tracing::error!(%fault, "a listener's TLS settings could not be made anew; it lets nobody in");
                None
            }
        }
    });
    Entrance { door, ..entrance.clone() }
}

/// What a listener asks of its peers: exactly `[mtls]` means that a certificate is required.
pub(crate) fn asked(tls: &TlsPlan, auth: &[Accepted]) -> Option<config::ClientAuth> {
    match (tls.client_ca.is_some(), tls.client_auth, auth) {
        (false, ..) => None,
        (true, Some(written), _) => Some(written),
        (true, None, [Accepted::Mtls]) => Some(config::ClientAuth::Require),
        (true, None, _) => Some(config::ClientAuth::Request),
    }
}

fn client_auth(tls: &TlsPlan, profile: &TlsProfile, auth: &[Accepted], recorded: &Revocations) -> ClientAuth {
    let told = |trust: &Arc<Trust>| {
        Arc::new(trust.with_revocations(Arc::new(trust.revocations().with_recorded_of(recorded))))
    };
    match (asked(tls, auth), &profile.trust) {
        (Some(config::ClientAuth::Require), Some(trust)) => ClientAuth::Require(told(trust)),
        (Some(config::ClientAuth::Request), Some(trust)) => ClientAuth::Request(told(trust)),
        _ => ClientAuth::Off,
    }
}

fn spoken(written: config::Transport) -> Spoken {
    match written {
        config::Transport::H1 => Spoken::Http,
        config::Transport::H2 => Spoken::Https,
        config::Transport::Postgres => Spoken::Postgres,
    }
}

/// The protocols that a handshake may agree on, best first.
fn alpn(written: config::Transport) -> Vec<Vec<u8>> {
    match written {
        config::Transport::H1 | config::Transport::H2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        config::Transport::Postgres => vec![b"postgresql".to_vec()],
    }
}

/// The databases by the hosts that clients connect to.
fn database_hosts(plan: &config::Plan) -> HashMap<Box<str>, Box<str>> {
    let of = |database: &config::DatabasePlan| {
        let name: Box<str> = database.name.as_str().into();
        let hosts = database.hosts.iter().map(|host| Box::from(host.as_str()));
        hosts.map(|host| (host, name.clone())).collect::<Vec<_>>()
    };
    plan.databases.iter().flat_map(of).collect()
}

pub(crate) fn min_version(written: config::TlsVersion) -> TlsVersion {
    match written {
        config::TlsVersion::V1_2 => TlsVersion::Tls12,
        config::TlsVersion::V1_3 => TlsVersion::Tls13,
    }
}

fn statement_limits(limits: &config::LimitsPlan) -> database::Limits {
    database::Limits {
        max_rows: size(limits.max_rows),
        max_result_bytes: size(limits.max_result_bytes),
        statement_timeout: limits.statement_timeout,
        max_concurrent: size(limits.max_concurrent_per_db),
    }
}

fn http_limits(limits: &config::LimitsPlan) -> HttpLimits {
    HttpLimits {
        head: limits.header_timeout,
        body: limits.body_timeout,
        idle: limits.idle_timeout,
        body_bytes: size(limits.max_request_bytes),
        head_bytes: HEAD_BYTES,
        streams: STREAMS,
        per_principal_rps: u32::try_from(limits.per_principal_rps).unwrap_or(u32::MAX),
    }
}

fn slot_limits(limits: &config::LimitsPlan) -> SlotLimits {
    SlotLimits {
        connections: size(limits.max_connections),
        connections_per_address: size(limits.max_connections_per_ip),
        handshakes_per_address: size(limits.handshakes_per_ip),
    }
}

/// A bound as this machine counts; what it cannot count to is no bound.
pub(crate) fn size(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX)
}

/// Publishing counts on from here.
const FIRST_GENERATION: u64 = 1;
/// Heads of API calls are a few hundred bytes; a megabyte of cookies is somebody else's mistake.
const HEAD_BYTES: usize = 16 * 1024;
/// Streams of one HTTP/2 connection: enough for a pool in one connection, bounded for a flood.
const STREAMS: u32 = 128;
