//! One certificate and everybody who can be asked about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use identity::{Asked, Certificate, Verification};
use time::OffsetDateTime;

use crate::answers::AnswerSource;
use crate::kept::milliseconds;
use crate::lists::ListSource;
use crate::look::{Look, Said};

/// One certificate and everybody who can be asked about it.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) certificate: Certificate,
    /// Its authority's lists, in the certificate's order.
    pub(crate) lists: Box<[Arc<ListSource>]>,
    /// Its responders.
    pub(crate) answers: Option<Arc<AnswerSource>>,
    used: AtomicI64,
    warned: AtomicI64,
}

/// What was found out about one certificate, by either method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) crl: Said,
    pub(crate) ocsp: Said,
}

impl Subject {
    pub(crate) fn new(
        certificate: Certificate,
        lists: Box<[Arc<ListSource>]>,
        answers: Option<Arc<AnswerSource>>,
    ) -> Self {
        Self { certificate, lists, answers, used: AtomicI64::new(0), warned: AtomicI64::new(i64::MIN) }
    }

    /// Who issued it; none where there is nobody to ask about it.
    pub(crate) fn issuer(&self) -> Option<&Certificate> {
        let of_list = self.lists.first().map(|list| &list.issuer);
        of_list.or_else(|| self.answers.as_ref().map(|answers| &answers.issuer))
    }

    /// Takes over what the responders told another one.
    pub(crate) fn inherit(&self, other: &Self, verification: &Verification) {
        self.used.fetch_max(other.last_used(), Ordering::Relaxed);
        self.warned.fetch_max(other.warned.load(Ordering::Relaxed), Ordering::Relaxed);
        if let (Some(own), Some(theirs), Some(check)) = (&self.answers, &other.answers, &verification.ocsp) {
            own.inherit(theirs, check);
        }
    }

    pub(crate) fn last_used(&self) -> i64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the log should say at `now` that it was let in unasked: it has not done so for a minute.
    pub(crate) fn is_to_be_warned_of(&self, now: OffsetDateTime) -> bool {
        let now = milliseconds(now);
        let warned = self.warned.load(Ordering::Relaxed);
        let due = now.saturating_sub(warned) >= MILLISECONDS_BETWEEN_WARNINGS;
        due && self.warned.compare_exchange(warned, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// What memory says; none where somebody has to be asked first. An answer that counts is enough, whoever gave it:
    /// nobody waits for a second one. What is `outdone` by something later does not count.
    pub(crate) fn recall(&self, now: OffsetDateTime, outdone: impl Fn(&Said) -> bool) -> Option<Found> {
        self.used.store(milliseconds(now), Ordering::Relaxed);
        let decides = |said: &Said| said.is_definite() && !outdone(said);
        let crl = match self.look_at_lists(now) {
            Look::Known(crl) if decides(&crl) || matches!(crl.asked, Asked::Forged { .. }) => {
                return Some(Found { crl, ocsp: Asked::NotAskable.into() });
            }
            inconclusive => inconclusive,
        };
        match (crl, self.look_at_answers(now)) {
            (Look::Known(crl), Look::Known(ocsp)) => Some(Found { crl, ocsp }),
            (Look::Ask, Look::Known(ocsp)) if decides(&ocsp) => {
                Some(Found { crl: Asked::NotAskable.into(), ocsp })
            }
            _ => None,
        }
    }

    /// What the lists say together: one that revokes outweighs all, one that clears is enough, and only where there is
    /// nobody left to ask the failures count. Of two that say the same, the later one counts.
    pub(crate) fn look_at_lists(&self, now: OffsetDateTime) -> Look {
        let mut whole = Look::Known(Asked::NotAskable.into());
        for look in self.lists.iter().map(|source| source.look(&self.certificate, now)) {
            if weight(&look) > weight(&whole) {
                whole = look;
            }
        }
        whole
    }

    pub(crate) fn look_at_answers(&self, now: OffsetDateTime) -> Look {
        self.answers.as_ref().map_or_else(|| Look::Known(Asked::NotAskable.into()), |source| source.look(now))
    }
}

/// Which of several answers about one certificate counts.
fn weight(look: &Look) -> (u8, Option<OffsetDateTime>) {
    let Look::Known(said) = look else { return (3, None) };
    let weight = match said.asked {
        Asked::Revoked(_) => 5,
        Asked::Good { .. } => 4,
        Asked::Forged { .. } => 2,
        Asked::Failed { .. } => 1,
        Asked::NotAskable => 0,
    };
    (weight, said.as_of)
}

const MILLISECONDS_BETWEEN_WARNINGS: i64 = 60_000;
