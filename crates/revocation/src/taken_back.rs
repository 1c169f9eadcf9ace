//! Certificates that were once found to be revoked, so that forgetting an answer never lets one of them in.

use std::collections::HashMap;

use identity::{Asked, Certificate, Pin, Revoked, Serial};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// Certificates that were once found to be revoked, until they end.
#[derive(Debug, Default)]
pub(crate) struct TakenBack(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    revoked: HashMap<(Pin, Serial), (Revoked, OffsetDateTime)>,
    /// One could not be remembered; since then nobody is let in whom no authority vouches for.
    is_full: bool,
}

impl TakenBack {
    /// Learns from an answer, and turns one that decides nothing into the one that is remembered.
    pub(crate) fn consider(
        &self,
        asked: Asked,
        subject: &Certificate,
        issuer: &Certificate,
        now: OffsetDateTime,
    ) -> Asked {
        let mut held = self.0.lock();
        if held.revoked.is_empty() && !held.is_full && !matches!(asked, Asked::Revoked(_)) {
            return asked;
        }
        let key = (issuer.identity().spki_sha256(), subject.identity().serial().clone());
        match asked {
            Asked::Revoked(revoked) => {
                held.learn(key, revoked.clone(), subject.identity().not_after(), now);
                Asked::Revoked(revoked)
            }
            Asked::Good { .. } => {
                held.revoked.remove(&key);
                asked
            }
            Asked::Failed { .. } | Asked::Forged { .. } | Asked::NotAskable => held.recall(&key, asked),
        }
    }
}

impl Held {
    fn learn(&mut self, key: (Pin, Serial), revoked: Revoked, ends: OffsetDateTime, now: OffsetDateTime) {
        if self.revoked.len() >= MOST && !self.revoked.contains_key(&key) {
            self.revoked.retain(|_, (_, ends)| *ends >= now);
        }
        if self.revoked.len() >= MOST && !self.revoked.contains_key(&key) {
            self.is_full = true;
        } else {
            self.revoked.insert(key, (revoked, ends));
        }
    }

    fn recall(&self, key: &(Pin, Serial), asked: Asked) -> Asked {
        match self.revoked.get(key) {
            Some((revoked, _)) => Asked::Revoked(revoked.clone()),
            None if self.is_full => {
                let why =
                    "more certificates are revoked than can be remembered, and nobody answers for this one";
                Asked::Forged { why: why.to_owned() }
            }
            None => asked,
        }
    }
}

/// Some 20 MB.
const MOST: usize = 100_000;
