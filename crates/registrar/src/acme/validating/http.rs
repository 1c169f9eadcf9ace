//! http-01 (RFC 8555 §8.3).

use std::time::Duration;

use ::http::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use ::http::{Method, Request, Response, StatusCode};
use ::wire::acme::{Identifier, Problem, Trouble};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::redirect::Target;
use super::{Validator, tls};

/// Fetches the answer and compares it.
pub(super) async fn prove(
    validator: &Validator<'_>,
    name: &Identifier,
    token: &str,
    expected: &str,
) -> Result<(), Problem> {
    match tokio::time::timeout(LIMIT, fetch(validator, name, token)).await {
        Ok(answer) => compared(name, &answer?, expected),
        Err(_) => {
            let said = format!("{name}: the web server did not answer within {} s", LIMIT.as_secs());
            Err(Problem::new(Trouble::Connection, said))
        }
    }
}

/// RFC 8555 §8.3: white space at the end does not count, as editors and `echo` leave it; anything else does. What was
/// answered instead is told to nobody.
fn compared(name: &Identifier, answer: &[u8], expected: &str) -> Result<(), Problem> {
    match answer.trim_ascii_end() == expected.as_bytes() {
        true => Ok(()),
        false => Err(Problem::new(
            Trouble::IncorrectResponse,
            format!("{name}: the web server answered something else than the key authorization"),
        )),
    }
}

async fn fetch(validator: &Validator<'_>, name: &Identifier, token: &str) -> Result<Bytes, Problem> {
    let ports = (validator.settings.http_port, validator.settings.tls_port);
    let mut target = Target::first(name, token, ports);
    for _ in 0..=MOST_REDIRECTS {
        let tcp = validator.reach.open(&target.host, target.port).await?;
        let response = if target.secure {
            // Whoever the certificate names: the answer is what counts (RFC 8555 §8.3).
            ask(tls::over(tcp, &target.host, &[]).await?, &target).await?
        } else {
            ask(tcp, &target).await?
        };
        match response {
            Heard::Answer(answer) => return Ok(answer),
            Heard::Elsewhere(location) => target = target.redirected(&location)?,
        }
    }
    Err(Problem::new(Trouble::Connection, format!("{name} redirects more than {MOST_REDIRECTS} times")))
}

/// What a server said.
enum Heard {
    Answer(Bytes),
    Elsewhere(String),
}

async fn ask<S>(stream: S, target: &Target) -> Result<Heard, Problem>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| Problem::new(Trouble::Connection, format!("{target}: {error}"));
    let request = Request::builder()
        .method(Method::GET)
        .uri(&target.path)
        .header(HOST, target.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Problem::new(Trouble::Connection, format!("{target}: {error}")))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let exchange = async move { hear(sender.send_request(request).await.map_err(failed)?, target).await };
    // The connection runs for as long as somebody listens to it: nothing is left behind when the caller leaves.
    tokio::pin!(exchange);
    tokio::pin!(connection);
    let mut runs = true;
    loop {
        tokio::select! {
            biased;
            heard = &mut exchange => return heard,
            _ = &mut connection, if runs => runs = false,
        }
    }
}

async fn hear(response: Response<Incoming>, target: &Target) -> Result<Heard, Problem> {
    let status = response.status();
    match status {
        StatusCode::OK => {}
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let said =
                || Problem::new(Trouble::Connection, format!("{target} redirects without saying where to"));
            return location.map(|location| Heard::Elsewhere(location.to_owned())).ok_or_else(said);
        }
        _ => {
            let said = format!("{target} answered with status {status}");
            return Err(Problem::new(Trouble::IncorrectResponse, said));
        }
    }
    let mut body = response.into_body();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::new(Trouble::Connection, format!("{target}: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > MOST_BODY_BYTES {
            let said = format!("{target} answers with more than {MOST_BODY_BYTES} bytes");
            return Err(Problem::new(Trouble::IncorrectResponse, said));
        }
        read.extend_from_slice(&data);
    }
    Ok(Heard::Answer(read.freeze()))
}

const LIMIT: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 10;
/// A key authorization has 87 bytes.
const MOST_BODY_BYTES: usize = 64 * 1024;
const MOST_HEAD_BYTES: usize = 64 * 1024;
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));
