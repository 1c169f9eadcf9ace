//! What one service needs at one moment, and doing it.

use std::sync::Arc;
use std::time::Duration;

use authority::Authority;
use fault::{Fault, Faults};
use identity::RevocationReason;
use ledger::{CertificateId, State};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::due::due_at;
use super::folder::Found;
use super::note::{Kept, Leaf, Old};
use super::walk::{LOST, Walk, is_of};
use super::{Retry, Rules, Service, Services};

impl Services {
    /// Gives every registered service a certificate that has none, before anything is served; what is still good is
    /// kept. A service that cannot have one is told in the log.
    ///
    /// # Errors
    /// Each service without a certificate, where the rules say that the node must not start without.
    pub async fn provision(&self) -> Result<(), Faults> {
        let rules = self.rules.load_full();
        let mut faults = Faults::new();
        for service in self.registered(&rules) {
            if let Err(fault) = self.look_at(&service, &rules).await {
                faults.push(fault);
            }
        }
        self.alert(&rules);
        match rules.required {
            true => faults.or(()),
            false => Ok(()),
        }
    }

    /// Looks at every service that is not waiting for its next try.
    pub(super) async fn look(&self) {
        let rules = self.rules.load_full();
        for service in self.registered(&rules) {
            let waits = service.held.lock().retry.is_some_and(|retry| retry.at > Instant::now());
            if !waits {
                // What went wrong is in the log, and is tried again.
                let _ = self.look_at(&service, &rules).await;
            }
        }
        self.alert(&rules);
    }

    pub(super) async fn look_at(&self, service: &Service, rules: &Rules) -> Result<(), Fault> {
        // Whoever holds it replaces the certificate at this moment.
        let Ok(_alone) = service.walk.try_lock() else { return Ok(()) };
        let walk = Walk { services: self, service, rules, now: self.clock.now() };
        let looked = walk.look().await;
        let mut held = service.held.lock();
        let Err(trouble) = looked else {
            held.retry = None;
            return Ok(());
        };
        let failures = held.retry.map_or(0, |retry| retry.failures) + 1;
        let pause = pause(failures);
        held.retry = Some(Retry { failures, at: Instant::now() + pause });
        drop(held);
        Err(trouble.told(&service.name, pause))
    }
}

/// Why a service has not what it needs.
enum Trouble {
    /// Nothing could be issued.
    NotIssued(Fault),
    /// It has a certificate that cannot be taken from disk at this moment.
    Unusable(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::NotIssued(fault)
    }
}

impl Trouble {
    fn told(self, service: &str, pause: Duration) -> Fault {
        let retry_in_seconds = pause.as_secs();
        match self {
            Self::NotIssued(fault) => {
                tracing::error!(service, %fault, retry_in_seconds, "the service's certificate was not issued");
                fault
            }
            Self::Unusable(fault) => {
                tracing::warn!(service, %fault, retry_in_seconds, "the service's certificate on disk cannot be used now; it is kept, and looked at again: repair the file, or rotate the service");
                fault
            }
        }
    }
}

/// What a service needs.
enum Needed {
    /// Nothing.
    Nothing,
    /// Another leaf; and what becomes of the one it has.
    Another(Old),
    /// The one it has, once that can be used again.
    Patience(Fault),
}

impl Walk<'_> {
    /// Ends what is over, goes on with what was begun, and replaces what has to be replaced.
    async fn look(&self) -> Result<(), Trouble> {
        let first = !self.service.held.lock().read;
        let kept = self.kept().await?;
        if first && kept.current.is_some() {
            // A crash may have kept the last walk from it.
            self.tidy()?;
        }
        self.end_overlaps().await?;
        self.settle().await?;
        match self.needed().await? {
            Needed::Nothing => Ok(()),
            Needed::Another(old) => Ok(self.replace(old).await.map(drop)?),
            Needed::Patience(fault) => Err(Trouble::Unusable(fault)),
        }
    }

    /// Takes replaced leaves back whose time is over, and removes their files.
    pub(super) async fn end_overlaps(&self) -> Result<(), Fault> {
        let mut kept = self.kept().await?;
        let (over, still): (Vec<_>, Vec<_>) =
            kept.former.into_iter().partition(|former| former.until <= self.now);
        if over.is_empty() {
            return Ok(());
        }
        for former in &over {
            // One that has expired needs no revocation.
            if former.leaf.not_after > self.now {
                self.take_back(&former.leaf.id(), RevocationReason::Superseded, OVERLAP).await?;
            }
            tracing::info!(service = self.service.name, serial = %former.leaf.serial, "the replaced service certificate has ended");
        }
        kept.former = still;
        self.save(kept, "overlap ended").await?;
        self.tidy()
    }

    async fn needed(&self) -> Result<Needed, Fault> {
        let kept = self.kept().await?;
        if let Some(pending) = kept.pending {
            return Ok(Needed::Another(pending.old));
        }
        let Some(leaf) = kept.current else {
            self.end_strays().await?;
            return Ok(Needed::Another(Old::Gone));
        };
        let state = self.services.ledger.certificate(leaf.id()).await?.map(|record| record.state);
        match state {
            Some(State::Issued) => {}
            Some(State::Revoked) => {
                self.told_revoked();
                return Ok(Needed::Another(Old::Gone));
            }
            Some(State::Drafted | State::Abandoned) | None => {
                tracing::warn!(service = self.service.name, serial = %leaf.serial, "the ledger does not know the service's certificate; it is issued anew");
                return Ok(Needed::Another(Old::Gone));
            }
        }
        if self.now > leaf.not_after {
            return Ok(Needed::Another(Old::Gone));
        }
        Ok(match self.on_disk(&leaf) {
            // Its time has come whether it can be used or not.
            Needed::Nothing | Needed::Patience(_) if self.is_due(&leaf) => Needed::Another(Old::Overlaps),
            needed => needed,
        })
    }

    /// Takes the leaf from disk where that is not done, and says what is wrong with it. Only what is lost is taken
    /// back: a certificate that cannot be read for the moment is a good one.
    fn on_disk(&self, leaf: &Leaf) -> Needed {
        let held = self.service.held.lock().credential.clone();
        let held = held.filter(|held| *held.leaf().identity().serial() == leaf.serial);
        let credential = match (self.service.folder.find(&leaf.serial, self.now), held) {
            (Found::Good(_), Some(held)) => held,
            (Found::Good(loaded), None) => {
                let loaded = Arc::new(loaded);
                self.present(Arc::clone(&loaded));
                loaded
            }
            (Found::Unusable(fault), _) => return Needed::Patience(fault),
            (Found::Lost(fault), held) => {
                tracing::warn!(service = self.service.name, %fault, "the service's certificate on disk is issued anew");
                // What is in memory is not lost, and others may hold it.
                return Needed::Another(held.map_or(Old::Lost, |_| Old::Overlaps));
            }
        };
        let Some(issuer) = &self.rules.authority else { return Needed::Nothing };
        match is_of(issuer, self.rules, &self.service.name, credential.leaf()) {
            true => Needed::Nothing,
            false => Needed::Another(Old::Overlaps),
        }
    }

    /// Whether the leaf's time has come, and another one would end later.
    fn is_due(&self, leaf: &Leaf) -> bool {
        let issuer = self.rules.authority.as_deref().map(Authority::certificate);
        let outlived = issuer.is_none_or(|issuer| issuer.identity().not_after() > leaf.not_after);
        self.now >= due_at(&self.rules.rotation, leaf) && outlived
    }

    /// Says once that the current leaf was taken back by somebody else.
    fn told_revoked(&self) {
        let mut held = self.service.held.lock();
        if !std::mem::replace(&mut held.revoked, true) {
            drop(held);
            self.services.metrics.revoked(&self.service.name);
            tracing::warn!(
                service = self.service.name,
                "the service's certificate was revoked; it is replaced"
            );
        }
    }

    /// Leaves on disk that no note speaks of: another node's, or those of a ledger that was replaced. What is on record of
    /// them is taken back, for their keys are removed.
    async fn end_strays(&self) -> Result<(), Fault> {
        let strays = self.service.folder.leaves()?;
        for serial in &strays {
            tracing::warn!(service = self.service.name, %serial, "nothing is known here of a certificate on disk; it is removed");
            let Some(issuer) = &self.rules.authority else { continue };
            let id = CertificateId { issuer: issuer.key_id(), serial: serial.clone() };
            let record = self.services.ledger.certificate(id.clone()).await?;
            if record.is_some_and(|record| record.state == State::Issued) {
                self.take_back(&id, RevocationReason::CessationOfOperation, LOST).await?;
            }
        }
        if strays.is_empty() { Ok(()) } else { self.tidy() }
    }
}

impl Kept {
    /// When something happens by the clock alone: an overlap ends, or the current leaf is due.
    pub(super) fn next(&self, rules: &Rules) -> Option<OffsetDateTime> {
        let due = self.current.as_ref().map(|leaf| due_at(&rules.rotation, leaf));
        self.former.iter().map(|former| former.until).chain(due).min()
    }
}

/// After so many failures in a row: 1 s, 2 s, 4 s, … 5 minutes.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled).min(LONGEST_PAUSE)
}

/// Who takes replaced leaves back.
const OVERLAP: &str = "this node: the overlap has ended";
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
