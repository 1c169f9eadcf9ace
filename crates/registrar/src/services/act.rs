//! What administrators ask for: another certificate, or another one in the place of one that is taken back.

use std::sync::Arc;

use fault::Fault;
use identity::{RevocationReason, Serial};
use ledger::{AuditEvent, AuditKind, State};
use time::OffsetDateTime;

use super::due::{Standing, standing};
use super::note::{Kept, Leaf, Old};
use super::walk::Walk;
use super::{Services, unregistered};

/// Why nothing was done, or not all of it.
#[derive(Debug)]
pub(crate) enum Undone {
    /// Nobody has registered the service.
    Unknown(Fault),
    /// There is no issuer.
    Unconfigured(Fault),
    /// Another replacement is under way, or there is nothing to take back.
    Conflict(Fault),
    /// It failed.
    Failed(Fault),
}

/// What was taken back, and what is in its place.
pub(crate) struct Replaced {
    pub(crate) leaf: Leaf,
    pub(crate) revoked: Serial,
    /// The ones before it that were still good.
    pub(crate) also: Vec<Serial>,
}

/// A service as the listing shows it.
pub(crate) struct Shown {
    pub(crate) service: String,
    pub(crate) leaf: Leaf,
    pub(crate) revoked: bool,
    pub(crate) rotating: bool,
    pub(crate) standing: Standing,
}

impl Services {
    /// The services that have a certificate, in the order of their names.
    pub(crate) async fn listed(&self) -> Result<(Vec<Shown>, OffsetDateTime), Fault> {
        let (rules, now) = (self.rules.load_full(), self.clock.now());
        let mut shown = Vec::new();
        for service in self.registered(&rules) {
            let kept = Walk { services: self, service: &service, rules: &rules, now }.kept().await?;
            let Some(leaf) = kept.current else { continue };
            let record = self.ledger.certificate(leaf.id()).await?;
            let revoked = record.is_some_and(|record| record.state == State::Revoked);
            let rotating = kept.pending.is_some();
            let standing = standing(&rules.rotation, &leaf, revoked, rotating, now);
            shown.push(Shown { service: service.name.clone(), leaf, revoked, rotating, standing });
        }
        Ok((shown, now))
    }

    /// Gives a service another certificate; the one before stays good for a while.
    pub(crate) async fn rotate(self: Arc<Self>, name: String, by: String) -> Result<Leaf, Undone> {
        let (leaf, _) = self.replaced_by(&name, Old::Overlaps).await?;
        self.audit(format!("service {name} rotated: serial {}", leaf.serial), by).await;
        Ok(leaf)
    }

    /// Gives a service another certificate, and then takes the one before back, and those before
    /// it that are still good: whoever rotates first and revokes then means them.
    pub(crate) async fn revoke(
        self: Arc<Self>,
        name: String,
        reason: RevocationReason,
        by: String,
    ) -> Result<Replaced, Undone> {
        let old = Old::Revoked { reason, by: format!("principal {by:?}") };
        let (leaf, before) = self.replaced_by(&name, old).await?;
        let also: Vec<Serial> =
            before.good_before(self.clock.now()).map(|former| former.serial.clone()).collect();
        let Some(Leaf { serial: revoked, .. }) = before.current else { return Err(nothing(&name)) };
        let all: Vec<String> = std::iter::once(&revoked).chain(&also).map(ToString::to_string).collect();
        let all = all.join(", ");
        self.audit(
            format!("service {name}: serial {all} revoked, {reason}; replaced by {}", leaf.serial),
            by,
        )
        .await;
        Ok(Replaced { leaf, revoked, also })
    }

    /// The new leaf, and what was kept before.
    async fn replaced_by(&self, name: &str, old: Old) -> Result<(Leaf, Kept), Undone> {
        let rules = self.rules.load_full();
        if !rules.registered.contains(name) {
            return Err(Undone::Unknown(unregistered(name, &rules)));
        }
        rules.issuer().map_err(Undone::Unconfigured)?;
        let service = self.service(name);
        let Ok(_alone) = service.walk.try_lock() else {
            let busy = Fault::yours(format!("a rotation of the service \"{name}\" is in progress"));
            return Err(Undone::Conflict(busy.remedy("ask again in a moment")));
        };
        let walk = Walk { services: self, service: &service, rules: &rules, now: self.clock.now() };
        walk.settle().await.map_err(Undone::Failed)?;
        if old == Old::Overlaps {
            // So that a row of rotations keeps no more than it may.
            walk.end_overlaps().await.map_err(Undone::Failed)?;
        }
        let before = walk.kept().await.map_err(Undone::Failed)?;
        let old = match (&before.current, old) {
            (None, Old::Revoked { .. }) => return Err(nothing(name)),
            (Some(leaf), Old::Overlaps) if walk.is_good(leaf).await.map_err(Undone::Failed)? => Old::Overlaps,
            (_, Old::Overlaps | Old::Gone | Old::Lost) => Old::Gone,
            (Some(_), revoked) => revoked,
        };
        let leaf = walk.replace(old).await.map_err(Undone::Failed)?;
        service.held.lock().retry = None;
        // What is due next has changed.
        self.wake.notify_one();
        Ok((leaf, before))
    }

    async fn audit(&self, done: String, by: String) {
        let event = AuditEvent {
            principal: Some(by),
            cause: Some(done),
            ..AuditEvent::new(AuditKind::Admin, self.clock.now())
        };
        if let Err(error) = self.ledger.audit(vec![event]).await {
            tracing::error!(%error, "the audit record does not say what an administrator did");
        }
    }
}

impl Walk<'_> {
    /// Whether a leaf is still worth an overlap.
    async fn is_good(&self, leaf: &Leaf) -> Result<bool, Fault> {
        let record = self.services.ledger.certificate(leaf.id()).await?;
        Ok(self.now <= leaf.not_after && record.is_some_and(|record| record.state == State::Issued))
    }
}

fn nothing(name: &str) -> Undone {
    let fault = Fault::yours(format!("the service \"{name}\" has no certificate that could be revoked"));
    Undone::Conflict(fault.remedy("the log says why it has none; rotate gives it one"))
}
