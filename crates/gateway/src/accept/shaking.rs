//! From a connection to a handshake that is done, or to what goes on record where it is not.

use std::net::SocketAddr;
use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{Certificate, Verified};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use transport::{Accepted, Arrived, Door, FailureKind, HandshakeFailure, HelloId, Vouchers};
use wire::postgres::cancel::CancelKey;

use super::Arriving;
use crate::callers::{self, Callers};
use crate::journal::{AuditEvent, AuditKind};
use crate::listener::Spoken;
use crate::postgres::keys::Asks;
use crate::postgres::last_words;
use crate::refusals::{self, Evidence, Refused, Stage, Why};
use crate::refused::RefusalId;
use crate::session::{Arrival, Late};

impl Arriving {
    /// The handshake of a client that begins with TLS.
    pub(super) async fn shake(
        &self,
        door: &Door,
        stream: TcpStream,
        generation: u64,
        callers: &Callers,
    ) -> Option<Shaken> {
        match door.accept(stream).await {
            Ok(accepted) => Some(self.shaken(accepted, generation)),
            Err((failure, farewell)) => {
                self.count_call(&failure, callers);
                self.note(&failure, generation);
                farewell.linger().await;
                None
            }
        }
    }

    /// The handshake of a PostgreSQL client, which may ask for TLS in words of its own. A client that goes on without is
    /// told so in these; one that came to cancel is served here.
    pub(super) async fn shake_postgres(
        &self,
        door: &Door,
        stream: TcpStream,
        plaintext_cancel: bool,
        generation: u64,
        callers: &Callers,
    ) -> Option<Shaken> {
        match door.accept_postgres(stream, plaintext_cancel).await {
            Ok(Arrived::Shaken(accepted)) => Some(self.shaken(*accepted, generation)),
            Ok(Arrived::Cancel(key)) => {
                self.cancel(&key).await;
                None
            }
            Err((failure, farewell)) => {
                self.count_call(&failure, callers);
                let id = self.note(&failure, generation);
                match words(&failure, id) {
                    Some(words) => farewell.saying(&words).await.linger().await,
                    None => farewell.linger().await,
                }
                None
            }
        }
    }

    /// Cancels by a key that came in clear text, where the listener allows that.
    async fn cancel(&self, key: &CancelKey) {
        let (listener, peer) = (&*self.listener.name, self.address);
        match self.gateway.cancel_keys.find(key, Asks::Anybody) {
            Ok(canceller) => {
                tracing::info!(listener, %peer, process = key.process(), "cancelled by a request in clear text");
                canceller.cancel().await;
            }
            Err(_) => tracing::debug!(listener, %peer, "nothing to cancel by this key"),
        }
    }

    fn shaken(&self, accepted: Accepted, generation: u64) -> Shaken {
        let Accepted { stream, verdict, alpn, sni, hello, .. } = accepted;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let retiring = self.gateway.passages.are_shown(chain);
        let presented = chain.first().map(AsRef::as_ref);
        let greeted = Greeted { generation, server_name: sni.as_deref(), hello, presented };
        let verdict = verdict.map_err(|refusal| Box::new(self.late(refusal, &greeted)));
        if verdict.is_ok() {
            self.gateway.metrics.shaken(&self.listener.name, "ok");
        }
        let h2 = alpn.as_deref() == Some(b"h2");
        Shaken { stream: Box::new(stream), h2, server_name: sni, verdict, hello, retiring }
    }

    /// A refusal that came when TLS could not tell it any more.
    fn late(&self, refusal: Refusal, greeted: &Greeted<'_>) -> Late {
        let id = self.refused(&refusal, greeted);
        Late { refusal, id }
    }

    /// A handshake that failed: counted always, in the log at a bounded rate, on record where it is a refusal.
    fn note(&self, failure: &HandshakeFailure, generation: u64) -> RefusalId {
        let (server_name, hello, presented) = (failure.sni(), failure.hello(), failure.presented());
        let greeted = Greeted { generation, server_name, hello, presented };
        if let Some(refusal) = failure.refusal() {
            self.gateway.observed.turned_away(&self.listener.name, failure.chain());
            return self.refused(refusal, &greeted);
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
        id
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

/// What a PostgreSQL client is told in clear text; nothing where it does not listen for that.
fn words(failure: &HandshakeFailure, id: RefusalId) -> Option<Vec<u8>> {
    match (failure.refusal(), failure.kind()) {
        (Some(refusal), _) if refusal.code() == Code::PlaintextRefused => {
            Some(last_words::refusal(refusal, id, None))
        }
        (None, kind @ FailureKind::Injected) => {
            Some(last_words::fault("08P01", kind.sentence(), kind.remedy()))
        }
        _ => None,
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
pub(super) struct Shaken {
    pub(super) stream: Box<TlsStream<TcpStream>>,
    pub(super) h2: bool,
    pub(super) server_name: Option<Box<str>>,
    pub(super) verdict: Result<Option<Verified>, Box<Late>>,
    pub(super) hello: Option<HelloId>,
    /// Whether the peer sent an authority along that is to go.
    pub(super) retiring: bool,
}

impl Shaken {
    /// The stream, whether HTTP/2 was agreed on, and how the session is opened.
    pub(super) fn arrived(
        self,
        generation: u64,
        spoken: Spoken,
        address: SocketAddr,
        vouchers: Option<Vouchers>,
    ) -> (Box<TlsStream<TcpStream>>, bool, Arrival) {
        let (verified, late) = match self.verdict {
            Ok(verified) => (verified, None),
            Err(late) => (None, Some(late)),
        };
        let (server_name, hello, retiring) = (self.server_name, self.hello, self.retiring);
        let arrival =
            Arrival { generation, spoken, address, server_name, verified, vouchers, hello, late, retiring };
        (self.stream, self.h2, arrival)
    }
}
