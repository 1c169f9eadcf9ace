//! What goes on record of a session.

use std::sync::Arc;

use access::Peer;
use fault::{Code, Refusal};
use identity::Verified;

use crate::journal::{AuditEvent, AuditKind};
use crate::refusals::{Evidence, Refused, Stage, Why};
use crate::refused::RefusalId;
use crate::session::Session;

impl Session {
    /// Puts a refusal on record and gives it the id by which both sides can speak of it.
    pub(crate) fn refuse(&self, refusal: &Refusal, peer: Option<&Peer>, target: &str) -> RefusalId {
        let id = RefusalId::draw();
        // What a stranger sends as a path must not fill the ledger.
        let target = target.get(..target.floor_char_boundary(LONGEST_TARGET)).unwrap_or(target);
        let (code, cause, principal) = (refusal.code(), refusal.cause(), peer.and_then(Peer::principal));
        self.gateway.metrics.refused(code);
        self.gateway.journal.audit(&AuditEvent {
            kind: AuditKind::Refusal,
            principal,
            method: peer.map(Peer::method),
            target: Some(target),
            refusal: Some((code, cause, id)),
            ..self.event()
        });
        self.keep(refusal, principal, target, id);
        if self.gateway.may_warn_of_refusal() {
            let (listener, peer, remedy) = (&*self.listener.name, self.address, code.remedy());
            tracing::warn!(listener, %peer, principal, target, %code, cause, refusal = %id, remedy, "request refused");
        }
        id
    }

    /// Keeps a refusal for whoever asks why.
    fn keep(&self, refusal: &Refusal, principal: Option<&str>, target: &str, id: RefusalId) {
        // A session ends by a snapshot that came after the one that its peer was recognized by.
        let generation = match refusal.code() {
            Code::SessionEnded => self.gateway.generation(),
            _ => self.judged.load().generation,
        };
        self.gateway.refused.keep(Refused {
            id,
            hello: self.hello,
            at: self.gateway.now(),
            stage: Stage::Request,
            listener: Arc::clone(&self.listener.name),
            peer: self.address,
            server_name: self.server_name.clone(),
            why: Why::refusal(refusal),
            generation,
            evidence: self.verified.clone().map_or(Evidence::Nothing, Evidence::Verified),
            principal: principal.map(Into::into),
            target: Some(target.into()),
        });
    }

    /// Puts on record what an administrator did.
    pub(crate) fn record_act(&self, peer: &Peer, target: &str, detail: &str) {
        self.gateway.journal.audit(&AuditEvent {
            kind: AuditKind::Admin,
            principal: peer.principal(),
            method: Some(peer.method()),
            target: Some(target),
            detail: Some(detail),
            ..self.event()
        });
        let principal = peer.principal();
        tracing::info!(principal, target, detail, "an administrator acted");
    }

    /// Puts on record what becomes of it on a server behind the door.
    pub(super) fn record_carried(&self, kind: AuditKind, database: &str, detail: &str) {
        let judged = self.judged.load();
        let peer = judged.peer().ok();
        self.gateway.journal.audit(&AuditEvent {
            kind,
            principal: peer.and_then(Peer::principal),
            method: peer.map(Peer::method),
            target: Some(database),
            detail: Some(detail),
            ..self.event()
        });
    }

    pub(super) fn record_sign_in(&self) {
        // A peer that was not recognized is put on record with each request, where it hears an id.
        if let Ok(peer) = self.judged.load().peer() {
            self.gateway.journal.audit(&AuditEvent {
                principal: peer.principal(),
                method: Some(peer.method()),
                ..self.event()
            });
        }
    }

    pub(crate) fn event(&self) -> AuditEvent<'_> {
        AuditEvent {
            at: self.gateway.now(),
            kind: AuditKind::SignIn,
            listener: &self.listener.name,
            peer: self.address,
            server_name: self.server_name.as_deref(),
            principal: None,
            method: None,
            certificate: self.verified.as_ref().map(Verified::leaf),
            target: None,
            handshake: self.hello,
            refusal: None,
            detail: None,
        }
    }
}

/// Bytes of a path that go on record.
const LONGEST_TARGET: usize = 256;
