//! One HTTP request and its answer.

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::Request;
use super::connect::Stream;
use super::target::Target;
use super::unfetched::{Unfetched, Why};

/// What a server said.
pub(super) enum Heard {
    /// The answer.
    Answer(Bytes),
    /// To ask elsewhere.
    Elsewhere(String),
}

/// Asks `target` over `stream`, which ends with it.
pub(super) async fn ask(
    stream: Box<dyn Stream>,
    target: &Target,
    request: &Request,
    max_bytes: usize,
) -> Result<Heard, Unfetched> {
    let failed = |error: hyper::Error| Unfetched::new(Why::Http, format!("{target}: {error}"));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let exchange = async move {
        let response = sender.send_request(message(target, request)?).await.map_err(failed)?;
        hear(response, target, request, max_bytes).await
    };
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

fn message(target: &Target, request: &Request) -> Result<http::Request<Full<Bytes>>, Unfetched> {
    let head = http::Request::builder()
        .uri(target.path())
        .header(HOST, target.authority())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close");
    let message = match request {
        Request::Get { accept } => {
            head.method(Method::GET).header(ACCEPT, *accept).body(Full::new(Bytes::new()))
        }
        Request::Post { body, content_type, accept } => head
            .method(Method::POST)
            .header(ACCEPT, *accept)
            .header(CONTENT_TYPE, *content_type)
            .body(Full::new(body.clone())),
    };
    message.map_err(|error| Unfetched::new(Why::Url, format!("{target}: {error}")))
}

async fn hear(
    response: Response<Incoming>,
    target: &Target,
    request: &Request,
    max_bytes: usize,
) -> Result<Heard, Unfetched> {
    let status = response.status();
    if follows(status, request) {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        return location.map(|location| Heard::Elsewhere(location.to_owned())).ok_or_else(|| {
            Unfetched::new(Why::Redirect, format!("{target} redirects without saying where to"))
        });
    }
    if status != StatusCode::OK {
        return Err(Unfetched::new(Why::Http, format!("{target} answered with status {status}")));
    }
    // None was asked for; what would have to be unpacked could be of any size.
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING).filter(|value| *value != "identity") {
        let why = format!("{target} answered in the encoding {encoding:?}, which was not asked for");
        return Err(Unfetched::new(Why::Http, why));
    }
    body(response.into_body(), target, max_bytes).await.map(Heard::Answer)
}

/// A message is only sent on where the server says that it means the same message.
fn follows(status: StatusCode, request: &Request) -> bool {
    match status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            matches!(request, Request::Get { .. })
        }
        _ => false,
    }
}

/// Reads an answer, counting: a length that is told is not believed, and one that is too large is not waited for.
async fn body(mut body: Incoming, target: &Target, max_bytes: usize) -> Result<Bytes, Unfetched> {
    let too_large =
        || Unfetched::new(Why::TooLarge, format!("{target} answers with more than {max_bytes} bytes"));
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Unfetched::new(Why::Http, format!("{target}: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > max_bytes {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// How we introduce ourselves.
const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));
/// A few hundred bytes are usual.
const MOST_HEAD_BYTES: usize = 64 * 1024;
