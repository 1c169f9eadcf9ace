//! The accept loop of one listener.
//!
//! - `shaking`: handshakes, and what goes on record of those that come to nothing.

mod shaking;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fault::{Code, Refusal};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::Door;

use self::shaking::Shaken;
use crate::callers::Callers;
use crate::gateway::Gateway;
use crate::http;
use crate::listener::{Listener, Spoken};
use crate::live::Live;
use crate::metrics::ListenerLabel;
use crate::pace::{Pace, Paced};
use crate::postgres;
use crate::refusals::{Evidence, Refused, Stage, Why};
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
        let entrance = snapshot.entrances.get(&self.listener.name);
        let callers = entrance.map(|at| Arc::clone(&at.callers)).unwrap_or_default();
        let entrance = entrance.map(|at| (at.spoken, at.plaintext_cancel, at.door.clone()));
        drop(snapshot);
        match entrance {
            Some((Spoken::Https, _, Some(door))) => {
                let shaking = Box::pin(self.shake(&door, stream, generation, &callers));
                let Some(shaken) = until(&stop, shaking).await.flatten() else { return };
                let (live, stream, h2, pace) =
                    self.opened(shaken, generation, Spoken::Https, &door, &callers);
                drop((door, callers));
                let (session, stream) = (live.session(), Paced::new(stream, pace));
                match h2 {
                    true => Box::pin(http::serve_h2(session, stream, stop)).await,
                    false => Box::pin(http::serve_h1(session, stream, stop)).await,
                }
            }
            Some((Spoken::Postgres, plaintext_cancel, Some(door))) => {
                keep_alive(&stream);
                let shaking = self.shake_postgres(&door, stream, plaintext_cancel, generation, &callers);
                let Some(shaken) = until(&stop, Box::pin(shaking)).await.flatten() else { return };
                let (live, stream, _, _) = self.opened(shaken, generation, Spoken::Postgres, &door, &callers);
                drop((door, callers));
                Box::pin(postgres::serve(live.session(), stream, stop)).await;
            }
            Some((Spoken::Http, ..)) => {
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
            Some((Spoken::Https | Spoken::Postgres, _, None)) => {
                tracing::error!(listener = &*self.listener.name, "no TLS settings; closed");
            }
            // The listener is being removed, and this one came just before its socket was closed.
            None => {}
        }
    }

    /// Opens the session of a handshake that is done. Also answers the stream, whether HTTP/2 was agreed on, and the pace.
    fn opened(
        &mut self,
        shaken: Shaken,
        generation: u64,
        spoken: Spoken,
        door: &Door,
        callers: &Callers,
    ) -> (Live, Box<TlsStream<TcpStream>>, bool, Arc<Pace>) {
        let (stream, h2, arrival) = shaken.arrived(generation, spoken, self.address, door.vouchers());
        let (live, pace) = self.open(arrival, !h2);
        live.session().count_call(callers);
        (live, stream, h2, pace)
    }

    fn open(&mut self, arrival: Arrival, heads: bool) -> (Live, Arc<Pace>) {
        self.slot.shaken();
        let pace = Arc::new(Pace::new(heads));
        let (gateway, listener) = (Arc::clone(&self.gateway), Arc::clone(&self.listener));
        (Session::open(gateway, listener, arrival, Arc::clone(&pace)), pace)
    }
}

/// Sessions of PostgreSQL may be quiet for as long as they like: whether the client is still there is the kernel's to ask.
fn keep_alive(stream: &TcpStream) {
    let asking = TcpKeepalive::new().with_time(QUIET).with_interval(ASKING).with_retries(ASKED);
    let _ = SockRef::from(stream).set_tcp_keepalive(&asking);
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

/// From the last byte to the first question, and from question to question; after so many the client is gone.
const QUIET: Duration = Duration::from_secs(60);
const ASKING: Duration = Duration::from_secs(15);
const ASKED: u32 = 4;
/// Descriptors run out for a while, not for ever.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
