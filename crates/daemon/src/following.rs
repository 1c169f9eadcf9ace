//! Follows our own ledger, so that what it says is revoked is refused at once, and what it said once is refused for ever.

mod handing;
mod memory;
mod pulse;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fault::Fault;
use identity::RecordedRevocation;
use ledger::{CertificateId, Denial, Ledger, LedgerError, LedgerId, Mark, RevocationRecord};
use tokio::time::{Instant, timeout};
use transport::Clock;

pub(crate) use memory::Memory;
pub(crate) use pulse::Pulse;

/// A ledger whose revocations are followed, and how far they have been told.
#[derive(Debug)]
pub(crate) struct Following {
    ledger: Arc<dyn Ledger>,
    id: LedgerId,
    clock: Arc<dyn Clock>,
    /// The ledger's revision when everything up to it had been told.
    seen: u64,
    /// The last revocation that was told. A ledger that no longer has it came back from the past.
    told: Option<(u64, CertificateId)>,
    memory: Memory,
    /// What this node knows and the ledger has lost; it is handed back.
    missing: VecDeque<Denial>,
    /// When the ledger was last looked at without being asked to.
    looked: Instant,
    pulse: Pulse,
}

impl Following {
    /// Tells everything that is on record and everything that this node was told before, in parts, and begins to follow
    /// from there.
    ///
    /// # Errors
    /// Where the ledger cannot be read: a node that does not know what is revoked lets nobody in.
    pub(crate) async fn begin(
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        memory: Memory,
        mut tell: impl FnMut(Vec<RecordedRevocation>) + Send,
    ) -> Result<Self, Fault> {
        let id = ledger.id().await?;
        // Asked for before the revocations, so that what is recorded while they are read is told afterwards.
        let seen = ledger.revision().await?;
        memory.compare(Mark { ledger: id, revision: seen, at: clock.now() });
        let pulse = Pulse::new(id, clock.now());
        let (told, missing, looked) = (None, VecDeque::new(), Instant::now());
        let mut following = Self { ledger, id, clock, seen, told, memory, missing, looked, pulse };
        following.read_all(Known::Untold, &mut |new, _decided_at| tell(new)).await?;
        tell(following.missing.iter().cloned().map(denied).collect());
        following.raise_numbers().await?;
        following.pulse.heard(following.clock.now(), seen);
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
    /// One that has lost what it said before is told it again.
    pub(crate) async fn follow(mut self, mut tell: impl FnMut(Vec<RecordedRevocation>, Instant) + Send) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(&mut tell).await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.pulse.heard(self.clock.now(), self.seen);
                }
                Err(LedgerError::Closed) => return,
                Err(error) => {
                    self.pulse.failed(&error, self.clock.now());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Waits for a change and tells what it brought. Only then is it seen: a failure in between is made good. Where
    /// nothing changes for a while, the ledger is asked whether it is still there, and still the same.
    async fn step(&mut self, tell: &mut Tell<'_>) -> Result<(), LedgerError> {
        self.hand_back().await?;
        // From a ledger that has failed nobody waits long for word: it may have come back with less than it had.
        let patience = self.pulse.failing_since().map_or(BETWEEN_LOOKS, |_| SHORT_LOOK);
        let changed = timeout(patience, self.ledger.changed(self.seen)).await.ok().transpose()?;
        let seen = match changed {
            Some(seen) => seen,
            None => answered(self.ledger.revision()).await?,
        };
        self.read(tell).await?;
        self.seen = seen;
        if changed.is_none() || self.looked.elapsed() >= BETWEEN_LOOKS {
            self.raise_numbers().await?;
            self.memory.keep(Vec::new(), self.mark(seen)).await;
            self.looked = Instant::now();
        }
        Ok(())
    }

    /// Tells what came behind the last one that was told, which must still be where it was.
    async fn read(&mut self, tell: &mut Tell<'_>) -> Result<(), LedgerError> {
        loop {
            let since = self.told.as_ref().map_or(0, |(revision, _)| revision.saturating_sub(1));
            let mut page = answered(self.ledger.revocations(since, 0)).await?;
            if let Some((revision, id)) = &self.told {
                if page.first().is_none_or(|first| first.revision != *revision || first.id() != *id) {
                    tracing::error!(
                        revision,
                        "the ledger came back from the past: it no longer has what it said; what this node was told holds"
                    );
                    return self.read_all(Known::Told, tell).await;
                }
                page.remove(0);
            }
            if page.is_empty() {
                return Ok(());
            }
            self.take_in(page, tell).await;
        }
    }

    /// Reads everything, and finds out what this node knows and the ledger does not.
    async fn read_all(&mut self, known: Known, tell: &mut Tell<'_>) -> Result<(), LedgerError> {
        let mut before = self.memory.recall(self.clock.now()).await;
        self.told = None;
        loop {
            let since = self.told.as_ref().map_or(0, |(revision, _)| *revision);
            let page = answered(self.ledger.revocations(since, 0)).await?;
            let Some(last) = page.last() else { break };
            self.told = Some((last.revision, last.id()));
            let (old, new): (Vec<_>, Vec<_>) = page.into_iter().partition(|one| before.found(&one.id()));
            if known == Known::Untold {
                let decided_at = self.decided_at(&old);
                tell(old.into_iter().map(recorded).collect(), decided_at);
            }
            self.take_in(new, tell).await;
        }
        self.missing = before.missing().collect();
        if !self.missing.is_empty() {
            let (missing, known) = (self.missing.len(), before.len());
            tracing::error!(
                missing,
                known,
                "the ledger has lost revocations; this node goes on refusing, and hands them back"
            );
        }
        Ok(())
    }

    /// Tells first, and keeps it then: nobody waits for this node's disk.
    async fn take_in(&mut self, page: Vec<RevocationRecord>, tell: &mut Tell<'_>) {
        let Some(last) = page.last() else { return };
        let at = (last.revision, last.id());
        let decided_at = self.decided_at(&page);
        let kept = page.iter().map(Into::into).collect();
        tell(page.into_iter().map(recorded).collect(), decided_at);
        self.memory.keep(kept, self.mark(at.0)).await;
        if self.told.as_ref().is_none_or(|(revision, _)| *revision < at.0) {
            self.told = Some(at);
        }
    }

    fn mark(&self, revision: u64) -> Mark {
        Mark { ledger: self.id, revision, at: self.clock.now() }
    }

    /// Gives the ledger back what it has lost, and says so on record.
    async fn hand_back(&mut self) -> Result<(), LedgerError> {
        handing::hand_back(&self.ledger, &mut self.missing, self.clock.now()).await
    }

    /// Lists that were published keep their numbers, also where the ledger has forgotten them: whoever has seen such a
    /// list takes none with a smaller number.
    async fn raise_numbers(&mut self) -> Result<(), LedgerError> {
        let on_record = answered(self.ledger.crl_numbers()).await?;
        for (issuer, known) in self.memory.numbers() {
            let number =
                on_record.iter().find(|(other, _)| *other == issuer).map_or(0, |(_, number)| *number);
            if number < known {
                let raised = self.ledger.raise_crl_number(issuer, known.saturating_add(UNHEARD_OF)).await?;
                tracing::warn!(%issuer, number, known, raised, "the ledger had lost the numbers of lists; they go on above");
            }
        }
        self.memory.keep_numbers(on_record).await;
        Ok(())
    }

    /// The moment of the earliest one, on the clock that never jumps.
    fn decided_at(&self, page: &[RevocationRecord]) -> Instant {
        let (now, heard) = (self.clock.now(), Instant::now());
        let age = page.iter().map(|record| now - record.at).max().unwrap_or_default();
        // A moment from the future is another machine's clock, and is now.
        let age = Duration::try_from(age).unwrap_or_default();
        heard.checked_sub(age).unwrap_or(heard)
    }
}

/// Whether what this node knew has been told by it before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Told,
    Untold,
}

/// Who is told.
type Tell<'a> = dyn FnMut(Vec<RecordedRevocation>, Instant) + Send + 'a;

/// A ledger that does not answer for so long has failed.
async fn answered<T>(answer: ledger::Answer<'_, T>) -> Result<T, LedgerError> {
    let late = || LedgerError::Storage(format!("it did not answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, answer).await.unwrap_or_else(|_elapsed| Err(late()))
}

fn recorded(record: RevocationRecord) -> RecordedRevocation {
    let RevocationRecord { issuer, serial, reason, at, .. } = record;
    RecordedRevocation { issuer, serial, reason, at }
}

fn denied(denial: Denial) -> RecordedRevocation {
    let Denial { issuer, serial, reason, at } = denial;
    RecordedRevocation { issuer, serial, reason, at }
}

/// After a failure the ledger is asked again so soon, and each time twice as late,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// but never later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A ledger that nothing is heard from is asked for its revision after so long.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
/// And where it has just failed, after so long.
const SHORT_LOOK: Duration = Duration::from_millis(200);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// By so much more a lost number is raised: lists may have been published that this node has not heard of.
const UNHEARD_OF: u64 = 10_000;
