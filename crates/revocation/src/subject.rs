//! One certificate and everybody who can be asked about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use identity::{Asked, Certificate};
use time::OffsetDateTime;

use crate::answers::AnswerSource;
use crate::kept::milliseconds;
use crate::lists::ListSource;
use crate::look::Look;

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
    pub(crate) crl: Asked,
    pub(crate) ocsp: Asked,
}

impl Subject {
    pub(crate) fn new(
        certificate: Certificate,
        lists: Box<[Arc<ListSource>]>,
        answers: Option<Arc<AnswerSource>>,
    ) -> Self {
        Self { certificate, lists, answers, used: AtomicI64::new(0), warned: AtomicI64::new(i64::MIN) }
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
    /// nobody waits for a second one.
    pub(crate) fn recall(&self, now: OffsetDateTime) -> Option<Found> {
        self.used.store(milliseconds(now), Ordering::Relaxed);
        let crl = match self.look_at_lists(now) {
            Look::Known(crl @ (Asked::Good { .. } | Asked::Revoked(_) | Asked::Forged { .. })) => {
                return Some(Found { crl, ocsp: Asked::NotAskable });
            }
            inconclusive => inconclusive,
        };
        match (crl, self.look_at_answers(now)) {
            (Look::Known(crl), Look::Known(ocsp)) => Some(Found { crl, ocsp }),
            (Look::Ask, Look::Known(ocsp @ (Asked::Good { .. } | Asked::Revoked(_)))) => {
                Some(Found { crl: Asked::NotAskable, ocsp })
            }
            _ => None,
        }
    }

    /// What the lists say together: one that revokes outweighs all, one that clears is enough, and only where there is
    /// nobody left to ask the failures count.
    pub(crate) fn look_at_lists(&self, now: OffsetDateTime) -> Look {
        let mut whole = Look::Known(Asked::NotAskable);
        for look in self.lists.iter().map(|source| source.look(&self.certificate, now)) {
            if weight(&look) > weight(&whole) {
                whole = look;
            }
        }
        whole
    }

    pub(crate) fn look_at_answers(&self, now: OffsetDateTime) -> Look {
        self.answers.as_ref().map_or(Look::Known(Asked::NotAskable), |source| source.look(now))
    }
}

/// Which of several answers about one certificate counts.
fn weight(look: &Look) -> u8 {
    match look {
        Look::Known(Asked::Revoked(_)) => 5,
        Look::Known(Asked::Good { .. }) => 4,
        Look::Ask => 3,
        Look::Known(Asked::Forged { .. }) => 2,
        Look::Known(Asked::Failed { .. }) => 1,
        Look::Known(Asked::NotAskable) => 0,
    }
}

const MILLISECONDS_BETWEEN_WARNINGS: i64 = 60_000;
