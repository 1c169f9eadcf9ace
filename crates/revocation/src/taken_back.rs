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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use identity::{Asked, Certificate, RevocationReason, Revoked};
    use time::OffsetDateTime;

    use super::{MOST, TakenBack};

    fn certificate(serial: u64) -> Certificate {
        let mut params = rcgen::CertificateParams::default();
        params.serial_number = Some(rcgen::SerialNumber::from(serial));
        let key = rcgen::KeyPair::generate().unwrap();
        Certificate::from_der(params.self_signed(&key).unwrap().der().clone()).unwrap()
    }

    fn revoked() -> Asked {
        let (at, source) = (OffsetDateTime::UNIX_EPOCH, Arc::from("somebody"));
        Asked::Revoked(Revoked { at, reason: RevocationReason::Superseded, source })
    }

    fn failed() -> Asked {
        Asked::Failed { why: "down".to_owned() }
    }

    #[test]
    fn what_was_revoked_is_so_until_somebody_says_otherwise() {
        let (memory, now) = (TakenBack::default(), OffsetDateTime::UNIX_EPOCH);
        let (issuer, bad, other) = (certificate(1), certificate(2), certificate(3));
        assert_eq!(memory.consider(failed(), &bad, &issuer, now), failed());
        memory.consider(revoked(), &bad, &issuer, now);
        for inconclusive in [failed(), Asked::NotAskable, Asked::Forged { why: String::new() }] {
            assert_eq!(memory.consider(inconclusive, &bad, &issuer, now), revoked());
        }
        assert_eq!(memory.consider(failed(), &other, &issuer, now), failed());
        assert_eq!(memory.consider(failed(), &bad, &other, now), failed(), "another issuer's number");
        let good = Asked::Good { until: now, source: Arc::from("somebody") };
        memory.consider(good, &bad, &issuer, now);
        assert_eq!(memory.consider(failed(), &bad, &issuer, now), failed());
    }

    #[test]
    fn when_no_more_can_be_remembered_nobody_is_let_in_unasked() {
        let (memory, now) = (TakenBack::default(), OffsetDateTime::UNIX_EPOCH);
        let (issuer, bad, other) = (certificate(1), certificate(2), certificate(3));
        let Asked::Revoked(known) = revoked() else { panic!("it is revoked") };
        for n in 0..MOST {
            let key =
                (issuer.identity().spki_sha256(), identity::Serial::from_bytes(&(n + 10).to_be_bytes()));
            memory.0.lock().revoked.insert(key, (known.clone(), now));
        }
        memory.consider(revoked(), &bad, &issuer, now);
        assert!(matches!(memory.consider(failed(), &other, &issuer, now), Asked::Forged { .. }));
        assert_eq!(memory.0.lock().revoked.len(), MOST);
        let later = now + time::Duration::seconds(1);
        memory.consider(revoked(), &bad, &issuer, later);
        assert_eq!(memory.0.lock().revoked.len(), 1, "those that have ended make room");
    }
}
