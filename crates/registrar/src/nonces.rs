//! Nonces: made here, good once and for a while.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

/// Gives out nonces and takes each back once.
///
/// A nonce is a number and a moment under a tag that only this process can make, so that giving one out costs no memory.
/// What is remembered are the numbers that were used, up to a bound; behind it, older numbers count as used. Another node,
/// or this one after a restart, knows none of them and answers `badNonce` with a fresh one, which clients use at once
/// (RFC 8555 §6.5): one request more, and never a nonce that is good twice.
pub(crate) struct Nonces {
    /// None where the machine gave no randomness: then there are no nonces, and nothing is answered that needs one.
    key: Option<hmac::Key>,
    /// How long after it was given one is taken back; the clock may step back as far as forward.
    good_for: Duration,
    next: AtomicU64,
    used: Mutex<Used>,
}

/// The numbers that were used: all below the floor, and these.
#[derive(Default)]
struct Used {
    floor: u64,
    above: BTreeSet<u64>,
}

/// A nonce that was made here and is not too old; whether it was used is asked when it is [spent](Nonces::spend).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fresh(u64);

impl Nonces {
    /// Nonces that are good for so long.
    pub(crate) fn new(good_for: Duration) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok();
        Self { key, good_for, next: AtomicU64::new(0), used: Mutex::default() }
    }

    /// One that was never given out.
    pub(crate) fn give(&self, now: OffsetDateTime) -> Option<String> {
        let key = self.key.as_ref()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let said = [number.to_be_bytes(), now.unix_timestamp().to_be_bytes()].concat();
        let tag = hmac::sign(key, &said);
        Some(BASE64_URL_SAFE_NO_PAD.encode([said.as_slice(), tag.as_ref()].concat()))
    }

    /// Whether it was made here, lately.
    pub(crate) fn check(&self, nonce: &str, now: OffsetDateTime) -> Option<Fresh> {
        let bytes =
            BASE64_URL_SAFE_NO_PAD.decode(nonce.get(..LENGTH).filter(|whole| *whole == nonce)?).ok()?;
        let (said, tag) = bytes.split_at_checked(16)?;
        hmac::verify(self.key.as_ref()?, said, tag).ok()?;
        let (number, at) = said.split_first_chunk::<8>()?;
        let at = i64::from_be_bytes(at.try_into().ok()?);
        let age = now.unix_timestamp().checked_sub(at)?;
        (-self.good_for.whole_seconds()..=self.good_for.whole_seconds())
            .contains(&age)
            .then(|| Fresh(u64::from_be_bytes(*number)))
    }

    /// Uses it up: true the first time, and never again.
    pub(crate) fn spend(&self, Fresh(number): Fresh) -> bool {
        let mut used = self.used.lock();
        if number < used.floor || !used.above.insert(number) {
            return false;
        }
        if used.above.len() > MOST_REMEMBERED
            && let Some(oldest) = used.above.pop_first()
        {
            used.floor = oldest + 1;
        }
        true
    }
}

/// 48 bytes in base64.
const LENGTH: usize = 64;
/// Half a megabyte of numbers.
const MOST_REMEMBERED: usize = 65_536;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::{MOST_REMEMBERED, Nonces};

    const NOW: time::OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    #[test]
    fn a_nonce_is_good_once_for_its_time_and_here_alone() {
        let nonces = Nonces::new(Duration::HOUR);
        let nonce = nonces.give(NOW).unwrap();
        assert!(nonces.spend(nonces.check(&nonce, NOW).unwrap()));
        assert!(!nonces.spend(nonces.check(&nonce, NOW).unwrap()), "a second time");
        let later = nonces.give(NOW).unwrap();
        assert!(nonces.check(&later, NOW + Duration::minutes(59)).is_some());
        assert!(nonces.check(&later, NOW + Duration::minutes(61)).is_none());
        assert!(Nonces::new(Duration::HOUR).check(&later, NOW).is_none(), "another node's");
    }

    #[test]
    fn a_nonce_that_was_made_up_is_none() {
        let nonces = Nonces::new(Duration::HOUR);
        let nonce = nonces.give(NOW).unwrap();
        for changed in ["", "A", &nonce[1..], &format!("{nonce}A"), &nonce.replace(&nonce[..1], "_")] {
            assert_eq!(nonces.check(changed, NOW), None, "{changed}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_counts_as_used() {
        let nonces = Nonces::new(Duration::HOUR);
        let kept_back = nonces.check(&nonces.give(NOW).unwrap(), NOW).unwrap();
        for _ in 0..=MOST_REMEMBERED {
            assert!(nonces.spend(nonces.check(&nonces.give(NOW).unwrap(), NOW).unwrap()));
        }
        assert!(nonces.used.lock().above.len() <= MOST_REMEMBERED);
        assert!(!nonces.spend(kept_back));
    }
}
