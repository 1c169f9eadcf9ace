//! The accept loop of one listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fault::{Code, Refusal};
use identity::Verified;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{Accepted, Door, FailureKind, HandshakeFailure, HelloId};

use crate::gateway::Gateway;
use crate::http;
use crate::journal::{AuditEvent, AuditKind};
use crate::listener::{Listener, Spoken};
use crate::metrics::ListenerLabel;
use crate::pace::{Pace, Paced};
use crate::refusals::{self, Evidence, Refused, Stage, Why};
use crate::refused::RefusalId;
use crate::session::{Arrival, Session};
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
        let entrance = snapshot.entrances.get(&self.listener.name).map(|at| (at.spoken, at.door.clone()));
        drop(snapshot);
        match entrance {
            Some((Spoken::Https, Some(door))) => {
                let Some(shaken) =
                    until(&stop, Box::pin(self.shake(&door, stream, generation))).await.flatten()
                else {
                    return;
                };
                let vouchers = door.vouchers();
                drop(door);
                let Shaken { stream, h2, sni: server_name, verified, hello } = shaken;
                let address = self.address;
                let arrival = Arrival { generation, address, server_name, verified, vouchers, hello };
                let (session, pace) = self.open(arrival, !h2);
                let stream = Paced::new(stream, pace);
                match h2 {
                    true => Box::pin(http::serve_h2(session, stream, stop)).await,
                    false => Box::pin(http::serve_h1(session, stream, stop)).await,
                }
            }
            Some((Spoken::Http, _)) => {
                let address = self.address;
                let (server_name, verified, vouchers) = (None, None, None);
                let arrival = Arrival { generation, address, server_name, verified, vouchers, hello: None };
                let (session, pace) = self.open(arrival, true);
                Box::pin(http::serve_h1(session, Paced::new(stream, pace), stop)).await;
            }
            // A door that the snapshot does not have is never a reason for clear text.
            Some((Spoken::Https, None)) => {
                tracing::error!(listener = &*self.listener.name, "no TLS settings; closed");
            }
            // The listener is being removed, and this one came just before its socket was closed.
            None => {}
        }
    }

    fn open(&mut self, arrival: Arrival, heads: bool) -> (Arc<Session>, Arc<Pace>) {
        self.slot.shaken();
        let pace = Arc::new(Pace::new(heads));
        let session =
            Session::open(Arc::clone(&self.gateway), Arc::clone(&self.listener), arrival, Arc::clone(&pace));
        (Arc::new(session), pace)
    }

    async fn shake(&self, door: &Door, stream: TcpStream, generation: u64) -> Option<Shaken> {
        match door.accept(stream).await {
            Ok(Accepted { stream, verdict, alpn, sni, hello, .. }) => {
                let verified = match verdict {
                    Ok(verified) => verified,
                    Err(refusal) => {
                        self.gateway.metrics.shaken(&self.listener.name, refusal.code().as_str());
                        self.record(&refusal, sni.as_deref(), hello, RefusalId::draw());
                        return None;
                    }
                };
                self.gateway.metrics.shaken(&self.listener.name, "ok");
                let h2 = alpn.as_deref() == Some(b"h2");
                Some(Shaken { stream: Box::new(stream), h2, sni, verified, hello })
            }
            Err(failure) => {
                self.note(&failure, generation);
                None
            }
        }
    }

    /// A handshake that failed: counted always, in the log at a bounded rate, on record where it is a refusal.
    fn note(&self, failure: &HandshakeFailure, generation: u64) {
        let result = failure.refusal().map_or(failure.kind().as_str(), |refusal| refusal.code().as_str());
        self.gateway.metrics.shaken(&self.listener.name, result);
        let (listener, peer, cause) = (&*self.listener.name, self.address, failure.cause());
        let id = RefusalId::draw();
        if let Some(refusal) = failure.refusal() {
            self.record(refusal, failure.sni(), failure.hello(), id);
        }
        self.keep(failure, generation, id);
        if !self.gateway.may_warn() {
            return;
        }
        let handshake = failure.hello().map(tracing::field::display);
        match failure.refusal() {
            Some(refusal) => {
                let code = refusal.code();
                let remedy = code.remedy();
                tracing::warn!(listener, %peer, %code, cause = refusal.cause(), refusal = %id, handshake, remedy, "handshake refused");
            }
            None => {
                tracing::warn!(listener, %peer, kind = result, cause, refusal = %id, handshake, "handshake failed");
            }
        }
    }

    /// Keeps it for whoever asks why. A client that only went away was not refused.
    fn keep(&self, failure: &HandshakeFailure, generation: u64, id: RefusalId) {
        let why = match failure.refusal() {
            Some(refusal) => Why::refusal(refusal),
            None if failure.kind() == FailureKind::Closed => return,
            None => Why::failure(failure.kind(), failure.cause()),
        };
        self.gateway.refused.keep(Refused {
            id,
            hello: failure.hello(),
            at: self.gateway.now(),
            stage: Stage::Handshake,
            listener: Arc::clone(&self.listener.name),
            peer: self.address,
            server_name: failure.sni().map(refusals::kept),
            why,
            generation,
            evidence: Evidence::presented(failure.presented()),
            principal: None,
            target: None,
        });
    }

    fn record(
        &self,
        refusal: &Refusal,
        server_name: Option<&str>,
        handshake: Option<HelloId>,
        id: RefusalId,
    ) {
        self.gateway.metrics.refused(refusal.code());
        self.gateway.journal.audit(&AuditEvent {
            at: self.gateway.now(),
            kind: AuditKind::Refusal,
            listener: &self.listener.name,
            peer: self.address,
            server_name,
            principal: None,
            method: None,
            certificate: None,
            target: None,
            handshake,
            refusal: Some((refusal.code(), refusal.cause(), id)),
        });
    }
}

/// What a handshake leaves. The stream is boxed: it is more than a kilobyte, and every future that it passes through
/// would keep room for it.
struct Shaken {
    stream: Box<TlsStream<TcpStream>>,
    h2: bool,
    sni: Option<Box<str>>,
    verified: Option<Verified>,
    hello: Option<HelloId>,
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
    if gateway.may_warn() {
        tracing::warn!(
            listener = &*listener.name, peer = %address, code = %Code::TooManyConnections,
            "the address holds too many connections; closed"
        );
    }
}

/// Descriptors run out for a while, not for ever.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
