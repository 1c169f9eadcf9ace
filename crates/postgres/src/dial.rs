//! A socket to the server, and TLS on it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fault::{Code, Fault, Place, Refusal};
use identity::{Credential, Strictness, Trust};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use transport::dial::postgres::{Willing, ask_for_tls, watch};
use transport::{Dial, DialSpec, Dialled, ServerTrust, TlsVersion};

use crate::spec::{Address, PostgresSpec, Protection};
use crate::trouble;

/// What a session is spoken over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Opens a connection that is as protected as the spec wants it.
///
/// # Errors
/// A file cannot be used, nobody answers, or the server is not to be trusted; each with its remedy.
pub(crate) async fn dial(spec: &PostgresSpec) -> Result<Box<dyn Stream>, Fault> {
    match tokio::time::timeout(spec.connect_timeout, reach(spec)).await {
        Ok(Ok(Reached::Plain(stream))) => Ok(stream),
        Ok(Ok(Reached::Secured(dialled))) => settled(spec, *dialled).await,
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(trouble::silent(spec)),
    }
}

/// A server that was reached.
enum Reached {
    /// Nobody knows who it is.
    Plain(Box<dyn Stream>),
    /// By TLS; its authority may have to be asked about it yet.
    Secured(Box<Dialled>),
}

async fn reach(spec: &PostgresSpec) -> Result<Reached, Fault> {
    match &spec.address {
        Address::Unix { folder, port } => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let stream =
                UnixStream::connect(path).await.map_err(|error| trouble::unreachable(spec, &error))?;
            Ok(Reached::Plain(Box::new(stream)))
        }
        Address::Tcp { host, addr, port } => {
            let tls = tls(spec)?;
            let tcp = tcp(spec, host, *addr, *port).await?;
            match tls {
                None => Ok(Reached::Plain(Box::new(tcp))),
                Some(tls) => secured(spec, &tls, tcp, host).await,
            }
        }
    }
}

/// Asks the server for TLS in its own words and does the handshake.
async fn secured(spec: &PostgresSpec, tls: &Dial, mut tcp: TcpStream, host: &str) -> Result<Reached, Fault> {
    match ask_for_tls(&mut tcp).await.map_err(|error| trouble::unreachable(spec, &error))? {
        Willing::Yes => {}
        Willing::No => {
            return Err(trouble::of(spec, "the server does not support TLS")
                .remedy("turn it on in the server's postgresql.conf: ssl = on, ssl_cert_file, ssl_key_file, ssl_ca_file"));
        }
        Willing::Neither => {
            return Err(trouble::of(spec, "what answers there is no PostgreSQL")
                .remedy("correct host and port in ledger.url"));
        }
    }
    let dialled = tls.over(tcp, host).await.map_err(|fault| trouble::of_tls(spec, fault))?;
    Ok(Reached::Secured(Box::new(dialled)))
}

/// Asks the server's authority about its certificates where that is wanted. Nothing has been said to the server yet, and
/// nothing is if the answer is no.
async fn settled(spec: &PostgresSpec, dialled: Dialled) -> Result<Box<dyn Stream>, Fault> {
    let Dialled { stream, verified, .. } = dialled;
    let Some(verified) = verified.filter(|verified| !verified.unanswered().is_empty()) else {
        return Ok(Box::new(stream));
    };
    let asked = match spec.judging.as_ref().and_then(|judging| judging.online()) {
        Some(online) => online.ask(&verified).await.map(drop),
        None => {
            let cause = "the policy wants its authority's word on it, and nobody is there to ask";
            Err(Refusal::new(Code::RevocationUnknown, cause))
        }
    };
    asked.map_err(|refusal| trouble::of_server(spec, &refusal))?;
    Ok(Box::new(stream))
}

/// The TLS settings, with the files as they are now.
fn tls(spec: &PostgresSpec) -> Result<Option<Dial>, Fault> {
    let trust = match &spec.protection {
        Protection::Plaintext => return Ok(None),
        Protection::Encrypted => ServerTrust::Nothing,
        Protection::Chain(root) => ServerTrust::Chain(trust(spec, root)?),
        Protection::Full(root) => ServerTrust::Full(trust(spec, root)?),
    };
    let dial = DialSpec {
        trust,
        pins: Vec::new(),
        credential: credential(spec)?,
        alpn: Vec::new(),
        min_version: TlsVersion::Tls12,
        timeout: spec.connect_timeout,
        clock: Arc::clone(&spec.clock),
    };
    Dial::new(dial).map(Some)
}

fn trust(spec: &PostgresSpec, root: &std::path::Path) -> Result<Arc<Trust>, Fault> {
    let anchors = files::load_certificates(root)?;
    let revocations = spec.judging.as_ref().map(|judging| judging.revocations(&anchors)).transpose()?;
    let trust = Trust::new(anchors, Strictness::default());
    Ok(Arc::new(match revocations {
        Some(revocations) => trust.with_revocations(revocations),
        None => trust,
    }))
}

fn credential(spec: &PostgresSpec) -> Result<Option<Arc<Credential>>, Fault> {
    let Some((certificate, key)) = &spec.credential else { return Ok(None) };
    let (credential, _warnings) = files::load_credential(certificate, key, None, spec.clock.now())?;
    Ok(Some(Arc::new(credential)))
}

async fn tcp(spec: &PostgresSpec, host: &str, addr: Option<IpAddr>, port: u16) -> Result<TcpStream, Fault> {
    let unreachable = |error: &io::Error| trouble::unreachable(spec, error);
    let stream = match addr {
        Some(addr) => TcpStream::connect((addr, port)).await.map_err(|error| unreachable(&error))?,
        None => {
            let found = tokio::net::lookup_host((host, port)).await.map_err(|error| unreachable(&error))?;
            let addresses: Vec<SocketAddr> = found.collect();
            stay_here(spec, &addresses)?;
            TcpStream::connect(addresses.as_slice()).await.map_err(|error| unreachable(&error))?
        }
    };
    watch(&stream).map_err(|error| unreachable(&error))?;
    Ok(stream)
}

/// What is not verified in full is meant for this machine, whatever a name server makes of the name.
fn stay_here(spec: &PostgresSpec, addresses: &[SocketAddr]) -> Result<(), Fault> {
    let elsewhere = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
    match (elsewhere, &spec.protection) {
        (None, _) | (_, Protection::Full(_)) => Ok(()),
        (Some(elsewhere), _) => Err(Fault::yours(format!(
            "{} leads to {}, which is not this machine",
            spec.address,
            elsewhere.ip()
        ))
        .at(Place::Name("ledger.url".into()))
        .remedy("write sslmode=verify-full, or the address itself: 127.0.0.1")),
    }
}
