use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use countersign_bench::process::Process;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::{PATIENCE, Window};
use crate::Failure;
use crate::dial::Dial;
use crate::http1::Requests;
use crate::options::Target;
use crate::report::Report;

/// Connections opened and closed again first, so that what a server allocates once is not counted.
const WARM_UP: u32 = 50;
/// Connections being opened at the same time.
const OPENING: usize = 20;

pub(super) type Stream = TlsStream<TcpStream>;

/// Opens `conns` connections with one request each, holds them, and compares the server's memory.
pub(super) async fn measure(
    target: &Target,
    dial: Rc<Dial>,
    conns: u32,
    settle: Duration,
) -> Result<Report, Failure> {
    let server = Process::new(target.pid.ok_or("idle needs --pid, the process id of the server")?)?;
    let requests = Rc::new(Requests::new(target));
    let window = Rc::new(Window::default());
    for mut stream in open(&dial, &requests, &window, WARM_UP).await {
        // A peer that is already gone has closed it for us.
        let _ = stream.shutdown().await;
    }
    sleep(settle).await;
    let before = server.memory();
    let held = open(&dial, &requests, &window, conns).await;
    sleep(settle).await;
    let after = server.memory();
    let count = held.len();
    let alive = still_answering(held, &requests).await;
    if alive < count {
        window
            .failed(format!("{} of {count} connections did not answer after the wait", count - alive))
            .await;
    }
    let (failures, first_failure) = window.failures();
    let report = Report::of_idle(&target.label, count, before, after);
    Ok(report.with_failures(failures, first_failure))
}

/// Opens `count` connections with one answered request each.
pub(super) async fn open(
    dial: &Rc<Dial>,
    requests: &Rc<Requests>,
    window: &Rc<Window>,
    count: u32,
) -> Vec<Stream> {
    let held = Rc::new(RefCell::new(Vec::with_capacity(count as usize)));
    let left = Rc::new(Cell::new(count));
    let openers: Vec<_> = (0..OPENING)
        .map(|_| {
            let (dial, requests, window) = (dial.clone(), requests.clone(), window.clone());
            let (held, left) = (held.clone(), left.clone());
            spawn_local(async move {
                let mut buffer = Vec::with_capacity(1024);
                while let Some(next) = left.get().checked_sub(1) {
                    left.set(next);
                    let opened = timeout(PATIENCE, async {
                        let mut stream = dial.connect().await?;
                        requests.exchange(&mut stream, &mut buffer, next as usize).await?;
                        std::io::Result::Ok(stream)
                    });
                    match opened.await {
                        Ok(Ok(stream)) => held.borrow_mut().push(stream),
                        Ok(Err(cause)) => window.failed(cause).await,
                        Err(_) => window.failed("no answer in time").await,
                    }
                }
            })
        })
        .collect();
    for opener in openers {
        // An opener only ends by itself; a panic in it is reported by the runtime.
        let _ = opener.await;
    }
    held.take()
}

/// How many of the connections answer one more request.
pub(super) async fn still_answering(held: Vec<Stream>, requests: &Requests) -> usize {
    let mut buffer = Vec::with_capacity(1024);
    let mut alive = 0;
    for mut stream in held {
        let answer = timeout(Duration::from_secs(2), requests.exchange(&mut stream, &mut buffer, 0)).await;
        alive += usize::from(matches!(answer, Ok(Ok(()))));
    }
    alive
}
