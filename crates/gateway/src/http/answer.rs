//! One request to one answer; every request passes here.

use std::time::Duration;

use access::Peer;
use fault::{Code, Refusal};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::http::body::{self, Patience};
use crate::http::delivery::{AnswerBody, Large};
use crate::http::query::Unanswered;
use crate::http::reply::{self, Reply};
use crate::http::route::{Named, Route, route};
use crate::http::{query, whoami, why};
use crate::journal::AccessLine;
use crate::refused::RefusalId;
use crate::room::Full;
use crate::session::Session;
use crate::snapshot::{Served, Snapshot};

/// Answers a request and writes its access line.
pub(crate) async fn answer(
    session: &Session,
    request: Request<Incoming>,
    version: &'static str,
) -> Response<AnswerBody> {
    let in_flight = session.pace.request();
    let (started, at) = (Instant::now(), session.gateway.now());
    let (head, mut body) = request.into_parts();
    let snapshot = session.gateway.snapshot();
    let judged = session.judge(&snapshot);
    let peer = judged.peer.as_ref();
    let mut asked = Asked { session, snapshot: &snapshot, head: &head, at, version, served: None };
    let (reply, refusal) = match asked.answer(peer, &mut body).await {
        Ok(reply) => (reply, None),
        Err(Unanswered::Reply(reply)) => (*reply, None),
        Err(Unanswered::Refusal(refusal)) => {
            let id = session.refuse(&refusal, peer.ok(), head.uri.path());
            (reply::refusal(&refusal, id), Some((refusal.code(), id)))
        }
    };
    body::forget(&mut body).await;
    let (reply, large) = match session.gateway.room.take(reply.body().len()) {
        Ok(room) => (reply, room.map(|room| Large::new(session.pace.deliver(), room))),
        Err(Full) => (no_room("too many large answers are waiting to be taken"), None),
    };
    let ended = Instant::now();
    asked.note(&reply, peer.ok(), ended - started, refusal);
    in_flight.end(ended);
    let reply = match head.method {
        Method::HEAD => reply::without_body(reply),
        _ => reply,
    };
    reply.map(|bytes| AnswerBody::new(bytes, large))
}

/// A request with what it is judged by.
struct Asked<'a> {
    session: &'a Session,
    snapshot: &'a Snapshot,
    head: &'a Parts,
    at: OffsetDateTime,
    version: &'static str,
    /// The database that it reached.
    served: Option<&'a Served>,
}

impl<'a> Asked<'a> {
    async fn answer(
        &mut self,
        peer: Result<&Peer, &Refusal>,
        body: &mut Incoming,
    ) -> Result<Reply, Unanswered> {
        let head: &'a Parts = self.head;
        let route = match route(head.uri.path()) {
            // Whoever passed the handshake may know that the node lives.
            Route::Health => return Ok(reply::ok(r#"{"status":"ok"}"#)),
            Route::HealthWithMode => return Ok(reply::ok(r#"{"status":"healthy","mode":"wr"}"#)),
            Route::Refusal(id) => {
                self.only(&Method::GET)?;
                return Ok(why::public(self.session, id));
            }
            Route::Named(route) => route,
        };
        let peer = peer.map_err(|refusal| Unanswered::Refusal(refusal.clone()))?;
        if !self.session.gateway.rate.allows(self.snapshot.http_limits.per_principal_rps, peer.principal()) {
            let refusal = Refusal::new(Code::RateLimited, "limits.rate.per_principal_rps");
            return Err(Unanswered::Refusal(refusal));
        }
        match route {
            Named::WhoAmI => {
                self.only(&Method::GET)?;
                Ok(reply::ok(whoami::whoami(peer, self.session.verified()).to_string()))
            }
            Named::Metrics => {
                self.only(&Method::GET)?;
                self.metrics(peer)
            }
            Named::Status => self
                .administrator(peer, || reply::ok(self.session.gateway.administration.status().to_string())),
            Named::Refusals => self.administrator(peer, || why::listed(self.session, head.uri.query())),
            Named::Why(id) => {
                // The page is made after the question whether the caller may see it.
                self.administrator(peer, || ())?;
                self.only(&Method::GET)?;
                Ok(why::explained(self.session, self.snapshot, id).await)
            }
            Named::Admin => self.administrator(peer, || not_found("unknown endpoint")),
            Named::Reserved => Err(nothing("reserved path not available")),
            Named::NoDatabase => {
                Err(nothing("no database in request (name it in the path, host, or set a default)"))
            }
            Named::BadDatabase => Err(nothing("invalid or reserved database name")),
            Named::Database { name, endpoint } => self.database(peer, name, endpoint, body).await,
        }
    }

    fn metrics(&self, peer: &Peer) -> Result<Reply, Unanswered> {
        // Metrics name databases; who has no name learns nothing of them.
        if peer.principal().is_none() {
            let cause = "metrics are for named principals, and the peer is anonymous";
            return Err(Unanswered::Refusal(Refusal::new(Code::CredentialsRequired, cause)));
        }
        Ok(reply::text(OPEN_METRICS, (self.session.gateway.exposition)()))
    }

    async fn database(
        &mut self,
        peer: &Peer,
        name: &str,
        endpoint: &str,
        body: &mut Incoming,
    ) -> Result<Reply, Unanswered> {
        // Asked before the name is looked up, so that only those who may see a database learn whether it exists.
        let permit =
            access::admit(peer, &self.snapshot.grants, name, self.at).map_err(Unanswered::Refusal)?;
        let snapshot: &'a Snapshot = self.snapshot;
        let Some(served) = snapshot.databases.get(name) else { return Err(nothing("unknown database")) };
        if endpoint != "query" {
            return Err(nothing(&format!("unknown endpoint {endpoint}")));
        }
        self.only(&Method::POST)?;
        let limits = &self.snapshot.http_limits;
        let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
        let most = announced.unwrap_or(usize::MAX).min(limits.body_bytes);
        let _room = self.session.gateway.room.take(most).map_err(|Full| {
            Unanswered::Reply(Box::new(no_room("too many large requests are being received")))
        })?;
        let patience = if self.version == "1.1" { Patience::OneLook } else { Patience::None };
        let body =
            body::read(body, limits.body_bytes, limits.body, patience).await.map_err(Unanswered::Reply)?;
        self.served = Some(served);
        query::query(self.snapshot, &permit, &served.database, &body).await
    }

    fn administrator<T>(&self, peer: &Peer, page: impl FnOnce() -> T) -> Result<T, Unanswered> {
        if !self.snapshot.control_plane {
            return Err(nothing("control plane not enabled"));
        }
        access::admit_admin(peer, &self.snapshot.grants, self.at).map_err(Unanswered::Refusal)?;
        Ok(page())
    }

    fn only(&self, method: &Method) -> Result<(), Unanswered> {
        if self.head.method == *method {
            return Ok(());
        }
        let message = format!("use {method}");
        Err(Unanswered::Reply(Box::new(reply::fault(StatusCode::METHOD_NOT_ALLOWED, &message))))
    }

    /// Counts the request and writes its access line.
    fn note(&self, reply: &Reply, peer: Option<&Peer>, took: Duration, refusal: Option<(Code, RefusalId)>) {
        self.session.gateway.metrics.answers.inc();
        if let Some(served) = self.served {
            served.requests.inc();
            served.durations.observe(took.as_secs_f64());
        }
        self.session.gateway.journal.access(&AccessLine {
            at: self.at + took,
            listener: &self.session.listener.name,
            peer: &self.session.shown,
            principal: peer.and_then(Peer::principal),
            method: self.head.method.as_str(),
            path: self.head.uri.path(),
            version: self.version,
            status: reply.status().as_u16(),
            bytes: reply.body().len(),
            took,
            refusal,
        });
    }
}

fn no_room(message: &str) -> Reply {
    reply::fault(StatusCode::SERVICE_UNAVAILABLE, message)
}

fn nothing(message: &str) -> Unanswered {
    Unanswered::Reply(Box::new(not_found(message)))
}

fn not_found(message: &str) -> Reply {
    reply::fault(StatusCode::NOT_FOUND, message)
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
