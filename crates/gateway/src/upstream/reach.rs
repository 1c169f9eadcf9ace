//! A connection to an upstream's server, as protected as its mode wants it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use identity::tls_server_end_point;
use tokio::net::{TcpStream, UnixStream};
use transport::Dialled;
use transport::dial::postgres::{Willing, ask_for_tls, watch};

use super::cancel::Where;
use super::dials::Presenting;
use super::link::LinkStream;
use super::sign_in::Protected;
use super::trouble::{self, Unreached};
use super::{SslMode, UpstreamAddress, UpstreamSpec};

/// A server that was reached; nobody has said anything to it yet.
pub(super) struct Reached {
    pub(super) stream: LinkStream,
    pub(super) protected: Protected,
    pub(super) place: Where,
}

/// One way to go about it; the modes that fall back try two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// In clear text.
    Plain,
    /// By TLS, or in clear text where the server says that it has none.
    Willing,
    /// By TLS alone.
    Tls,
}

impl Attempt {
    /// What libpq tries first, and what it tries when that fails.
    pub(super) fn of(spec: &UpstreamSpec) -> (Self, Option<Self>) {
        match (&spec.address, spec.sslmode) {
            // libpq asks for no TLS on a Unix socket, whatever the mode says.
            (UpstreamAddress::Unix(_), _) | (_, SslMode::Disable) => (Self::Plain, None),
            (_, SslMode::Allow) => (Self::Plain, Some(Self::Tls)),
            (_, SslMode::Prefer) => (Self::Willing, Some(Self::Plain)),
            (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => (Self::Tls, None),
        }
    }
}

/// Connects, and says in `answered` when somebody took the connection.
pub(super) async fn reach(
    spec: &UpstreamSpec,
    attempt: Attempt,
    presenting: &Presenting,
    answered: &AtomicBool,
) -> Result<Reached, Unreached> {
    match &spec.address {
        UpstreamAddress::Unix(path) => {
            let reached = unix(spec, path).await?;
            answered.store(true, Ordering::Relaxed);
            Ok(reached)
        }
        UpstreamAddress::Tcp { host, port } => {
            let mut tcp = tcp(spec, host, *port).await?;
            answered.store(true, Ordering::Relaxed);
            match attempt {
                Attempt::Plain => plain(spec, tcp),
                Attempt::Willing | Attempt::Tls => {
                    match ask_for_tls(&mut tcp).await.map_err(|error| trouble::unreachable(spec, &error))? {
                        Willing::Yes => secured(spec, presenting, tcp, host).await,
                        Willing::No if attempt == Attempt::Willing => plain(spec, tcp),
                        Willing::No => Err(trouble::without_tls(spec)),
                        Willing::Neither => {
                            Err(trouble::strange(spec, "what answers there is no PostgreSQL"))
                        }
                    }
                }
            }
        }
    }
}

async fn unix(spec: &UpstreamSpec, path: &Path) -> Result<Reached, Unreached> {
    let stream = UnixStream::connect(path).await.map_err(|error| trouble::unreachable(spec, &error))?;
    Ok(Reached {
        stream: LinkStream::Unix(stream),
        protected: Protected { verified: false, tls: false, end_point: None },
        place: Where::Unix(path.to_owned()),
    })
}

async fn tcp(spec: &UpstreamSpec, host: &str, port: u16) -> Result<TcpStream, Unreached> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream =
        TcpStream::connect((bare, port)).await.map_err(|error| trouble::unreachable(spec, &error))?;
    watch(&stream).map_err(|error| trouble::unreachable(spec, &error))?;
    Ok(stream)
}

fn plain(spec: &UpstreamSpec, tcp: TcpStream) -> Result<Reached, Unreached> {
    let place = Where::Plain(tcp.peer_addr().map_err(|error| trouble::unreachable(spec, &error))?);
    let protected = Protected { verified: false, tls: false, end_point: None };
    Ok(Reached { stream: LinkStream::Plain(tcp), protected, place })
}

async fn secured(
    spec: &UpstreamSpec,
    presenting: &Presenting,
    tcp: TcpStream,
    host: &str,
) -> Result<Reached, Unreached> {
    let address = tcp.peer_addr().map_err(|error| trouble::unreachable(spec, &error))?;
    let Dialled { stream, verified, .. } =
        presenting.dial.over(tcp, host).await.map_err(|fault| trouble::of_tls(spec, fault))?;
    if let Some(verified) = verified.as_ref().filter(|verified| !verified.unanswered().is_empty()) {
        return Err(trouble::unanswered(spec, verified));
    }
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let end_point = leaf.and_then(|leaf| tls_server_end_point(leaf));
    let protected = Protected { verified: verified.is_some(), tls: true, end_point };
    let place = Where::Tls(address, presenting.dial.clone(), host.into());
    Ok(Reached { stream: LinkStream::Tls(Box::new(stream)), protected, place })
}
