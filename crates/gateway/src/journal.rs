//! What the gateway reports. The node decides where it goes; the gateway only says what happened.

use std::net::SocketAddr;
use std::time::Duration;

use fault::Code;
use identity::Certificate;
use time::OffsetDateTime;
use transport::HelloId;

use crate::RefusalId;

/// Where access lines and audit events go. Neither call may block: it runs on the connection's own task.
pub trait Journal: Send + Sync {
    /// One served request.
    fn access(&self, line: &AccessLine<'_>);

    /// One decision about who may come in or what may be done.
    fn audit(&self, event: &AuditEvent<'_>);
}

/// One served request, as the access log shows it.
#[derive(Debug)]
pub struct AccessLine<'a> {
    /// When the answer was ready.
    pub at: OffsetDateTime,
    /// The listener's name.
    pub listener: &'a str,
    /// The other end: address and port.
    pub peer: &'a str,
    /// Who it was, where somebody was recognized.
    pub principal: Option<&'a str>,
    /// HTTP method.
    pub method: &'a str,
    /// Path without the query, as it came.
    pub path: &'a str,
    /// HTTP version: `1.1` or `2`.
    pub version: &'static str,
    /// HTTP status of the answer.
    pub status: u16,
    /// Length of the answer's body in bytes.
    pub bytes: usize,
    /// From the request's head to the answer.
    pub took: Duration,
    /// The refusal, where the request was refused.
    pub refusal: Option<(Code, RefusalId)>,
}

/// What kind of decision an audit event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// A peer was recognized.
    SignIn,
    /// A peer, or a request of one, was refused.
    Refusal,
    /// A peer was let in to a server behind the door.
    SessionStart,
    /// A session on a server behind the door is over, because one of the two was done with it.
    SessionOver,
    /// A session was ended before its peer was done with it.
    SessionEnd,
    /// An administrator did something.
    Admin,
}

/// One decision, as the audit record keeps it.
#[derive(Debug)]
pub struct AuditEvent<'a> {
    /// When it was taken.
    pub at: OffsetDateTime,
    /// What kind of decision it was.
    pub kind: AuditKind,
    /// The listener's name.
    pub listener: &'a str,
    /// The other end.
    pub peer: SocketAddr,
    /// The name that the client asked for by SNI.
    pub server_name: Option<&'a str>,
    /// Who it was, where somebody was recognized.
    pub principal: Option<&'a str>,
    /// How: `mtls`, `none`.
    pub method: Option<&'a str>,
    /// The certificate that was presented; of one that did not verify, whatever it says is a claim.
    pub certificate: Option<&'a Certificate>,
    /// The database or route that was asked for.
    pub target: Option<&'a str>,
    /// The id that both ends know the handshake by.
    pub handshake: Option<HelloId>,
    /// Why not, where it was refused: code, private cause, id.
    pub refusal: Option<(Code, &'a str, RefusalId)>,
    /// Why a session was ended, or what an administrator did.
    pub detail: Option<&'a str>,
}
