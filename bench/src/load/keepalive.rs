use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::{PATIENCE, Window};
use crate::Failure;
use crate::dial::Dial;
use crate::http1::{self, Requests};
use crate::options::Target;

/// One kept connection with one request in flight; opened again where it fails.
pub(super) async fn http1(dial: Rc<Dial>, requests: Rc<Requests>, window: Rc<Window>, number: usize) {
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut turn = number * 131;
    while window.open() {
        let mut stream = match timeout(PATIENCE, dial.connect()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(cause)) => {
                window.failed(cause).await;
                continue;
            }
            Err(_) => {
                window.failed("no connection in time").await;
                continue;
            }
        };
        while window.open() {
            let begin = Instant::now();
            turn += 1;
            match timeout(PATIENCE, requests.exchange(&mut stream, &mut buffer, turn)).await {
                Ok(Ok(())) => window.succeeded(begin),
                Ok(Err(cause)) => {
                    window.failed(cause).await;
                    break;
                }
                Err(_) => {
                    window.failed("no answer in time").await;
                    break;
                }
            }
        }
    }
}

/// Ready requests for HTTP/2.
pub(super) struct Bodies {
    uri: http::Uri,
    bodies: Vec<Option<Bytes>>,
    expect: Vec<u8>,
}

impl Bodies {
    pub(super) fn new(target: &Target) -> Result<Self, Failure> {
        let uri = format!("https://{}{}", target.name, target.path).parse()?;
        let bodies = http1::bodies(target).map(|body| body.map(Bytes::from)).collect();
        Ok(Self { uri, bodies, expect: target.expect.as_bytes().to_vec() })
    }

    fn request(&self, turn: usize) -> Request<Full<Bytes>> {
        let body = self.bodies.get(turn % self.bodies.len().max(1)).cloned().flatten();
        let mut request = Request::new(Full::new(body.clone().unwrap_or_default()));
        *request.uri_mut() = self.uri.clone();
        if body.is_some() {
            *request.method_mut() = http::Method::POST;
            let json = http::HeaderValue::from_static("application/json");
            request.headers_mut().insert(http::header::CONTENT_TYPE, json);
        }
        request
    }

    async fn exchange(&self, sender: &mut SendRequest<Full<Bytes>>, turn: usize) -> Result<(), Failure> {
        sender.ready().await?;
        let answer = sender.send_request(self.request(turn)).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let expected =
            self.expect.is_empty() || body.windows(self.expect.len()).any(|window| window == self.expect);
        match (status, expected) {
            (http::StatusCode::OK, true) => Ok(()),
            (http::StatusCode::OK, false) => Err("an answer without the expected text".into()),
            (status, _) => Err(format!("status {status}").into()),
        }
    }
}

/// One kept connection with `streams` requests in flight; opened again where it fails.
pub(super) async fn http2(
    dial: Rc<Dial>,
    bodies: Rc<Bodies>,
    window: Rc<Window>,
    number: usize,
    streams: u32,
) {
    while window.open() {
        if let Err(cause) = connection(&dial, &bodies, &window, number, streams).await {
            window.failed(cause).await;
        }
    }
}

async fn connection(
    dial: &Dial,
    bodies: &Rc<Bodies>,
    window: &Rc<Window>,
    number: usize,
    streams: u32,
) -> Result<(), Failure> {
    let stream = timeout(PATIENCE, dial.connect()).await??;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("the server does not speak h2".into());
    }
    let (sender, driver) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver);
    let workers: Vec<_> = (0..streams as usize)
        .map(|lane| {
            let (sender, bodies, window) = (sender.clone(), bodies.clone(), window.clone());
            spawn_local(lane_of(sender, bodies, window, number * 131 + lane * 17))
        })
        .collect();
    for worker in workers {
        worker.await?;
    }
    driver.abort();
    Ok(())
}

async fn lane_of(
    mut sender: SendRequest<Full<Bytes>>,
    bodies: Rc<Bodies>,
    window: Rc<Window>,
    mut turn: usize,
) {
    while window.open() {
        let begin = Instant::now();
        turn += 1;
        match timeout(PATIENCE, bodies.exchange(&mut sender, turn)).await {
            Ok(Ok(())) => window.succeeded(begin),
            Ok(Err(cause)) => return window.failed(cause).await,
            Err(_) => return window.failed("no answer in time").await,
        }
    }
}
