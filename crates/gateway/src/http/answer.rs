//! One request to one answer; every request passes here.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use access::{Peer, Permit};
use fault::{Code, Refusal};
use http::uri::Authority;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::ending::{EndReason, Ended};
use crate::http::body::{self, Patience};
use crate::http::delivery::{AnswerBody, Large};
use crate::http::elsewhere::refuse_other_sites;
use crate::http::query::Unanswered;
use crate::http::reply::{self, Reply};
use crate::http::route::{Admin, Named, Route, route};
use crate::http::{admin, query, whoami, why};
use crate::journal::AccessLine;
use crate::judged::Judged;
use crate::refused::RefusalId;
use crate::registrar::{Ask, Asker, Office};
use crate::room::Full;
use crate::session::{Late, Session, Stale};
use crate::snapshot::{Behind, Served, Snapshot};

/// Answers a request and writes its access line.
pub(crate) async fn answer(
    session: &Session,
    request: Request<Incoming>,
    version: &'static str,
) -> Response<AnswerBody> {
    let in_flight = session.pace.request();
    session.count_request();
    let (started, at) = (Instant::now(), session.gateway.now());
    let (head, mut body) = request.into_parts();
    let mut first = true;
    let acts = AtomicBool::new(false);
    loop {
        let snapshot = session.gateway.snapshot();
        let (snapshot, head, acts) = (&*snapshot, &head, &acts);
        let mut asked = Asked { session, snapshot, head, at, version, first, acts, served: None };
        let (answer, judged) = asked.unless_ended(&mut body).await;
        if matches!(answer, Err(Unanswered::Stale)) {
            first = false;
            continue;
        }
        let peer = judged.as_ref().and_then(|judged| judged.peer().ok());
        let (reply, refusal) = asked.told(answer, peer);
        body::forget(&mut body, session.end.ended().is_some()).await;
        let (reply, large) = match session.gateway.room.take(reply.body().len()) {
            Ok(room) => (reply, room.map(|room| Large::new(session.pace.deliver(), room))),
            Err(Full) => (no_room("too many large answers are waiting to be taken"), None),
        };
        let ended = Instant::now();
        asked.note(&reply, peer, ended - started, refusal);
        in_flight.end(ended);
        let reply = match head.method {
            Method::HEAD => reply::without_body(reply),
            _ => reply,
        };
        return asked.last(reply).map(|bytes| AnswerBody::new(bytes, large));
    }
}

/// A request with what it is judged by.
struct Asked<'a> {
    session: &'a Session,
    snapshot: &'a Snapshot,
    head: &'a Parts,
    at: OffsetDateTime,
    version: &'static str,
    /// Whether it is asked for the first time.
    first: bool,
    /// Whether an administrator's act has begun, which nothing takes back.
    acts: &'a AtomicBool,
    /// The database that it reached.
    served: Option<&'a Served>,
}

impl<'a> Asked<'a> {
    /// The answer, and who it is for; in place of it the refusal, as soon as the session is ended. What was begun for the
    /// answer is dropped then, and a statement that is dropped is interrupted and rolled back. An administrator's act goes
    /// on, and may be what ended the session: its answer is waited for until the cut.
    async fn unless_ended(
        &mut self,
        body: &mut Incoming,
    ) -> (Result<Reply, Unanswered>, Option<Arc<Judged>>) {
        let (session, acts) = (self.session, self.acts);
        if let Some(Late { refusal, id }) = session.late() {
            return (Err(Unanswered::Late(refusal.clone(), *id)), None);
        }
        if let Some(ended) = session.end.ended() {
            return (Err(Unanswered::Refusal(ended.refusal())), Some(session.judged()));
        }
        let mut answer = pin!(async {
            let judged = session.judge(self.snapshot).await;
            // It may be this judgement that ended the session.
            match session.end.ended() {
                Some(ended) => (Err(Unanswered::Refusal(ended.refusal())), Some(session.judged())),
                None => (self.answer(&judged, body).await, Some(judged)),
            }
        });
        let ended = tokio::select! {
            biased;
            answer = answer.as_mut() => return answer,
            ended = session.end.told() => ended,
        };
        match acts.load(Ordering::Relaxed) {
            true => answer.await,
            false => (Err(Unanswered::Refusal(ended.refusal())), Some(session.judged())),
        }
    }

    /// Puts what was refused on record.
    fn told(
        &self,
        answer: Result<Reply, Unanswered>,
        peer: Option<&Peer>,
    ) -> (Reply, Option<(Code, RefusalId)>) {
        match answer {
            Ok(reply) => (reply, None),
            Err(Unanswered::Reply(reply)) => (*reply, None),
            Err(Unanswered::Refusal(refusal)) => {
                let id = self.session.refuse(&refusal, peer, self.head.uri.path());
                (reply::refusal(&refusal, id), Some((refusal.code(), id)))
            }
            Err(Unanswered::Late(refusal, id)) => (reply::refusal(&refusal, id), Some((refusal.code(), id))),
            Err(Unanswered::Stale) => (no_room("the configuration changes too fast"), None),
        }
    }

    /// Says, where HTTP/1.1 does, that no answer follows this one; HTTP/2 says it for all streams.
    fn last(&self, mut reply: Reply) -> Reply {
        if let Some(Late { refusal, .. }) = self.session.late() {
            let reason = EndReason::of_chain(refusal.code());
            self.session.end.tell(Ended::new(reason, refusal.cause(), Instant::now()));
        }
        if self.version == "1.1" && self.session.end.ended().is_some() {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }

    async fn answer(&mut self, judged: &Judged, body: &mut Incoming) -> Result<Reply, Unanswered> {
        let (head, peer): (&'a Parts, _) = (self.head, judged.peer());
        let route = match route(head.uri.path()) {
            // Whoever passed the handshake may know that the node lives.
            Route::Health => return Ok(reply::ok(r#"{"status":"ok"}"#)),
            Route::HealthWithMode => return Ok(reply::ok(r#"{"status":"healthy","mode":"wr"}"#)),
            Route::Refusal(id) => {
                self.only(&Method::GET)?;
                return Ok(why::public(self.session, id));
            }
            Route::Office(office, below) if judged.scope.has(office) => {
                // What is published, and what an ACME account has signed, is for whoever sends it.
                if matches!(office, Office::Certificates | Office::Enrolment) {
                    refuse_other_sites(head).map_err(Unanswered::Refusal)?;
                }
                return self.office(office, below, judged, body).await;
            }
            Route::Named(route) if judged.scope.everything => route,
            Route::Office(..) | Route::Named(_) => return Err(nothing("not served by this listener")),
        };
        let peer = peer.map_err(|refusal| Unanswered::Refusal(refusal.clone()))?;
        refuse_other_sites(head).map_err(Unanswered::Refusal)?;
        self.within_its_rate(peer)?;
        match route {
            Named::WhoAmI => {
                self.only(&Method::GET)?;
                Ok(reply::ok(whoami::whoami(peer, self.session.verified()).to_string()))
            }
            Named::Metrics => {
                self.only(&Method::GET)?;
                self.metrics(peer)
            }
            Named::Admin(route) => self.administrator(peer, route, body).await,
            Named::Reserved => Err(nothing("reserved path not available")),
            Named::NoDatabase => {
                Err(nothing("no database in request (name it in the path, host, or set a default)"))
            }
            Named::BadDatabase => Err(nothing("invalid or reserved database name")),
            Named::Database { name, endpoint } => self.database(peer, name, endpoint, body).await,
        }
    }

    fn within_its_rate(&self, peer: &Peer) -> Result<(), Unanswered> {
        let most = self.snapshot.http_limits.per_principal_rps;
        // What is asked again because the snapshot changed is counted once.
        if !self.first || self.session.gateway.rate.allows(most, peer.principal()) {
            return Ok(());
        }
        Err(Unanswered::Refusal(Refusal::new(Code::RateLimited, "limits.rate.per_principal_rps")))
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
        self.uses(Some(name), &permit)?;
        let limits = &self.snapshot.http_limits;
        let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
        let most = announced.unwrap_or(usize::MAX).min(limits.body_bytes);
        let _room = self.session.gateway.room.take(most).map_err(|Full| {
            Unanswered::Reply(Box::new(no_room("too many large requests are being received")))
        })?;
        let body = body::read(body, limits.body_bytes, limits.body, self.patience())
            .await
            .map_err(Unanswered::Reply)?;
        self.served = Some(served);
        match &served.behind {
            Behind::Embedded(database) => query::query(self.snapshot, &permit, database, &body).await,
            Behind::Upstream(upstream) => {
                query::upstream(self.snapshot, &permit, peer.verified(), upstream, &body).await
            }
        }
    }

    async fn administrator(
        &self,
        peer: &Peer,
        route: Admin<'_>,
        body: &mut Incoming,
    ) -> Result<Reply, Unanswered> {
        if !self.snapshot.control_plane {
            return Err(nothing("control plane not enabled"));
        }
        let permit =
            access::admit_admin(peer, &self.snapshot.grants, self.at).map_err(Unanswered::Refusal)?;
        self.uses(None, &permit)?;
        if let Some(method) = route.method() {
            self.only(&method)?;
        }
        let limits = &self.snapshot.http_limits;
        let body = body::read(body, MOST_ADMIN_BYTES, limits.body, self.patience())
            .await
            .map_err(Unanswered::Reply)?;
        let (session, snapshot, uri) = (self.session, self.snapshot, &self.head.uri);
        let (path, query) = (uri.path(), uri.query());
        let asked = admin::Asked { session, snapshot, peer, path, query, body: &body, acts: self.acts };
        Ok(admin::answer(route, &asked).await)
    }

    async fn office(
        &self,
        office: Office,
        path: &str,
        judged: &Judged,
        body: &mut Incoming,
    ) -> Result<Reply, Unanswered> {
        let Some(registrar) = &self.session.gateway.registrar else {
            return Err(nothing("this node has no authority of its own"));
        };
        let asker = self.asker(judged.peer())?;
        let (session, head, limits) = (self.session, self.head, &self.snapshot.http_limits);
        let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
        let most = announced.unwrap_or(Ask::MOST_BYTES).min(Ask::MOST_BYTES);
        let _room = session.gateway.room.take(most).map_err(|Full| {
            Unanswered::Reply(Box::new(no_room("too many large requests are being received")))
        })?;
        let body = body::read(body, Ask::MOST_BYTES, limits.body, self.patience())
            .await
            .map_err(Unanswered::Reply)?;
        let named = head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let ask = Ask {
            office,
            method: &head.method,
            path,
            query: head.uri.query(),
            headers: &head.headers,
            body,
            asker,
            verified: judged.peer().ok().and_then(Peer::verified),
            remote: &session.shown,
            host: head.uri.authority().map(Authority::as_str).or(named),
            listener: &session.listener.name,
            at: self.at,
            acts: self.acts,
        };
        registrar.answer(ask).await.map_err(Unanswered::Refusal)
    }

    /// Who asks something of the authority: an administrator's permit is noted as used, so that losing it ends the session.
    fn asker<'p>(&self, peer: Result<&'p Peer, &'p Refusal>) -> Result<Asker<'p>, Unanswered> {
        let peer = match peer {
            Ok(peer) if peer.principal().is_none() => return Ok(Asker::Stranger(None)),
            Ok(peer) => peer,
            Err(refusal) => return Ok(Asker::Stranger(Some(refusal))),
        };
        self.within_its_rate(peer)?;
        match access::admit_admin(peer, &self.snapshot.grants, self.at) {
            Ok(permit) if self.snapshot.control_plane => {
                self.uses(None, &permit)?;
                Ok(Asker::Administrator(peer))
            }
            Err(refusal) if refusal.code() == Code::SessionEnded => Err(Unanswered::Refusal(refusal)),
            Ok(_) | Err(_) => Ok(Asker::Known(peer)),
        }
    }

    fn patience(&self) -> Patience {
        if self.version == "1.1" { Patience::OneLook } else { Patience::None }
    }

    /// Notes a permit as used, while the snapshot that gave it is the newest.
    fn uses(&self, database: Option<&str>, permit: &Permit) -> Result<(), Unanswered> {
        let used = self.session.uses(database, permit.level(), self.snapshot);
        used.map_err(|Stale| Unanswered::Stale)
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
    Unanswered::Reply(Box::new(reply::fault(StatusCode::NOT_FOUND, message)))
}

/// A list of what may be weaker, and far more than that.
const MOST_ADMIN_BYTES: usize = 64 * 1024;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
