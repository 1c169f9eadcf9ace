use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::io::AsyncReadExt as _;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

use super::Window;
use super::idle::{Stream, open, still_answering};
use crate::Failure;
use crate::dial::Dial;
use crate::http1::Requests;
use crate::options::{Revoke, Target};
use crate::report::Report;

/// How long the connections that are hit may go on before the measurement gives up.
const LIMIT: Duration = Duration::from_secs(30);

/// Holds connections of two certificates, has one of the two revoked by a command, and times the last byte of each
/// connection that it was presented on; then asks whether the others still answer.
pub(super) async fn measure(
    revoke: &Revoke,
    dial: Rc<Dial>,
    hit: Arc<ClientConfig>,
) -> Result<Report, Failure> {
    let target = &revoke.target;
    let (requests, window) = (Rc::new(Requests::new(target)), Rc::new(Window::default()));
    let others = open(&dial, &requests, &window, revoke.conns - revoke.hit).await;
    let doomed = Rc::new(Dial::new(target, hit)?);
    let doomed = open(&doomed, &requests, &window, revoke.hit).await;
    let watched: Vec<_> = doomed.into_iter().map(|stream| spawn_local(end_of(stream))).collect();
    let (began, decided) = run(revoke.command.clone()).await?;
    let mut ends = Vec::with_capacity(watched.len());
    for end in watched {
        match timeout(LIMIT, end).await {
            Ok(Ok(end)) => ends.push(end),
            _ => window.failed(format!("a connection was still open after {} s", LIMIT.as_secs())).await,
        }
    }
    let count = others.len();
    let alive = still_answering(others, &requests).await;
    if alive < count {
        window.failed(format!("{} of {count} other connections did not answer", count - alive)).await;
    }
    let (failures, first_failure) = window.failures();
    Ok(report(target, count, &ends, began, decided).with_failures(failures, first_failure))
}

fn report(target: &Target, others: usize, ends: &[Instant], began: Instant, decided: Instant) -> Report {
    let since = |moment: Instant| {
        let mut millis: Vec<f64> =
            ends.iter().map(|end| end.saturating_duration_since(moment).as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        millis
    };
    let at = |millis: &[f64], percent: usize| {
        let index = (millis.len() * percent / 100).min(millis.len().saturating_sub(1));
        millis.get(index).copied().unwrap_or(f64::NAN)
    };
    let (whole, after) = (since(began), since(decided));
    let figures = vec![
        ("others", others as f64),
        ("hit", ends.len() as f64),
        ("command_ms", (decided - began).as_secs_f64() * 1e3),
        ("p50_ms_after_command", at(&after, 50)),
        ("p99_ms_after_command", at(&after, 99)),
        ("p99_ms_with_command", at(&whole, 99)),
    ];
    Report::new("revoke", &target.label, figures)
}

/// Reads until nothing more comes, whatever comes; the moment of the end.
async fn end_of(mut stream: Stream) -> Instant {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {}
    Instant::now()
}

/// Runs the command by the shell: when it began, and when it had succeeded.
async fn run(command: String) -> Result<(Instant, Instant), Failure> {
    let began = Instant::now();
    let ran = spawn_blocking(move || Command::new("sh").arg("-c").arg(command).output()).await??;
    match ran.status.success() {
        true => Ok((began, Instant::now())),
        false => Err(format!("the command failed: {}", String::from_utf8_lossy(&ran.stderr)).into()),
    }
}
