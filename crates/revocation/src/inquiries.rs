//! [`Inquiries`]: asks, remembers, and asks again in time.

mod asking;
mod keeping;
mod store;

use std::sync::{Arc, OnceLock};

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
use crate::past::Past;
use crate::shown::SourceShown;
use crate::subject::Found;

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
/// Made once for settings and kept for as long as these stay the same; one made for others takes over what it knows. Its
/// work in the background ends with it.
#[derive(Debug)]
pub struct Inquiries {
    inner: Arc<Inner>,
    /// What works in the background, once it has begun, ends with it.
    background: OnceLock<DropGuard>,
}

/// What all inquiries of a process share.
#[derive(Clone, Debug)]
pub struct Around {
    /// What no change of settings makes it forget.
    pub past: Arc<Past>,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Counted up at each moment at which a session that was let in may have to go: an authority has taken something
    /// back, or its answer has ended, or it is time to find out who still needs which answer. Whoever judges live sessions
    /// should then judge all of them again.
    pub changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    verification: Verification,
    store: Store,
    early: Early,
    past: Arc<Past>,
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
    /// Ready to be asked, with all that those before know. It asks nobody by itself until it [begins](Self::begin).
    #[must_use]
    pub fn after(before: &[Arc<Self>], settings: Settings, around: Around) -> Self {
        let Settings { verification, prefetch, rewrites, max_bytes } = settings;
        let Around { past, metrics, clock, changed } = around;
        let allow_private_addresses = verification.allow_private_addresses;
        let bounds = Bounds { max_bytes, allow_private_addresses, rewrites };
        let (store, early) = inherited(before, &verification, &prefetch);
        let inner = Arc::new(Inner {
            verification,
            store,
            early,
            past,
            fetcher: Fetcher::new(bounds, Arc::clone(&clock)),
            lanes: Semaphore::new(MOST_AT_ONE_TIME),
            clock,
            metrics,
            changed,
            news: Notify::new(),
        });
        Self { inner, background: OnceLock::new() }
    }

    /// Begins to work in the background, with the lists that are to be fetched at once; a second time nothing happens.
    /// Must be called within a runtime.
    pub fn begin(&self) {
        self.background.get_or_init(|| {
            let stop = CancellationToken::new();
            keeping::begin(&self.inner, stop.clone());
            stop.drop_guard()
        });
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
        let outdone = |said: &Said| self.past.taken_back.outdoes(said, subject, issuer);
        let found = self.store.known(subject, issuer)?.recall(now, outdone)?;
        Some(self.past.taken_back.consider(found, subject, issuer, now))
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

/// What those before know, as far as it is wanted.
fn inherited(before: &[Arc<Inquiries>], verification: &Verification, prefetch: &[String]) -> (Store, Early) {
    let store = Store::default();
    let mut early = Early::new(if verification.crl.is_some() { prefetch } else { &[] });
    for before in before {
        store.inherit(&before.inner.store, verification);
        early.inherit(&before.inner.early);
    }
    let held = store.lists().into_iter().filter(|list| list.kept.state().held.is_some());
    held.for_each(|list| early.bind(&list.url));
    (store, early)
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
