//! Looking again and again: when something is due, when a revocation was recorded, and at least every so often.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Services;
use super::due::span;

impl Services {
    /// Looks after the services until told to stop.
    ///
    /// The wall clock says what is due, and may jump: so it is read again at least every minute, and one that went
    /// back is a reason to look.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut revision = 0;
        loop {
            // Asked for before looking, so that what is recorded meanwhile is looked at once more.
            revision = self.ledger.revision().await.unwrap_or(revision);
            self.look().await;
            let looked = (self.clock.now(), Instant::now());
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.due(looked) => {}
                () = self.wake.notified() => {}
                () = self.recorded(revision, looked.1) => {}
            }
        }
    }

    /// Waits until it is time to look again.
    async fn due(&self, (looked_at, looked): (OffsetDateTime, Instant)) {
        loop {
            let rules = self.rules.load_full();
            let now = self.clock.now();
            let (at, retry) = self.next();
            let regular = looked_at + span(rules.rotation.every);
            let next = at.map_or(regular, |at| at.min(regular));
            // What could not be done is waited for by its own clock; a look in between would change nothing.
            let early = looked + SHORTEST;
            let is_time = now < looked_at || now >= next;
            if retry.is_some_and(|retry| retry <= Instant::now()) || (is_time && Instant::now() >= early) {
                return;
            }
            let wait = Duration::try_from(next - now).unwrap_or_default().clamp(BREATH, LONGEST);
            let wait = retry.map_or(wait, |retry| wait.min(retry.saturating_duration_since(Instant::now())));
            sleep(wait).await;
        }
    }

    /// When the next thing happens by the wall clock, and when the next try is made. What waits for a try is not due.
    fn next(&self) -> (Option<OffsetDateTime>, Option<Instant>) {
        let rules = self.rules.load_full();
        let (mut at, mut retry) = (None, None);
        for service in self.registered(&rules) {
            let held = service.held.lock();
            match held.retry {
                Some(waiting) => retry = earlier(retry, Some(waiting.at)),
                None => at = earlier(at, held.kept.next(&rules)),
            }
        }
        (at, retry)
    }

    /// Waits until something was recorded: a leaf may have been taken back. A ledger that many certificates pass
    /// through is not looked at for each.
    async fn recorded(&self, revision: u64, looked: Instant) {
        match self.ledger.changed(revision).await {
            Ok(_) => tokio::time::sleep_until(looked + SHORTEST).await,
            // The regular look comes in any case.
            Err(_) => std::future::pending().await,
        }
    }
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Between two looks, however much happens.
const SHORTEST: Duration = Duration::from_millis(500);
const BREATH: Duration = Duration::from_millis(20);
/// How long the wall clock is trusted.
const LONGEST: Duration = Duration::from_secs(60);
