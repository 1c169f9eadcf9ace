//! Certificates that were once found to be revoked, so that forgetting an answer never lets one of them in.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use identity::{Asked, Certificate, Pin, Revoked, Serial};
use parking_lot::Mutex;
use time::OffsetDateTime;

use crate::look::Said;
use crate::subject::Found;

/// Certificates that were once found to be revoked, until they end or their authority says otherwise. An answer that it
/// gave before it revoked one says nothing about that, however late it comes.
#[derive(Debug, Default)]
pub(crate) struct TakenBack(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    revoked: HashMap<(Pin, Serial), Remembered>,
    /// Some could not be remembered, the last of them as of this moment; nobody is let in whom no authority vouches for
    /// since.
    lost: Option<OffsetDateTime>,
}

#[derive(Debug)]
struct Remembered {
    revoked: Revoked,
    /// Of which moment that is: what is no later does not undo it.
    as_of: OffsetDateTime,
    /// When the certificate ends.
    ends: OffsetDateTime,
}

impl TakenBack {
    /// Whether something says that a certificate is good, and is no later than the word by which it is revoked.
    pub(crate) fn outdoes(&self, said: &Said, subject: &Certificate, issuer: &Certificate) -> bool {
        let held = self.0.lock();
        if held.is_blank() || !matches!(said.asked, Asked::Good { .. }) {
            return false;
        }
        held.outdoing(&key(subject, issuer)).is_some_and(|as_of| said.as_of <= Some(as_of))
    }

    /// Learns from what was found, and puts what is remembered in its place where that counts more.
    pub(crate) fn consider(
        &self,
        found: Found,
        subject: &Certificate,
        issuer: &Certificate,
        now: OffsetDateTime,
    ) -> Found {
        let mut held = self.0.lock();
        let revokes = |said: &Said| matches!(said.asked, Asked::Revoked(_));
        if held.is_blank() && !revokes(&found.crl) && !revokes(&found.ocsp) {
            return found;
        }
        let key = key(subject, issuer);
        for said in [&found.crl, &found.ocsp] {
            held.learn(&key, said, subject.identity().not_after(), now);
        }
        match held.instead_of(&key, &found) {
            // That is the answer, whichever method is switched on.
            Some(asked) => Found { crl: asked.clone().into(), ocsp: asked.into() },
            None => found,
        }
    }
}

impl Held {
    fn is_blank(&self) -> bool {
        self.revoked.is_empty() && self.lost.is_none()
    }

    /// The moment after which somebody must have vouched for a certificate.
    fn outdoing(&self, key: &(Pin, Serial)) -> Option<OffsetDateTime> {
        self.revoked.get(key).map(|known| known.as_of).or(self.lost)
    }

    fn learn(&mut self, key: &(Pin, Serial), said: &Said, ends: OffsetDateTime, now: OffsetDateTime) {
        match &said.asked {
            Asked::Revoked(revoked) => {
                let as_of = said.as_of.unwrap_or(now).max(revoked.at.min(now));
                self.remember(key, Remembered { revoked: revoked.clone(), as_of, ends }, now);
            }
            Asked::Good { .. } => {
                if self.revoked.get(key).is_some_and(|known| said.as_of > Some(known.as_of)) {
                    self.revoked.remove(key);
                }
            }
            Asked::Failed { .. } | Asked::Forged { .. } | Asked::NotAskable => {}
        }
    }

    fn remember(&mut self, key: &(Pin, Serial), new: Remembered, now: OffsetDateTime) {
        if let Some(known) = self.revoked.get_mut(key) {
            if new.as_of > known.as_of {
                *known = new;
            }
            return;
        }
        if self.revoked.len() >= MOST {
            self.revoked.retain(|_, known| known.ends >= now);
        }
        if self.revoked.len() >= MOST {
            self.lost = self.lost.max(Some(new.as_of));
        } else {
            self.revoked.insert(key.clone(), new);
        }
    }

    /// What counts more than what was found.
    fn instead_of(&self, key: &(Pin, Serial), found: &Found) -> Option<Asked> {
        if let Some(known) = self.revoked.get(key) {
            return Some(Asked::Revoked(known.revoked.clone()));
        }
        let lost = self.lost?;
        let both = [&found.crl, &found.ocsp];
        if let Some(revoked) = both.iter().find(|said| matches!(said.asked, Asked::Revoked(_))) {
            return Some(revoked.asked.clone());
        }
        let vouches = |said: &&Said| matches!(said.asked, Asked::Good { .. }) && said.as_of > Some(lost);
        if both.into_iter().any(|said| vouches(&said)) {
            return None;
        }
        let why =
            "more certificates are revoked than can be remembered, and nobody has vouched for this one since";
        Some(Asked::Forged { why: why.to_owned() })
    }
}

fn key(subject: &Certificate, issuer: &Certificate) -> (Pin, Serial) {
    (issuer.identity().spki_sha256(), subject.identity().serial().clone())
}

/// Some 20 MB.
const MOST: usize = 100_000;
