//! One request to one answer; every request passes here.

use access::Peer;
use fault::{Code, Refusal};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use crate::http::query::Unanswered;
use crate::http::reply::{self, Reply};
use crate::http::route::{Route, route};
use crate::http::{body, query, whoami};
use crate::journal::AccessLine;
use crate::refused::RefusalId;
use crate::session::Session;
use crate::snapshot::Snapshot;

/// Answers a request and writes its access line.
pub(crate) async fn answer(session: &Session, request: Request<Incoming>, version: &'static str) -> Reply {
    let _in_flight = session.pace.request();
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    let snapshot = session.gateway.snapshot();
    let judged = session.judge(&snapshot);
    let asked = Asked { session, snapshot: &snapshot, head: &head };
    let (reply, refusal) = match asked.answer(judged.peer.as_ref(), &mut body).await {
        Ok(reply) => (reply, None),
        Err(Unanswered::Reply(reply)) => (*reply, None),
        Err(Unanswered::Refusal(refusal)) => {
            let id = session.refuse(&refusal, judged.peer.as_ref().ok(), Some(head.uri.path()));
            (reply::refusal(&refusal, id), Some((refusal.code(), id)))
        }
    };
    body::forget(&mut body).await;
    asked.log(&reply, judged.peer.as_ref().ok(), started, version, refusal);
    reply
}

/// A request with what it is judged by.
struct Asked<'a> {
    session: &'a Session,
    snapshot: &'a Snapshot,
    head: &'a Parts,
}

impl Asked<'_> {
    async fn answer(&self, peer: Result<&Peer, &Refusal>, body: &mut Incoming) -> Result<Reply, Unanswered> {
        let route = route(self.head.uri.path());
        match route {
            // Whoever passed the handshake may know that the node lives.
            Route::Health => return Ok(reply::ok(r#"{"status":"ok"}"#)),
            Route::HealthWithMode => return Ok(reply::ok(r#"{"status":"healthy","mode":"wr"}"#)),
            _ => {}
        }
        let peer = peer.map_err(|refusal| Unanswered::Refusal(refusal.clone()))?;
        if !self.session.gateway.rate.allows(peer.principal()) {
            return Err(Unanswered::Refusal(Refusal::new(
                Code::RateLimited,
                "limits.rate.per_principal_rps",
            )));
        }
        match route {
            Route::Health | Route::HealthWithMode => Ok(reply::ok(r#"{"status":"ok"}"#)),
            Route::WhoAmI => {
                self.only(&Method::GET)?;
                Ok(reply::ok(whoami::whoami(peer, self.session.verified()).to_string()))
            }
            Route::Metrics => {
                self.only(&Method::GET)?;
                Ok(reply::text(OPEN_METRICS, (self.session.gateway.exposition)()))
            }
            Route::Status => {
                self.administrator(peer, || reply::ok((self.session.gateway.status)().to_string()))
            }
            Route::Admin => self.administrator(peer, || not_found("unknown endpoint")),
            Route::Reserved => Err(nothing("reserved path not available")),
            Route::NoDatabase => {
                Err(nothing("no database in request (name it in the path, host, or set a default)"))
            }
            Route::BadDatabase => Err(nothing("invalid or reserved database name")),
            Route::Database { name, endpoint } => self.database(peer, name, endpoint, body).await,
        }
    }

    async fn database(
        &self,
        peer: &Peer,
        name: &str,
        endpoint: &str,
        body: &mut Incoming,
    ) -> Result<Reply, Unanswered> {
        let now = self.session.gateway.now();
        // Asked before the name is looked up, so that only those who may see a database learn whether it exists.
        let permit = access::admit(peer, &self.snapshot.grants, name, now).map_err(Unanswered::Refusal)?;
        let Some(served) = self.snapshot.databases.get(name) else { return Err(nothing("unknown database")) };
        if endpoint != "query" {
            return Err(nothing(&format!("unknown endpoint {endpoint}")));
        }
        self.only(&Method::POST)?;
        let started = Instant::now();
        let limits = &self.snapshot.http_limits;
        let body = body::read(body, limits.body_bytes, limits.body).await.map_err(Unanswered::Reply)?;
        let reply = query::query(self.snapshot, &permit, &served.database, &body).await;
        served.requests.inc();
        served.durations.observe(started.elapsed().as_secs_f64());
        reply
    }

    fn administrator(&self, peer: &Peer, page: impl FnOnce() -> Reply) -> Result<Reply, Unanswered> {
        if !self.snapshot.control_plane {
            return Err(nothing("control plane not enabled"));
        }
        let now = self.session.gateway.now();
        access::admit_admin(peer, &self.snapshot.grants, now).map_err(Unanswered::Refusal)?;
        Ok(page())
    }

    fn only(&self, method: &Method) -> Result<(), Unanswered> {
        if self.head.method == *method {
            return Ok(());
        }
        let message = format!("use {method}");
        Err(Unanswered::Reply(Box::new(reply::fault(StatusCode::METHOD_NOT_ALLOWED, &message))))
    }

    fn log(
        &self,
        reply: &Reply,
        peer: Option<&Peer>,
        started: Instant,
        version: &'static str,
        refusal: Option<(Code, RefusalId)>,
    ) {
        let bytes = reply.body().size_hint().exact().unwrap_or_default();
        self.session.gateway.metrics.answers.inc();
        self.session.gateway.journal.access(&AccessLine {
            at: self.session.gateway.now(),
            listener: &self.session.listener.name,
            peer: self.session.address,
            principal: peer.and_then(Peer::principal),
            method: self.head.method.as_str(),
            path: self.head.uri.path(),
            version,
            status: reply.status().as_u16(),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            took: started.elapsed(),
            refusal,
        });
    }
}

fn nothing(message: &str) -> Unanswered {
    Unanswered::Reply(Box::new(not_found(message)))
}

fn not_found(message: &str) -> Reply {
    reply::fault(StatusCode::NOT_FOUND, message)
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
