//! Lists from distribution points: fetched, checked, and asked about certificates.

use std::sync::Arc;

use identity::{Asked, Certificate, Crl, CrlCheck, NotItsList, Pin, Revoked};
use time::{Duration, OffsetDateTime};

use crate::high_water::{HighWater, age};
use crate::kept::{Held, Kept};
use crate::look::{Look, Said};
use crate::rejected::Rejected;

/// One address for the lists of one authority.
#[derive(Debug)]
pub(crate) struct ListSource {
    pub(crate) url: Arc<str>,
    /// The URL in the words of refusals.
    pub(crate) named: Arc<str>,
    pub(crate) issuer: Certificate,
    pub(crate) kept: Kept<Arc<Crl>>,
}

/// An address and the authority that must have signed what is found there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListKey {
    pub(crate) url: Arc<str>,
    pub(crate) issuer: Pin,
}

/// What became of a list that was kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is kept, and says something else than the one before.
    New,
    /// It is kept, and is the one that was kept before.
    Same,
}

impl ListSource {
    pub(crate) fn new(url: &str, issuer: &Certificate) -> Self {
        let named = format!("the list {url}").into();
        Self { url: url.into(), named, issuer: issuer.clone(), kept: Kept::default() }
    }

    /// What the list says about a certificate of its authority.
    pub(crate) fn look(&self, subject: &Certificate, now: OffsetDateTime) -> Look {
        self.kept.used(now);
        let state = self.kept.state();
        // What was taken back stays so, however old the list is that says so.
        if let Some(revoked) = state.held.as_ref().and_then(|held| self.revoked(&held.value, subject)) {
            return Look::Known(revoked);
        }
        if let Some(held) = state.counting(now) {
            return Look::Known(self.clears(held, subject));
        }
        match state.failing(now) {
            Some(failed) if failed.forged => {
                Look::Known(Asked::Forged { why: failed.why.to_string() }.into())
            }
            Some(failed) => Look::Known(Asked::Failed { why: failed.why.to_string() }.into()),
            None => Look::Ask,
        }
    }

    fn revoked(&self, list: &Crl, subject: &Certificate) -> Option<Said> {
        let entry = list.find(subject.identity().serial()).filter(|_| list.scope().speaks_of(subject))?;
        let revoked = Revoked { at: entry.at, reason: entry.reason, source: Arc::clone(&self.named) };
        Some(Said::at(list.this_update(), Asked::Revoked(revoked)))
    }

    fn clears(&self, held: &Held<Arc<Crl>>, subject: &Certificate) -> Said {
        if held.value.scope().clears(subject) {
            let good = Asked::Good { until: held.usable_until, source: Arc::clone(&self.named) };
            Said::at(held.value.this_update(), good)
        } else {
            Asked::Failed { why: format!("{} does not speak of such certificates", self.named) }.into()
        }
    }

    /// Keeps the list that speaks for the authority among those fetched at `fetched`, where it is no older than the
    /// newest one that was ever there.
    pub(crate) fn take(
        &self,
        lists: Vec<Arc<Crl>>,
        fetched: OffsetDateTime,
        high_water: &HighWater,
        check: &CrlCheck,
        error_ttl: std::time::Duration,
    ) -> Result<Taken, Rejected> {
        let list = self.own(lists)?;
        let state = self.kept.state();
        let before = state.held.as_ref().map(|held| age(&held.value));
        if list.this_update() > fetched + SKEW {
            let why = format!("{} is of {}, and our clock says {fetched}", self.named, list.this_update());
            return Err(Rejected::unusable(why));
        }
        if high_water.is_above(&self.key(), &list) {
            let why = format!("{} is older than one that was fetched there before", self.named);
            return Err(Rejected::older(why));
        }
        let taken = if before == Some(age(&list)) { Taken::Same } else { Taken::New };
        let end = end(&list);
        let held = held(list, fetched, check);
        if end > fetched {
            self.kept.succeed(held);
        } else {
            let why = format!("{} is outdated since {end}", self.named);
            let failed = self.kept.failure(&why, false, fetched, error_ttl);
            self.kept.succeed_late(held, failed);
        }
        Ok(taken)
    }

    /// Keeps what another source of the same lists holds, for as long as `check` wants, where that is newer.
    pub(crate) fn inherit(&self, other: &Self, check: &CrlCheck) {
        let (theirs, own) = (other.kept.state(), self.kept.state());
        let Some(theirs) = &theirs.held else { return };
        let newness = |held: &Held<Arc<Crl>>| (age(&held.value), held.since);
        if own.held.as_ref().is_none_or(|own| newness(own) < newness(theirs)) {
            self.kept.inherit(held(Arc::clone(&theirs.value), theirs.since, check), other.kept.last_used());
        }
    }

    fn key(&self) -> ListKey {
        ListKey { url: Arc::clone(&self.url), issuer: self.issuer.identity().spki_sha256() }
    }

    /// The list that the authority signed, or what is wrong with those that are there.
    fn own(&self, lists: Vec<Arc<Crl>>) -> Result<Arc<Crl>, Rejected> {
        let mut trouble = NotItsList::OtherAuthority;
        for list in lists {
            match list.verify_issuer(&self.issuer) {
                Ok(()) => return Ok(list),
                Err(NotItsList::OtherAuthority) => {}
                Err(why) => trouble = why,
            }
        }
        let forged = matches!(trouble, NotItsList::Signature(_));
        let why = format!("{}: {trouble}", self.named);
        Err(Rejected { why, forged, result: if forged { "forged" } else { "unusable" } })
    }
}

/// A list that was fetched at `fetched`, with the times that it has by `check`.
fn held(list: Arc<Crl>, fetched: OffsetDateTime, check: &CrlCheck) -> Held<Arc<Crl>> {
    let end = end(&list);
    Held::new(list, fetched, end.min(fetched + check.cache_ttl), end + check.grace)
}

fn end(list: &Crl) -> OffsetDateTime {
    list.next_update().unwrap_or(list.this_update() + WITHOUT_END)
}

/// How far the clock of whoever made a list may be ahead of ours.
const SKEW: Duration = Duration::minutes(5);
/// How long a list counts that does not say when the next one comes.
const WITHOUT_END: Duration = Duration::days(7);
