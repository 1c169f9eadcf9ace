//! Answers and their shapes.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// An answer before it is sent.
pub(crate) type Reply = Response<Bytes>;

/// What is asked for is not there.
pub(crate) fn nothing() -> Reply {
    fault(StatusCode::NOT_FOUND, "there is nothing at this path")
}

/// A request that cannot be served as it is; the message says why, and what to do.
pub(crate) fn fault(status: StatusCode, message: &str) -> Reply {
    json_reply(status, json!({ "error": { "message": message } }).to_string())
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Reply {
    json_reply(status, value.to_string())
}

fn json_reply(status: StatusCode, mut body: String) -> Reply {
    body.push('\n');
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
