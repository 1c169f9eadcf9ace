//! The accept loop of one listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fault::{Code, Refusal};
use identity::{Certificate, Verified};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{Accepted, Door, FailureKind, HandshakeFailure, HelloId};

use crate::callers::{self, Callers};
use crate::gateway::Gateway;
use crate::http;
use crate::journal::{AuditEvent, AuditKind};
use crate::listener::{Listener, Spoken};
use crate::live::Live;
use crate::metrics::ListenerLabel;
use crate::pace::{Pace, Paced};
use crate::refusals::{self, Evidence, Refused, Stage, Why};
use crate::refused::RefusalId;
use crate::session::{Arrival, Late, Session};
use crate::slots::{Slot, Slots};

/// How sessions end with the node: asked to finish, then cut.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    pub(crate) stop: CancellationToken,
    pub(crate) cut: CancellationToken,
}

/// Accepts until told to stop; every connection lives in a task of `connections`, and ends with the node.
pub(crate) async fn accept(
    gateway: Arc<Gateway>,
    listener: Arc<Listener>,
    slots: Arc<Slots>,
    stop: CancellationToken,
    ends: Ends,
    connections: TaskTracker,
) {
    let Some(socket) = listener.take_socket() else { return };
    let mut pause = FIRST_PAUSE;
    while let Some(slot) = until(&stop, slots.take()).await.flatten() {
        let Some(accepted) = until(&stop, socket.accept()).await else { return };
        let (stream, address) = match accepted {
            Ok(connection) => connection,
            Err(error) if peer_left(&error) => continue,
            Err(error) => {
                tracing::error!(listener = &*listener.name, %error, ?pause, "cannot accept; waiting");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        pause = FIRST_PAUSE;
        match slots.give(slot, address.ip()) {
            Some(slot) => {
                let arriving = Arriving {
                    gateway: Arc::clone(&gateway),
                    listener: Arc::clone(&listener),
                    address,
                    slot,
                };
                let (run, cut) = (arriving.run(stream, ends.stop.clone()), ends.cut.clone());
                connections.spawn(async move { until(&cut, run).await });
            }
            None => turn_away(&gateway, &listener, address),
        }
    }
}

/// A connection that has a slot and has not yet said anything.
struct Arriving {
    gateway: Arc<Gateway>,
    listener: Arc<Listener>,
    address: SocketAddr,
    slot: Slot,
}

impl Arriving {
    /// One connection, from its first byte to its last. The handshake and the session are boxed apart, so that an
    /// idle session does not keep the room that its handshake needed.
    async fn run(mut self, stream: TcpStream, stop: CancellationToken) {
        // Small answers must not wait for more to send.
        let _ = stream.set_nodelay(true);
        let snapshot = self.gateway.snapshot();
        let generation = snapshot.generation;
        let entrance = snapshot.entrances.get(&self.listener.name);
        let callers = entrance.map(|at| Arc::clone(&at.callers)).unwrap_or_default();
        let entrance = entrance.map(|at| (at.spoken, at.door.clone()));
        drop(snapshot);
        match entrance {
            Some((Spoken::Https, Some(door))) => {
                let Some(shaken) =
                    until(&stop, Box::pin(self.shake(&door, stream, generation, &callers))).await.flatten()
                else {
                    return;
                };
                let vouchers = door.vouchers();
                drop(door);
                let Shaken { stream, h2, server_name, verdict, hello, retiring } = shaken;
                let (verified, late) = match verdict {
                    Ok(verified) => (verified, None),
                    Err(late) => (None, Some(late)),
                };
                let arrival = Arrival {
                    generation,
                    spoken: Spoken::Https,
                    address: self.address,
                    server_name,
                    verified,
                    vouchers,
                    hello,
                    late,
                    retiring,
                };
                let (live, pace) = self.open(arrival, !h2);
                let (session, stream) = (live.session(), Paced::new(stream, pace));
                session.count_call(&callers);
                drop(callers);
                match h2 {
                    true => Box::pin(http::serve_h2(session, stream, stop)).await,
                    false => Box::pin(http::serve_h1(session, stream, stop)).await,
                }
            }
            Some((Spoken::Postgres, _)) => {}
            Some((Spoken::Http, _)) => {
                let arrival = Arrival {
                    generation,
                    spoken: Spoken::Http,
                    address: self.address,
                    server_name: None,
                    verified: None,
                    vouchers: None,
                    hello: None,
                    late: None,
                    retiring: false,
                };
                let (live, pace) = self.open(arrival, true);
                Box::pin(http::serve_h1(live.session(), Paced::new(stream, pace), stop)).await;
            }
            // A door that the snapshot does not have is never a reason for clear text.
            Some((Spoken::Https, None)) => {
                tracing::error!(listener = &*self.listener.name, "no TLS settings; closed");
            }
            // The listener is being removed, and this one came just before its socket was closed.
            None => {}
        }
    }

    fn open(&mut self, arrival: Arrival, heads: bool) -> (Live, Arc<Pace>) {
        self.slot.shaken();
        let pace = Arc::new(Pace::new(heads));
        let (gateway, listener) = (Arc::clone(&self.gateway), Arc::clone(&self.listener));
        (Session::open(gateway, listener, arrival, Arc::clone(&pace)), pace)
    }

    async fn shake(
        &self,
        door: &Door,
        stream: TcpStream,
        generation: u64,
        callers: &Callers,
    ) -> Option<Shaken> {
        match door.accept(stream).await {
            Ok(Accepted { stream, verdict, alpn, sni, hello, .. }) => {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let retiring = self.gateway.passages.are_shown(chain);
                let presented = chain.first().map(AsRef::as_ref);
                let greeted = Greeted { generation, server_name: sni.as_deref(), hello, presented };
                let verdict = verdict.map_err(|refusal| Box::new(self.late(refusal, &greeted)));
                if verdict.is_ok() {
                    self.gateway.metrics.shaken(&self.listener.name, "ok");
                }
                let h2 = alpn.as_deref() == Some(b"h2");
                Some(Shaken { stream: Box::new(stream), h2, server_name: sni, verdict, hello, retiring })
            }
            Err((failure, farewell)) => {
                self.count_call(&failure, callers);
                self.note(&failure, generation);
                farewell.linger().await;
                None
            }
        }
    }

    /// A refusal that came when TLS could not tell it any more.
    fn late(&self, refusal: Refusal, greeted: &Greeted<'_>) -> Late {
        let id = self.refused(&refusal, greeted);
        Late { refusal, id }
    }

    /// A handshake that failed: counted always, in the log at a bounded rate, on record where it is a refusal.
    fn note(&self, failure: &HandshakeFailure, generation: u64) {
        let (server_name, hello, presented) = (failure.sni(), failure.hello(), failure.presented());
        let greeted = Greeted { generation, server_name, hello, presented };
        if let Some(refusal) = failure.refusal() {
            self.gateway.observed.turned_away(&self.listener.name, failure.chain());
            self.refused(refusal, &greeted);
            return;
        }
        let (id, kind, cause) = (RefusalId::draw(), failure.kind(), failure.cause());
        self.gateway.metrics.shaken(&self.listener.name, kind.as_str());
        // A client that only went away was not refused.
        if kind != FailureKind::Closed {
            self.keep(Why::failure(kind, cause), &greeted, id);
        }
        if is_handshake(kind) {
            let said = format!("{kind}: {cause}");
            self.audit(&greeted, None, Some(&said));
        }
        if self.gateway.may_warn() {
            let (listener, peer) = (&*self.listener.name, self.address);
            let handshake = hello.map(tracing::field::display);
            tracing::warn!(listener, %peer, kind = kind.as_str(), cause, refusal = %id, handshake, "handshake failed");
        }
    }

    /// Counts a handshake that came to nothing, by what its client claimed to be.
    fn count_call(&self, failure: &HandshakeFailure, callers: &Callers) {
        let claimed = failure.presented().and_then(|leaf| Certificate::from_der(leaf.to_vec().into()).ok());
        let reason =
            failure.refusal().map_or(failure.kind().as_str(), |refusal| callers::reason(refusal.code()));
        callers.count(&self.gateway.metrics, claimed.as_ref(), Some(reason));
    }

    /// Puts the refusal of a handshake on record.
    fn refused(&self, refusal: &Refusal, greeted: &Greeted<'_>) -> RefusalId {
        let (id, code, cause) = (RefusalId::draw(), refusal.code(), refusal.cause());
        self.gateway.metrics.shaken(&self.listener.name, code.as_str());
        self.gateway.metrics.refused(code);
        self.audit(greeted, Some((code, cause, id)), None);
        self.keep(Why::refusal(refusal), greeted, id);
        if self.gateway.may_warn() {
            let (listener, peer, remedy) = (&*self.listener.name, self.address, code.remedy());
            let handshake = greeted.hello.map(tracing::field::display);
            tracing::warn!(listener, %peer, %code, cause, refusal = %id, handshake, remedy, "handshake refused");
        }
        id
    }

    fn audit(&self, greeted: &Greeted<'_>, refusal: Option<(Code, &str, RefusalId)>, detail: Option<&str>) {
        let certificate = greeted.presented.and_then(|leaf| Certificate::from_der(leaf.to_vec().into()).ok());
        self.gateway.journal.audit(&AuditEvent {
            at: self.gateway.now(),
            kind: AuditKind::Refusal,
            listener: &self.listener.name,
            peer: self.address,
            server_name: greeted.server_name,
            principal: None,
            method: None,
            certificate: certificate.as_ref(),
            target: None,
            handshake: greeted.hello,
            refusal,
            detail,
        });
    }

    /// Keeps it for whoever asks why.
    fn keep(&self, why: Why, greeted: &Greeted<'_>, id: RefusalId) {
        self.gateway.refused.keep(Refused {
            id,
            hello: greeted.hello,
            at: self.gateway.now(),
            stage: Stage::Handshake,
            listener: Arc::clone(&self.listener.name),
            peer: self.address,
            server_name: greeted.server_name.map(refusals::kept),
            why,
            generation: greeted.generation,
            evidence: Evidence::presented(greeted.presented),
            principal: None,
            target: None,
        });
    }
}

/// Whether two parties came to speak of a handshake, which then came to nothing. What is no TLS, and who went away, is in
/// the log and in the counters.
fn is_handshake(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Refused
        | FailureKind::Version
        | FailureKind::Alpn
        | FailureKind::NothingInCommon
        | FailureKind::Unproven
        | FailureKind::Injected
        | FailureKind::Alert
        | FailureKind::Ours => true,
        FailureKind::Plaintext | FailureKind::Closed | FailureKind::Garbage | FailureKind::Timeout => false,
    }
}

/// What a client said in its handshake, and the generation of the snapshot that heard it.
struct Greeted<'a> {
    generation: u64,
    server_name: Option<&'a str>,
    hello: Option<HelloId>,
    presented: Option<&'a [u8]>,
}

/// What a handshake leaves. The stream is boxed: it is more than a kilobyte, and every future that it passes through
/// would keep room for it.
struct Shaken {
    stream: Box<TlsStream<TcpStream>>,
    h2: bool,
    server_name: Option<Box<str>>,
    verdict: Result<Option<Verified>, Box<Late>>,
    hello: Option<HelloId>,
    /// Whether the peer sent an authority along that is to go.
    retiring: bool,
}

/// The future's value, or nothing once told to stop.
async fn until<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        value = future => Some(value),
    }
}

/// Errors of one connection that was gone before it was accepted; they say nothing about the next one.
fn peer_left(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn turn_away(gateway: &Gateway, listener: &Listener, address: SocketAddr) {
    gateway.metrics.turned_away.get_or_create(&ListenerLabel { listener: listener.name.to_string() }).inc();
    let (id, code) = (RefusalId::draw(), Code::TooManyConnections);
    let cause = "the address holds too many connections";
    gateway.refused.keep(Refused {
        id,
        hello: None,
        at: gateway.now(),
        stage: Stage::Handshake,
        listener: Arc::clone(&listener.name),
        peer: address,
        server_name: None,
        why: Why::refusal(&Refusal::new(code, cause)),
        generation: gateway.generation(),
        evidence: Evidence::Nothing,
        principal: None,
        target: None,
    });
    if gateway.may_warn() {
        tracing::warn!(
            listener = &*listener.name, peer = %address, %code, refusal = %id,
            "the address holds too many connections; closed"
        );
    }
}

/// Descriptors run out for a while, not for ever.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
