//! The measurements. Each begins with one connection that verifies the server and one request that must
//! succeed, so that no figure is ever taken from a server that refuses.
//!
//! - [`window`]: the moments that count, and what was seen in them.
//! - [`handshake`], [`keepalive`], [`idle`], [`revoke`](mod@revoke), [`reload`](mod@reload): what the connections do.

mod handshake;
mod idle;
mod keepalive;
mod reload;
mod revoke;
mod window;

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::Failure;
use crate::dial::Dial;
use crate::http1::Requests;
use crate::options::{Load, Reload, Revoke, Target};
use crate::report::Report;
use crate::tls::{self, Look};
use window::Window;

/// How long one connect or one exchange may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Full handshakes.
pub(crate) fn handshake(load: Load) -> Result<Report, Failure> {
    on_one_thread(async {
        let dial = dial(&load.target, "http/1.1").await?;
        let requests = Rc::new(Requests::new(&load.target));
        let worker = |window, number| handshake::worker(dial.clone(), requests.clone(), window, number);
        window::measure("handshake", &load, worker).await
    })
}

/// Kept connections, HTTP/1.1.
pub(crate) fn h1(load: Load) -> Result<Report, Failure> {
    on_one_thread(async {
        let dial = dial(&load.target, "http/1.1").await?;
        let requests = Rc::new(Requests::new(&load.target));
        let worker = |window, number| keepalive::http1(dial.clone(), requests.clone(), window, number);
        window::measure("h1", &load, worker).await
    })
}

/// Kept connections, HTTP/2.
pub(crate) fn h2(load: Load, streams: u32) -> Result<Report, Failure> {
    on_one_thread(async {
        dial(&load.target, "http/1.1").await?;
        let dial = Rc::new(Dial::new(&load.target, settings(&load.target, "h2")?)?);
        let bodies = Rc::new(keepalive::Bodies::new(&load.target)?);
        let worker = |window, number| keepalive::http2(dial.clone(), bodies.clone(), window, number, streams);
        window::measure(&format!("h2 x{streams}"), &load, worker).await
    })
}

/// Kept connections, HTTP/1.1, while the server is told again and again to read its configuration anew.
pub(crate) fn reload(reload: Reload) -> Result<Report, Failure> {
    let reloading = reload::Reloading::start(&reload)?;
    let report = h1(reload.load);
    let sent = reloading.end()?;
    Ok(report?.named("reload").with_figure("reloads_asked", f64::from(sent)))
}

/// Memory for idle connections.
pub(crate) fn idle(target: Target, conns: u32, settle: u64) -> Result<Report, Failure> {
    on_one_thread(async {
        let dial = dial(&target, "http/1.1").await?;
        idle::measure(&target, dial, conns, Duration::from_secs(settle)).await
    })
}

/// From a revocation to the last byte of every connection that it concerns.
pub(crate) fn revoke(revoke: Revoke) -> Result<Report, Failure> {
    on_one_thread(async {
        let dial = dial(&revoke.target, "http/1.1").await?;
        let hit =
            Target { cert: revoke.hit_cert.clone(), key: revoke.hit_key.clone(), ..revoke.target.clone() };
        let hit = settings(&hit, "http/1.1")?;
        revoke::measure(&revoke, dial, hit).await
    })
}

fn on_one_thread<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(work))
}

/// Proves with a verifying connection and one good answer that the server is the one meant; then hands out the
/// dial for the measurement.
async fn dial(target: &Target, protocol: &str) -> Result<Rc<Dial>, Failure> {
    let strict = Dial::new(target, tls::settings(target, protocol, Look::Verify)?)?;
    let proof = async {
        let mut stream = strict.connect().await?;
        Requests::new(target).exchange(&mut stream, &mut Vec::new(), 0).await?;
        stream.shutdown().await
    };
    match tokio::time::timeout(PATIENCE, proof).await {
        Ok(Ok(())) => Ok(Rc::new(Dial::new(target, settings(target, protocol)?)?)),
        Ok(Err(cause)) => Err(format!("the first request to {} failed: {cause}", target.addr).into()),
        Err(_) => {
            Err(format!("the first request to {} got no answer in {} s", target.addr, PATIENCE.as_secs())
                .into())
        }
    }
}

fn settings(target: &Target, protocol: &str) -> Result<std::sync::Arc<rustls::ClientConfig>, Failure> {
    tls::settings(target, protocol, if target.verify { Look::Verify } else { Look::Blind })
}
