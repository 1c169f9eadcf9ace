//! What is told of certificates near their end.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

use super::due::{alert_at, span};
use super::{Rules, Service, Services};

/// What was told when, so that a look every second does not tell it every second.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<(String, &'static str), OffsetDateTime>>);

impl Told {
    /// Whether it is time to tell it.
    fn again(&self, of: &str, what: &'static str, now: OffsetDateTime, every: Duration) -> bool {
        let mut told = self.0.lock();
        let last = told.get(&(of.to_owned(), what)).copied();
        // A clock that went back begins anew.
        let due = last.is_none_or(|last| now >= last + every || now < last);
        if due {
            told.insert((of.to_owned(), what), now);
        }
        due
    }

    /// What was told is over, and is told at once when it comes again.
    fn over(&self, of: &str) {
        self.0.lock().retain(|(name, _), _| name != of);
    }
}

impl Services {
    /// Tells what is near its end, or past it, and that nothing is under way about it.
    pub(super) fn alert(&self, rules: &Arc<Rules>) {
        let now = self.clock.now();
        for service in self.registered(rules) {
            self.alert_of(&service, rules, now);
        }
        for (name, certificate) in &rules.above {
            let (subject, not_after) = (certificate.identity().subject(), certificate.identity().not_after());
            let left = not_after - now;
            let key = format!("{name} {}", certificate.fingerprint());
            if left <= Duration::ZERO && self.tell(&key, "expired", rules, now) {
                tracing::error!(name, %subject, %not_after, "an authority has expired: what it issued is refused");
            } else if left > Duration::ZERO && left < ABOVE && self.tell(&key, "ends soon", rules, now) {
                let days = left.whole_days();
                tracing::warn!(name, %subject, %not_after, days, "an authority ends within 90 days: make another one, countersign ca");
            }
        }
    }

    fn alert_of(&self, service: &Service, rules: &Rules, now: OffsetDateTime) {
        let held = service.held.lock();
        let rotating = held.kept.pending.is_some();
        let Some(leaf) = held.kept.current.clone() else { return };
        drop(held);
        let (name, not_after) = (&service.name, leaf.not_after);
        if now > leaf.not_after {
            if self.tell(name, "expired", rules, now) {
                tracing::error!(service = name, serial = %leaf.serial, %not_after, "the service's certificate has expired: its connections fail");
            }
        } else if now >= alert_at(&rules.rotation, &leaf) && !rotating {
            if self.tell(name, "alert", rules, now) {
                let days = (leaf.not_after - now).whole_days();
                tracing::warn!(service = name, serial = %leaf.serial, %not_after, days, "the service's certificate is within the alert threshold, and no rotation is in progress");
            }
        } else {
            self.told.over(name);
        }
    }

    fn tell(&self, of: &str, what: &'static str, rules: &Rules, now: OffsetDateTime) -> bool {
        self.told.again(of, what, now, span(rules.rotation.every))
    }
}

/// Before the end of an issuer or a root.
const ABOVE: Duration = Duration::days(90);
