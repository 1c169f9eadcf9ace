use std::sync::Arc;

use ledger::{LedgerError, LedgerId};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// Whether the ledger can be followed, and how old what is known of it is; clones see the same.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    ledger: LedgerId,
    beat: Arc<Mutex<Beat>>,
}

#[derive(Debug)]
struct Beat {
    /// When the ledger last said something.
    heard: OffsetDateTime,
    /// Its revision then.
    revision: u64,
    failing_since: Option<OffsetDateTime>,
    /// When a failure was last logged, and which.
    logged: Option<(OffsetDateTime, LedgerError)>,
}

impl Pulse {
    pub(crate) fn new(ledger: LedgerId, now: OffsetDateTime) -> Self {
        let beat = Beat { heard: now, revision: 0, failing_since: None, logged: None };
        Self { ledger, beat: Arc::new(Mutex::new(beat)) }
    }

    /// Which ledger it is.
    pub(crate) fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Since when it cannot be followed; what was told before that still holds, and what was recorded after it is not
    /// known.
    pub(crate) fn failing_since(&self) -> Option<OffsetDateTime> {
        self.beat.lock().failing_since
    }

    /// How long ago the ledger last said something.
    pub(crate) fn age(&self, now: OffsetDateTime) -> time::Duration {
        (now - self.beat.lock().heard).max(time::Duration::ZERO)
    }

    /// The revision up to which everything is known.
    pub(crate) fn revision(&self) -> u64 {
        self.beat.lock().revision
    }

    /// Notes that the ledger said something.
    pub(super) fn heard(&self, now: OffsetDateTime, revision: u64) {
        let mut beat = self.beat.lock();
        (beat.heard, beat.revision, beat.logged) = (now, revision, None);
        if let Some(since) = beat.failing_since.take() {
            let seconds = (now - since).whole_seconds();
            tracing::info!(seconds, revision, "the ledger says again what was revoked");
        }
    }

    /// Says so at once, at once where the cause has become another, and then from time to time.
    pub(super) fn failed(&self, error: &LedgerError, now: OffsetDateTime) {
        let mut beat = self.beat.lock();
        let since = *beat.failing_since.get_or_insert(now);
        let said = |(at, why): &(OffsetDateTime, LedgerError)| why == error && now - *at < BETWEEN_LINES;
        if beat.logged.as_ref().is_some_and(said) {
            return;
        }
        beat.logged = Some((now, error.clone()));
        tracing::error!(
            %error,
            seconds = (now - since).whole_seconds(),
            "the ledger does not say what was revoked; what it said before holds"
        );
    }
}

/// How much time lies between two lines about one failure.
const BETWEEN_LINES: time::Duration = time::Duration::MINUTE;
