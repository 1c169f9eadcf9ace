//! [`Inquiries`]: asks, remembers, and asks again in time.

mod asking;
mod keeping;
mod store;

use std::sync::Arc;

use fault::Refusal;
use identity::{Asked, Certificate, Fingerprint, Method, Verification, Verified};
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use transport::tls::Asking;
use transport::{Clock, Online};

use self::store::Store;
use crate::early::Early;
use crate::fetch::{Bounds, Fetcher, Rewrite};
use crate::look::Said;
use crate::metrics::Metrics;
use crate::shown::SourceShown;
use crate::subject::Found;
use crate::taken_back::TakenBack;

/// What is asked, how, and how strictly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How strictly.
    pub verification: Verification,
    /// Lists that are fetched at the start, so that no first connection waits for them.
    pub prefetch: Vec<String>,
    /// Mirrors to ask instead; the first that fits counts.
    pub rewrites: Vec<Rewrite>,
    /// The most that one answer may hold, in bytes.
    pub max_bytes: usize,
}

/// Asks the authorities' own services about certificates, remembers what they said, and asks again before that ends.
///
/// Made once for settings and kept for as long as these stay the same: what it knows ends with it, and so does its work
/// in the background.
#[derive(Debug)]
pub struct Inquiries {
    inner: Arc<Inner>,
    /// What works in the background ends with it.
    _background: DropGuard,
}

#[derive(Debug)]
struct Inner {
    verification: Verification,
    store: Store,
    early: Early,
    taken_back: TakenBack,
    fetcher: Fetcher,
    /// How many requests are under way at one time.
    lanes: Semaphore,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    changed: watch::Sender<u64>,
    /// Something new has to be kept in mind.
    news: Notify,
}

impl Inquiries {
    /// Begins, with the lists that are to be fetched at once. Must be called within a runtime.
    ///
    /// `changed` is counted up at each moment at which a session that was let in may have to go: an authority has taken
    /// something back, or its answer has ended, or it is time to find out who still needs which answer. Whoever judges
    /// live sessions should then judge all of them again.
    #[must_use]
    pub fn start(
        settings: Settings,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        changed: watch::Sender<u64>,
    ) -> Self {
        let Settings { verification, prefetch, rewrites, max_bytes } = settings;
        let allow_private_addresses = verification.allow_private_addresses;
        let bounds = Bounds { max_bytes, allow_private_addresses, rewrites };
        let inner = Arc::new(Inner {
            verification,
            store: Store::default(),
            early: Early::new(if verification.crl.is_some() { &prefetch } else { &[] }),
            taken_back: TakenBack::default(),
            fetcher: Fetcher::new(bounds, Arc::clone(&clock)),
            lanes: Semaphore::new(MOST_AT_ONE_TIME),
            clock,
            metrics,
            changed,
            news: Notify::new(),
        });
        let stop = CancellationToken::new();
        keeping::begin(&inner, stop.clone());
        Self { inner, _background: stop.drop_guard() }
    }

    /// The addresses that were asked, and what came of it.
    #[must_use]
    pub fn shown(&self) -> Vec<SourceShown> {
        self.inner.store.shown(self.inner.clock.now())
    }
}

impl Online for Inquiries {
    fn recall(&self, verified: &Verified, now: OffsetDateTime) -> Option<Result<Verified, Refusal>> {
        let mut found = Vec::new();
        for (subject, issuer) in asked_about(verified) {
            found.push((subject.fingerprint(), self.inner.recall(subject, issuer, now)?));
        }
        Some(self.inner.settle(verified, &found, now))
    }

    fn ask<'a>(&'a self, verified: &'a Verified) -> Asking<'a> {
        Box::pin(async move {
            let found = self.inner.ask_about(verified).await;
            self.inner.settle(verified, &found, self.inner.clock.now())
        })
    }
}

impl Inner {
    fn recall(&self, subject: &Certificate, issuer: &Certificate, now: OffsetDateTime) -> Option<Found> {
        let outdone = |said: &Said| self.taken_back.outdoes(said, subject, issuer);
        let found = self.store.known(subject, issuer)?.recall(now, outdone)?;
        Some(self.taken_back.consider(found, subject, issuer, now))
    }

    fn settle(
        &self,
        verified: &Verified,
        found: &[(Fingerprint, Found)],
        now: OffsetDateTime,
    ) -> Result<Verified, Refusal> {
        let asked = |method, subject: &Certificate, _: &Certificate| {
            let found = found.iter().find(|(fingerprint, _)| *fingerprint == subject.fingerprint());
            match (method, found) {
                (Method::Crl, Some((_, found))) => found.crl.asked.clone(),
                (Method::Ocsp, Some((_, found))) => found.ocsp.asked.clone(),
                (_, None) => Asked::Forged { why: "nobody was asked".to_owned() },
            }
        };
        let settled = identity::settle(verified, &self.verification, asked, now)?;
        if !settled.warnings().is_empty() {
            self.warn(&settled, verified, now);
        }
        Ok(settled)
    }

    /// Warns of somebody who was let in unasked, and of the same one again after a minute.
    fn warn(&self, settled: &Verified, verified: &Verified, now: OffsetDateTime) {
        let subject = asked_about(verified).find_map(|(subject, issuer)| self.store.known(subject, issuer));
        if subject.is_none_or(|subject| subject.is_to_be_warned_of(now)) {
            for warning in settled.warnings() {
                tracing::warn!("{warning}");
            }
        }
    }

    fn announce_change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The certificates of a path that have to be asked about, each with its issuer. Where the issuer is not at hand nobody
/// can be asked; settling refuses that.
fn asked_about(verified: &Verified) -> impl Iterator<Item = (&Certificate, &Certificate)> {
    let chain = verified.chain();
    verified.unanswered().iter().filter_map(move |n| {
        let subject = chain.get(*n)?;
        let alone = || Some(subject).filter(|subject| subject.is_self_issued());
        Some((subject, chain.get(n + 1).or_else(alone)?))
    })
}

/// Enough for a node that has just started, and few enough for a small responder.
const MOST_AT_ONE_TIME: usize = 32;
