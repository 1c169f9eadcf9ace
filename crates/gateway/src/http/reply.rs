//! Answers and their shapes.

use bytes::Bytes;
use fault::{Code, Refusal};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::refused::RefusalId;

/// An answer before it is sent.
pub(crate) type Reply = Response<Bytes>;

/// 200 and a JSON body.
pub(crate) fn ok(body: impl Into<Bytes>) -> Reply {
    json_reply(StatusCode::OK, body.into())
}

/// 200 and a text body of the given type.
pub(crate) fn text(content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Bytes::from(body));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A request that cannot be served as it is.
pub(crate) fn fault(status: StatusCode, message: &str) -> Reply {
    json_reply(status, envelope(json!({ "message": message })))
}

/// What was asked for cannot be done as things are; `body` says why.
pub(crate) fn conflict(body: &serde_json::Value) -> Reply {
    json_reply(StatusCode::CONFLICT, Bytes::from(format!("{body}\n")))
}

/// A "no", with the code and the id by which the operator finds the cause.
pub(crate) fn refusal(refusal: &Refusal, id: RefusalId) -> Reply {
    let code = refusal.code();
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::FORBIDDEN);
    let error = json!({ "message": refusal.sentence(), "code": code.as_str(), "refusal": id.to_string() });
    let mut reply = json_reply(status, envelope(error));
    match code {
        Code::RateLimited => drop(reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"))),
        // RFC 9110 §11.6.1 asks for a challenge; the only method there is needs none but names itself.
        _ if status == StatusCode::UNAUTHORIZED => {
            drop(reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("ClientCertificate")));
        }
        _ => {}
    }
    reply
}

/// The answer to HEAD: the same head, without the body that it speaks of. HTTP/2 clients take a body for a protocol error.
pub(crate) fn without_body(reply: Reply) -> Reply {
    let (mut head, body) = reply.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    Response::from_parts(head, Bytes::new())
}

fn envelope(error: serde_json::Value) -> Bytes {
    let mut body = json!({ "error": error }).to_string();
    body.push('\n');
    body.into()
}

fn json_reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
