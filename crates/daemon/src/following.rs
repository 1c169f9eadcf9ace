//! Follows our own ledger, so that what it says is revoked is refused at once.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use fault::Fault;
use identity::RecordedRevocation;
use ledger::{Ledger, LedgerError, RevocationRecord};
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::time::Instant;
use transport::Clock;

/// A ledger whose revocations are followed, and how far they have been told.
#[derive(Debug)]
pub(crate) struct Following {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    /// The ledger's revision when everything up to it had been told.
    seen: u64,
    /// The revision of the last revocation that was told.
    told: u64,
    pulse: Pulse,
    /// When a failure was last logged.
    logged: Option<OffsetDateTime>,
}

/// Whether the ledger can be followed; clones see the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Mutex<Option<OffsetDateTime>>>);

impl Pulse {
    /// Since when it cannot; what was told before that still holds, and what was recorded after it is not known.
    pub(crate) fn failing_since(&self) -> Option<OffsetDateTime> {
        *self.0.lock()
    }
}

impl Following {
    /// Tells everything that is on record, in parts, and begins to follow from there.
    ///
    /// # Errors
    /// Where the ledger cannot be read: a node that does not know what is revoked lets nobody in.
    pub(crate) async fn begin(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        mut tell: impl FnMut(Vec<RecordedRevocation>) + Send,
    ) -> Result<Self, Fault> {
        let mut following = Self { ledger, clock, seen: 0, told: 0, pulse: Pulse::default(), logged: None };
        // Asked for before the revocations, so that what is recorded while they are read is told afterwards.
        let seen = following.ledger.revision().await?;
        following.read(&mut |new, _decided_at| tell(new)).await?;
        following.seen = seen;
        Ok(following)
    }

    /// How it is going, for status and metrics.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Tells what is recorded from now on, by whichever process, each time with the moment of the earliest revocation
    /// among it; ends when the ledger is closed.
    ///
    /// A ledger that fails is asked again, a little later each time; what it says then is told as if nothing had been.
    pub(crate) async fn follow(mut self, mut tell: impl FnMut(Vec<RecordedRevocation>, Instant) + Send) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(&mut tell).await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.recovered();
                }
                Err(LedgerError::Closed) => return,
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for a change and tells what it brought. Only then is it seen: a failure in between is made good.
    async fn step(
        &mut self,
        tell: &mut (impl FnMut(Vec<RecordedRevocation>, Instant) + Send),
    ) -> Result<(), LedgerError> {
        let seen = self.ledger.changed(self.seen).await?;
        self.read(tell).await?;
        self.seen = seen;
        Ok(())
    }

    async fn read(
        &mut self,
        tell: &mut (impl FnMut(Vec<RecordedRevocation>, Instant) + Send),
    ) -> Result<(), LedgerError> {
        loop {
            let page = self.ledger.revocations(self.told, 0).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.told = last.revision;
            let decided_at = self.decided_at(&page);
            tell(page.into_iter().map(recorded).collect(), decided_at);
        }
    }

    /// The moment of the earliest one, on the clock that never jumps.
    fn decided_at(&self, page: &[RevocationRecord]) -> Instant {
        let (now, heard) = (self.clock.now(), Instant::now());
        let age = page.iter().map(|record| now - record.at).max().unwrap_or_default();
        // A moment from the future is another machine's clock, and is now.
        let age = Duration::try_from(age).unwrap_or_default();
        heard.checked_sub(age).unwrap_or(heard)
    }

    /// Says so at once, and then from time to time.
    fn failed(&mut self, error: &LedgerError) {
        let now = self.clock.now();
        let since = *self.pulse.0.lock().get_or_insert(now);
        if self.logged.is_some_and(|logged| now - logged < BETWEEN_LINES) {
            return;
        }
        self.logged = Some(now);
        tracing::error!(
            %error,
            seconds = (now - since).whole_seconds(),
            "the ledger does not say what was revoked; what it said before holds"
        );
    }

    fn recovered(&mut self) {
        self.logged = None;
        if let Some(since) = self.pulse.0.lock().take() {
            let seconds = (self.clock.now() - since).whole_seconds();
            tracing::info!(seconds, "the ledger says again what was revoked");
        }
    }
}

fn recorded(record: RevocationRecord) -> RecordedRevocation {
    let RevocationRecord { issuer, serial, reason, at, .. } = record;
    RecordedRevocation { issuer, serial, reason, at }
}

/// After a failure the ledger is asked again so soon, and each time twice as late,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// but never later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How much time lies between two lines about one failure.
const BETWEEN_LINES: time::Duration = time::Duration::MINUTE;
