//! A [`Door`]: all that a listener's handshakes are judged by.

use std::sync::Arc;
use std::time::Duration;

use fault::{Fault, Refusal};
use identity::{Credential, Revocations, Trust, Verified};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ask::{Ask, Vouchers};
use super::failure::{FailureKind, HandshakeFailure};
use super::farewell::Farewell;
use super::first_bytes;
use super::hello::HelloId;
use super::memory::Memories;
use super::notes::{self, Notes};
use super::online::Online;
use super::provider::{self, TlsVersion};
use super::resolve::ByName;

use crate::Clock;
use crate::clock::RustlsTime;

/// Whether clients are asked for a certificate, and by whom it must be vouched for.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Not asked.
    Off,
    /// Asked; a client without one is let through, one with a bad one is not.
    Request(Arc<Trust>),
    /// Asked; a client without a good one is not let through.
    Require(Arc<Trust>),
}

/// What a [`Door`] is built from.
#[derive(Clone, Debug)]
pub struct DoorSpec {
    /// What we present: the first that covers the name asked for (exact before wildcard), else the first.
    pub credentials: Vec<Arc<Credential>>,
    /// Whether clients present theirs.
    pub client_auth: ClientAuth,
    /// The oldest version of TLS that is spoken.
    pub min_version: TlsVersion,
    /// The application protocols that are spoken, best first; empty for none.
    pub alpn: Vec<Vec<u8>>,
    /// How long a handshake may take; 10 seconds is customary.
    pub handshake_timeout: Duration,
    /// The clock that certificates are judged by.
    pub clock: Arc<dyn Clock>,
    /// What the node's doors remember; one for all doors of a node, so that a new door knows what its forerunner verified.
    pub memories: Memories,
    /// Who asks the authorities' own services, where that is wanted.
    pub online: Option<Arc<dyn Online>>,
}

/// The TLS settings of one listener, immutable; a reload builds another.
#[derive(Clone, Debug)]
pub struct Door {
    config: Arc<ServerConfig>,
    ask: Option<Arc<Ask>>,
    timeout: Duration,
    certificates: Arc<ByName>,
    min_version: TlsVersion,
    clock: Arc<dyn Clock>,
}

/// A connection whose handshake is done and whose client has been judged.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// The client's chain, accepted at this moment; `None` where no certificate was presented. A refusal where the
    /// authorities' services were asked after the handshake and said no: nothing may be served but that refusal.
    pub verdict: Result<Option<Verified>, Refusal>,
    /// The application protocol agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The name that the client asked for.
    pub sni: Option<Box<str>>,
    /// The version of TLS agreed on.
    pub version: TlsVersion,
    /// The id that the client knows the handshake by.
    pub hello: Option<HelloId>,
}

/// A handshake that came to nothing, and the connection where something can still be said on it.
pub(super) type Unshaken = (HandshakeFailure, Option<TcpStream>);

impl Door {
    /// Builds the settings.
    ///
    /// # Errors
    /// There is no credential, or one whose key cannot sign a handshake.
    pub fn new(spec: DoorSpec) -> Result<Self, Fault> {
        let ask = match spec.client_auth {
            ClientAuth::Off => None,
            ClientAuth::Request(trust) => Some((trust, false)),
            ClientAuth::Require(trust) => Some((trust, true)),
        };
        let ask = ask.map(|(trust, mandatory)| {
            Arc::new(Ask::new(trust, &spec.memories, mandatory, spec.online, Arc::clone(&spec.clock)))
        });
        let certificates = Arc::new(ByName::new(&spec.credentials, spec.alpn)?);
        let (min_version, clock) = (spec.min_version, spec.clock);
        let config = Arc::new(config(ask.as_ref(), &certificates, min_version, &clock)?);
        Ok(Self { config, ask, timeout: spec.handshake_timeout, certificates, min_version, clock })
    }

    /// The same door by other revocations. It costs microseconds: certificates and what was remembered are shared.
    ///
    /// # Errors
    /// The settings cannot be built anew, which is a defect of ours.
    pub fn with_revocations(&self, revocations: Arc<Revocations>) -> Result<Self, Fault> {
        let Some(ask) = &self.ask else { return Ok(self.clone()) };
        let ask = Some(Arc::new(ask.with_revocations(revocations)));
        let config = Arc::new(config(ask.as_ref(), &self.certificates, self.min_version, &self.clock)?);
        Ok(Self { config, ask, ..self.clone() })
    }

    /// Whom it believes; nothing where clients are not asked for a certificate.
    #[must_use]
    pub fn trust(&self) -> Option<&Arc<Trust>> {
        self.ask.as_ref().map(|ask| ask.trust())
    }

    /// By which authorities it accepts chains; nothing where clients are not asked for a certificate.
    #[must_use]
    pub fn vouchers(&self) -> Option<Vouchers> {
        self.ask.as_ref().map(|ask| ask.vouchers())
    }

    /// Whether clients are asked for a certificate.
    #[must_use]
    pub fn asks_for_certificate(&self) -> bool {
        self.ask.is_some()
    }

    /// Whether a client without a certificate is not let through.
    #[must_use]
    pub fn requires_certificate(&self) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask.is_mandatory())
    }

    /// Asks from memory about a chain that a client presented or may present; nothing where no certificate is asked for.
    ///
    /// # Errors
    /// The refusal that a handshake with the chain would meet.
    pub fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Option<Verified>, Refusal> {
        self.ask.as_ref().map(|ask| ask.judge(chain)).transpose()
    }

    /// Asks from memory about a client that an earlier door let in by `vouchers`; nothing where this one asks for no
    /// certificate. A chain whose authority has to be asked comes back unanswered, for [`settle`](Self::settle).
    ///
    /// # Errors
    /// The refusal that a handshake with the same chain would meet.
    pub fn judge_again(&self, client: &Verified, by: &Vouchers) -> Result<Option<Verified>, Refusal> {
        self.ask.as_ref().map(|ask| ask.judge_again(client, by)).transpose()
    }

    /// Asks the authorities' services about what is still unanswered of a chain that this door has judged.
    ///
    /// # Errors
    /// `certificate-revoked`, or `revocation-unknown` where nobody answers and the policy fails closed.
    pub async fn settle(&self, verified: Verified) -> Result<Verified, Refusal> {
        match &self.ask {
            Some(ask) => ask.settle(verified).await,
            None => Ok(verified),
        }
    }

    /// Does the handshake on a connection, within the time it may take, and judges the client's chain.
    ///
    /// # Errors
    /// The handshake failed, or the client's chain was refused; the client has been told by an alert, and the [`Farewell`]
    /// is what gives it time to hear so.
    pub async fn accept(&self, tcp: TcpStream) -> Result<Accepted, (HandshakeFailure, Farewell)> {
        Ok(self.settled(self.within_its_time(self.shake(tcp)).await?).await)
    }

    /// What comes of a handshake that may take so long and no longer.
    pub(super) async fn within_its_time<T>(
        &self,
        shaking: impl Future<Output = Result<T, Unshaken>>,
    ) -> Result<T, (HandshakeFailure, Farewell)> {
        match tokio::time::timeout(self.timeout, shaking).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err((failure, tcp))) => {
                let farewell = Farewell::new(tcp.filter(|_| failure.kind().has_last_words()));
                Err((failure, farewell))
            }
            Err(_) => {
                let cause = format!("the handshake was not done after {} s", self.timeout.as_secs_f32());
                Err((HandshakeFailure::new(FailureKind::Timeout, cause), Farewell::new(None)))
            }
        }
    }

    /// Asks what could not be asked within the handshake, where rustls does not wait.
    pub(super) async fn settled(&self, accepted: Accepted) -> Accepted {
        let verdict = match accepted.verdict {
            Ok(Some(verified)) => self.settle(verified).await.map(Some),
            verdict => verdict,
        };
        Accepted { verdict, ..accepted }
    }

    pub(super) async fn shake(&self, mut tcp: TcpStream) -> Result<Accepted, Unshaken> {
        // A handshake is small messages in turn, and so are most requests after it.
        let _ = tcp.set_nodelay(true);
        let hello = match first_bytes::check(&tcp).await {
            Ok(hello) => hello,
            Err(failure) => {
                first_bytes::answer(&mut tcp, failure.kind()).await;
                return Err((failure, Some(tcp)));
            }
        };
        let handshake = TlsAcceptor::from(Arc::clone(&self.config)).accept(tcp).into_fallible();
        let (outcome, notes) = notes::taking(handshake).await;
        match outcome {
            Ok(stream) => {
                self.judged(stream, notes, hello).map_err(|failure| (failure.greeted_by(hello), None))
            }
            Err((error, tcp)) => {
                let failure = HandshakeFailure::of(&error, notes, &self.config.alpn_protocols);
                Err((failure.greeted_by(hello), Some(tcp)))
            }
        }
    }

    /// Asks for a verdict on the chain of a finished handshake, whether or not rustls asked during it: a resumed
    /// session would bring a chain that nobody judged.
    fn judged(
        &self,
        stream: TlsStream<TcpStream>,
        notes: Notes,
        hello: Option<HelloId>,
    ) -> Result<Accepted, HandshakeFailure> {
        let (_, connection) = stream.get_ref();
        let verified = match (&self.ask, connection.peer_certificates()) {
            (Some(ask), Some(chain)) => match ask.judge(chain) {
                Ok(verified) => Some(verified),
                Err(refusal) => return Err(HandshakeFailure::refused(refusal).asked_for(notes.sni)),
            },
            _ => None,
        };
        let alpn = connection.alpn_protocol().map(<[u8]>::to_vec);
        let version = TlsVersion::negotiated(connection.protocol_version());
        Ok(Accepted { stream, verdict: Ok(verified), alpn, sni: notes.sni, version, hello })
    }
}

/// rustls' settings. They are built anew wherever the question to clients changes: rustls keeps it within them.
fn config(
    ask: Option<&Arc<Ask>>,
    certificates: &Arc<ByName>,
    min_version: TlsVersion,
    clock: &Arc<dyn Clock>,
) -> Result<ServerConfig, Fault> {
    let time = Arc::new(RustlsTime(Arc::clone(clock)));
    let builder = ServerConfig::builder_with_details(provider::provider(), time)
        .with_protocol_versions(min_version.and_newer())
        .map_err(|error| Fault::ours("TLS cannot be set up").because(error))?;
    let builder = match ask {
        Some(ask) => builder.with_client_cert_verifier(Arc::<Ask>::clone(ask)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::<ByName>::clone(certificates));
    config.alpn_protocols = certificates.alpn().to_vec();
    resumption(&mut config, ask.is_some())?;
    Ok(config)
}

/// Sessions are resumed only where no client certificate is at stake: rustls restores a resumed client without asking
/// the verifier. Early data can be replayed, and is never taken.
fn resumption(config: &mut ServerConfig, clients_are_asked: bool) -> Result<(), Fault> {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    if clients_are_asked {
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()
            .map_err(|error| Fault::ours("no key for session tickets could be made").because(error))?;
        config.send_tls13_tickets = 1;
    }
    Ok(())
}
