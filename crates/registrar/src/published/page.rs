//! What a path below `/pki/` leads to.

use authority::{Shard, issuer_id, to_pem};
use bytes::Bytes;
use gateway::Ask;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, StatusCode};
use identity::ocsp::{Failure, Request};
use identity::{Certificate, Malformed};
use time::OffsetDateTime;

use super::document::{Document, set};
use super::issuer::List;
use super::respond::Answered;
use super::{Desk, Published};
use crate::registrar::Registrar;
use crate::reply::{self, Reply};

/// Answers everybody alike.
pub(crate) async fn answer(registrar: &Registrar, ask: &Ask<'_>) -> Reply {
    let published = &registrar.published;
    match ask.path.split_once('/').unwrap_or((ask.path, "")) {
        ("ocsp", "") if *ask.method == Method::POST => {
            published.respond(ask, Request::from_der(&ask.body)).await
        }
        ("ocsp", "") => not_allowed("POST"),
        ("ocsp", question) if is_read(ask) => published.respond(ask, Request::from_path(question)).await,
        _ if !is_read(ask) => not_allowed("GET, HEAD"),
        (folder, name) => {
            let desk = published.desk.load();
            let found = if name.is_empty() { desk.file(folder) } else { desk.named(folder, name) };
            found.map_or_else(reply::nothing, |document| document.answer(ask.headers, ask.at))
        }
    }
}

fn is_read(ask: &Ask<'_>) -> bool {
    matches!(*ask.method, Method::GET | Method::HEAD)
}

fn not_allowed(methods: &str) -> Reply {
    let message = format!("this path answers {methods}");
    let mut reply = reply::fault(StatusCode::METHOD_NOT_ALLOWED, &message);
    set(&mut reply, ALLOW, methods);
    reply
}

impl Published {
    async fn respond(&self, ask: &Ask<'_>, request: Result<Request, Malformed>) -> Reply {
        match self.answer(request, ask.at).await {
            Answered::Common(answer) if is_read(ask) => answer.document.answer(ask.headers, ask.at),
            answered => sent(answered.bytes()),
        }
    }

    /// The answer to a question about single certificates.
    pub(crate) async fn answer(&self, request: Result<Request, Malformed>, now: OffsetDateTime) -> Answered {
        let desk = self.desk.load_full();
        let answered = match (request, &self.responding) {
            (Err(error), _) => {
                tracing::debug!(%error, "an OCSP question cannot be read");
                Answered::Failure(Failure::MalformedRequest)
            }
            // Nothing is on record, so nothing can be said.
            (Ok(_), None) => Answered::Failure(Failure::Unauthorized),
            (Ok(request), Some(responding)) => {
                responding.answer(&desk.voices(now), &request, desk.issuing.ocsp_lifetime, now).await
            }
        };
        self.metrics.answered(&answered);
        answered
    }
}

/// An answer for one asker, which no cache may give to another.
fn sent(bytes: Bytes) -> Reply {
    let mut reply = Reply::new(bytes);
    set(&mut reply, CONTENT_TYPE, "application/ocsp-response");
    set(&mut reply, CACHE_CONTROL, "no-store");
    reply
}

impl Desk {
    /// What has a name of its own.
    fn file(&self, name: &str) -> Option<Document> {
        match name {
            "ca.pem" => self.authorities(),
            "crl.der" => self.usual()?.list(Shard::WHOLE).map(|list| list.document),
            "crl.pem" => self.all_lists(),
            _ => None,
        }
    }

    /// What belongs to one authority, by its name in the configuration or by the name that certificates give it.
    fn named(&self, folder: &str, name: &str) -> Option<Document> {
        let (name, ending) = name.rsplit_once('.')?;
        match (folder, ending) {
            ("crl", "crl") => self.list(name).map(|list| list.document),
            ("crl", "pem") => self.list(name).map(|list| in_pem(&[list])),
            ("issuers", "crt") => {
                let certificate = self.certificate(name)?;
                let der = Bytes::copy_from_slice(certificate.der());
                Some(Document::certificates(CERTIFICATE, der, certificate.identity().not_before()))
            }
            ("issuers", "pem") => in_one_file(&[self.certificate(name)?]),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<List> {
        let (id, shard) = Shard::parse(name)?;
        if id == ROOT || self.root_key().is_some_and(|key| issuer_id(key) == id) {
            return self.root_list.clone().filter(|_| shard.is_whole());
        }
        let by_name = self.issuers.iter().find(|issuer| issuer.name == name);
        if let Some(issuer) = by_name {
            return issuer.list(Shard::WHOLE);
        }
        let meant = self.issuers.iter().find(|issuer| issuer_id(issuer.key) == id);
        meant.map_or_else(
            || self.gone.iter().find_map(|gone| gone.list(id, shard)),
            |issuer| issuer.list(shard),
        )
    }

    fn certificate(&self, name: &str) -> Option<Certificate> {
        if name == ROOT || self.root_key().is_some_and(|key| issuer_id(key) == name) {
            return self.issuing.root.clone();
        }
        let meant = self.issuers.iter().find(|issuer| issuer.name == name || issuer_id(issuer.key) == name);
        meant.map(|issuer| issuer.certificate())
    }

    /// The root and every issuer.
    fn authorities(&self) -> Option<Document> {
        let issuers = self.issuers.iter().map(|issuer| issuer.certificate());
        let all: Vec<Certificate> = self.issuing.root.iter().cloned().chain(issuers).collect();
        in_one_file(&all)
    }

    fn all_lists(&self) -> Option<Document> {
        let issuers = self.issuers.iter().filter_map(|issuer| issuer.list(Shard::WHOLE));
        let all: Vec<List> = self.root_list.iter().cloned().chain(issuers).collect();
        (!all.is_empty()).then(|| in_pem(&all))
    }
}

fn in_one_file(certificates: &[Certificate]) -> Option<Document> {
    let newest = certificates.iter().map(|certificate| certificate.identity().not_before()).max()?;
    let text: String = certificates.iter().map(to_pem).collect();
    Some(Document::certificates(PEM, text.into(), newest))
}

/// Lists in one file: made when the newest of them was, and outdated with the first.
fn in_pem(lists: &[List]) -> Document {
    let text: String = lists.iter().map(|list| list.signed.to_pem()).collect();
    let made = lists.iter().map(|list| list.signed.this_update()).max();
    let next = lists.iter().map(|list| list.signed.next_update()).min();
    let epoch = OffsetDateTime::UNIX_EPOCH;
    Document::statement(PEM, text.into(), made.unwrap_or(epoch), next.unwrap_or(epoch))
}

const ROOT: &str = "root";
const CERTIFICATE: &str = "application/pkix-cert";
const PEM: &str = "application/x-pem-file";
