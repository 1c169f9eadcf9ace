//! Reading the configuration again, and serving by it without dropping what it does not concern.
//!
//! - [`attempt`]: one reload, all or nothing.
//! - [`trial`]: the new configuration tried on chains that came lately.
//! - [`restart`]: what cannot be changed while the node runs.
//! - [`changes`]: what a reload changed, in words.
//! - [`outcome`]: what came of it, for whoever asked, the log, the ledger.
//! - [`record`]: what came of the last ones, for metrics and status.

mod attempt;
mod changes;
mod outcome;
mod record;
mod restart;
mod trial;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use config::Sources;
use fault::Faults;
use gateway::{AllowWeaker, Gateway, Metrics, Reload, Reloaded};
use registrar::Registrar;
use time::OffsetDateTime;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, Interval, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::Clock;

use crate::adjust::Adjusted;
use crate::announce::announcement;
use crate::auditor::Auditor;
use crate::prepare::Credentials;
use crate::publish::Publisher;
use crate::renew::{self, Keeper};
use crate::serving::Serving;
use crate::status::Announcement;
use crate::watch::Watch;

pub(crate) use outcome::{Applied, Rejected, Trigger};
pub(crate) use record::{RELOADS, Record};

/// A reload that an administrator asks for, and the way to answer.
pub(crate) struct Asked {
    pub(crate) reload: Reload,
    pub(crate) answer: oneshot::Sender<Reloaded>,
}

/// Owns what is served, and replaces it: by what is written now, and by credentials that were renewed. One change at a
/// time.
pub(crate) struct Reloader {
    pub(crate) sources: Arc<Sources>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) metrics: Metrics,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) keeper: Keeper,
    /// What is issued by, to be changed with the rest.
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) serving: Serving,
    pub(crate) watch: Watch,
    pub(crate) shown: Arc<ArcSwap<Announcement>>,
    pub(crate) record: Arc<Record>,
    pub(crate) auditor: Option<Arc<Auditor>>,
    pub(crate) adjusted: Adjusted,
    pub(crate) clock: Arc<dyn Clock>,
    /// Databases that are being closed.
    pub(crate) closing: TaskTracker,
}

/// A change that was noticed and could not be used yet: half of it may still be on its way.
struct Waiting {
    again: Instant,
    until: Instant,
}

/// Why something is to be done.
enum Occasion {
    Asked(Asked),
    Hangup,
    /// Files changed, or what could not be used is to be looked at again.
    Changed,
    Look,
}

/// Waits for an occasion. Of several that are there any one comes first, so that whoever asks without end keeps nobody
/// else waiting.
async fn next<L>(
    asked: &mut mpsc::Receiver<Asked>,
    hangup: impl Future<Output = Option<()>>,
    again: Option<Instant>,
    changed: impl Future<Output = ()>,
    look: impl Future<Output = L>,
) -> Occasion {
    let again = async {
        match again {
            // A timer that is new each time might never be looked at.
            Some(again) if again <= Instant::now() => {}
            Some(again) => sleep_until(again).await,
            None => pending().await,
        }
    };
    tokio::select! {
        Some(asked) = asked.recv() => Occasion::Asked(asked),
        Some(()) = hangup => Occasion::Hangup,
        () = again => Occasion::Changed,
        () = changed => Occasion::Changed,
        _ = look => Occasion::Look,
    }
}

/// Waits until credentials are to be looked at: every so often, and when a service has another certificate.
async fn looks(look: &mut Interval, replaced: &mut Option<watch::Receiver<u64>>) {
    let replaced = async {
        let changed = match replaced {
            Some(replaced) => replaced.changed().await.is_ok(),
            None => false,
        };
        // Nobody is left who could tell.
        if !changed {
            pending::<()>().await;
        }
    };
    tokio::select! {
        _ = look.tick() => {}
        () = replaced => {}
    }
}

impl Reloader {
    /// Reloads and renews until told to stop; returns what is served then.
    pub(crate) async fn run(
        mut self,
        mut asked: mpsc::Receiver<Asked>,
        mut hangup: Signal,
        stop: CancellationToken,
    ) -> Serving {
        let mut look = interval(renew::LOOK);
        look.reset();
        let mut waiting: Option<Waiting> = None;
        let mut looked = self.clock.now();
        let mut replaced = self.keeper.replaced();
        loop {
            let again = waiting.as_ref().map(|waiting| waiting.again);
            let occasion = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                occasion = next(&mut asked, hangup.recv(), again, self.watch.changed(), looks(&mut look, &mut replaced)) => occasion,
            };
            match occasion {
                Occasion::Asked(Asked { reload, answer }) => {
                    let Reload { by, allow } = reload;
                    let outcome = self.reload(&Trigger::Principal(by), &allow).await;
                    // What was waited for has been read, and told.
                    waiting = None;
                    // Whoever asked may be gone.
                    let _ = answer.send(outcome::reloaded(outcome));
                }
                Occasion::Hangup => {
                    let _ = self.reload(&Trigger::Hangup, &AllowWeaker::Nothing).await;
                    waiting = None;
                }
                Occasion::Changed => waiting = self.try_again(waiting.take()).await,
                Occasion::Look => {
                    looked = self.look_at_lists(looked);
                    self.renew().await;
                }
            }
        }
        self.closing.close();
        self.closing.wait().await;
        self.serving
    }

    /// Reloads, and tells everybody what came of it.
    async fn reload(&mut self, trigger: &Trigger, allow: &AllowWeaker) -> Result<Applied, Rejected> {
        let outcome = self.attempt(allow).await;
        self.tell(trigger, &outcome);
        outcome
    }

    /// Reloads because files changed. What cannot be read may be half of a change; it is read again for a while.
    async fn try_again(&mut self, waiting: Option<Waiting>) -> Option<Waiting> {
        let outcome = self.attempt(&AllowWeaker::Nothing).await;
        let now = Instant::now();
        let until = waiting.map_or(now + PATIENCE, |waiting| waiting.until);
        if matches!(outcome, Err(Rejected::Faults(_))) && now < until {
            return Some(Waiting { again: now + BREATH, until });
        }
        match outcome {
            // A file that was touched and not changed, or put back, is nothing to speak of.
            Ok(Applied::Unchanged { .. }) => self.record.mended(self.clock.now()),
            outcome => self.tell(&Trigger::File, &outcome),
        }
        None
    }

    fn tell(&self, trigger: &Trigger, outcome: &Result<Applied, Rejected>) {
        outcome::log(trigger, outcome);
        self.record.note(outcome, self.clock.now());
        let event = outcome::audited(trigger, outcome, self.clock.now());
        if let (Some(auditor), Some(event)) = (&self.auditor, event) {
            auditor.note(event);
        }
    }

    /// Says which lists became outdated since the last look; answers when this one was.
    fn look_at_lists(&self, since: OffsetDateTime) -> OffsetDateTime {
        let now = self.clock.now();
        for outdated in self.serving.prepared.newly_outdated(since, now) {
            tracing::warn!("{}", outdated.to_string().replace('\n', ";"));
        }
        now
    }

    /// Reissues before expiry and publishes. A failure keeps what there is and is tried again.
    async fn renew(&mut self) {
        if !Keeper::is_needed(&self.serving.prepared) {
            return;
        }
        if let Err(faults) = self.renewed().await {
            tracing::error!(%faults, "the node's own certificate was not renewed; the one it has stays");
        }
    }

    async fn renewed(&mut self) -> Result<(), Faults> {
        let credentials = self.keeper.credentials(&self.serving.prepared).await?;
        // By what they are, and not by their ends: two that were issued within one second end together.
        let leaves =
            |held: &Credentials| held.values().map(|one| one.leaf().fingerprint()).collect::<Vec<_>>();
        if leaves(&credentials) == leaves(&self.serving.credentials) {
            return Ok(());
        }
        let next = Serving { credentials, ..self.serving.clone() };
        let shown = announcement(&next);
        let generation = self.publisher.publish(&self.gateway, &next)?;
        self.serving = next;
        self.shown.store(Arc::new(shown));
        tracing::info!(generation, "the node's own certificate was renewed");
        Ok(())
    }
}

/// For so long a change that cannot be used is taken for half of one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at it.
const BREATH: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use gateway::{AllowWeaker, Reload};
    use tokio::sync::{mpsc, oneshot};
    use tokio::time::Instant;

    use super::{Asked, Occasion, next};

    #[tokio::test]
    async fn whoever_asks_without_end_keeps_nobody_else_waiting() {
        let (asks, mut asked) = mpsc::channel(1);
        let (mut hangups, mut changes, mut looks) = (0, 0, 0);
        for _ in 0..1_000 {
            let reload = Reload { by: "admin".to_owned(), allow: AllowWeaker::Nothing };
            // There is one that waits, always.
            let _ = asks.try_send(Asked { reload, answer: oneshot::channel().0 });
            let again = Some(Instant::now());
            match next(&mut asked, ready(Some(())), again, pending(), ready(())).await {
                Occasion::Asked(_) => {}
                Occasion::Hangup => hangups += 1,
                Occasion::Changed => changes += 1,
                Occasion::Look => looks += 1,
            }
        }
        assert!(hangups > 0 && changes > 0 && looks > 0, "{hangups} {changes} {looks}");
    }
}
