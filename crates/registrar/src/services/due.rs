//! When a leaf is due, and how it stands. Pure: moments in, decisions out.

use authority::RotationRules;
use identity::Serial;
use time::{Duration, OffsetDateTime};

use super::note::Leaf;

/// How a leaf stands, in the words of the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Ok,
    Due,
    Critical,
    Rotating,
    Revoked,
    Expired,
}

impl Standing {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Due => "due",
            Self::Critical => "critical",
            Self::Rotating => "rotating",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// When a leaf is replaced: in the last part of its life, or after a fraction of it.
///
/// Its life is counted from when it was issued: `notBefore` lies five minutes earlier for slow clocks, which would be
/// most of a life of minutes.
pub(crate) fn due_at(rotation: &RotationRules, leaf: &Leaf) -> OffsetDateTime {
    let life = (leaf.not_after - leaf.issued_at).max(Duration::ZERO);
    match rotation.fraction {
        Some(fraction) => leaf.issued_at + life * (fraction * (1.0 + jitter(&leaf.serial))).min(LATEST),
        None => leaf.not_after - span(rotation.threshold).min(life / 3),
    }
}

/// From when a leaf that was not replaced is warned of: never before it was due.
pub(crate) fn alert_at(rotation: &RotationRules, leaf: &Leaf) -> OffsetDateTime {
    (leaf.not_after - span(rotation.alert)).max(due_at(rotation, leaf))
}

/// How a leaf stands, `rotating` while its replacement is under way.
pub(crate) fn standing(
    rotation: &RotationRules,
    leaf: &Leaf,
    revoked: bool,
    rotating: bool,
    now: OffsetDateTime,
) -> Standing {
    if revoked {
        Standing::Revoked
    } else if now > leaf.not_after {
        Standing::Expired
    } else if rotating {
        Standing::Rotating
    } else if now >= alert_at(rotation, leaf) {
        Standing::Critical
    } else if now >= due_at(rotation, leaf) {
        Standing::Due
    } else {
        Standing::Ok
    }
}

/// Up to 5 % sooner or later, the same for a serial whenever it is asked: a fleet that was made in one minute is not
/// replaced in one minute.
fn jitter(serial: &Serial) -> f64 {
    let drawn = serial.bytes().iter().rev().take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    (f64::from(drawn) / f64::from(u32::MAX) * 2.0 - 1.0) * JITTER
}

/// A duration of the configuration; one that is too long is as long as can be.
pub(crate) fn span(duration: std::time::Duration) -> Duration {
    Duration::try_from(duration).unwrap_or(CENTURY)
}

const JITTER: f64 = 0.05;
/// However the draw falls, a replacement begins before the end.
const LATEST: f64 = 0.99;
const CENTURY: Duration = Duration::days(36_525);

#[cfg(test)]
mod tests {
    use authority::RotationRules;
    use identity::{Pin, Serial};
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::{Standing, alert_at, due_at, standing};
    use crate::services::note::Leaf;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    fn leaf(life: Duration) -> Leaf {
        let (issuer, serial) = (Pin::of_spki(b"issuer"), Serial::from_bytes(&[7; 16]));
        Leaf { issuer, serial, issued_at: NOW, not_after: NOW + life }
    }

    #[test]
    fn a_leaf_of_ninety_days_is_due_with_thirteen_days_left_and_not_with_fifteen() {
        let (rotation, leaf) = (RotationRules::default(), leaf(Duration::days(90)));
        let left = |days| leaf.not_after - Duration::days(days);
        let stands = |days| standing(&rotation, &leaf, false, false, left(days));
        assert_eq!(due_at(&rotation, &leaf), left(14));
        assert_eq!((stands(15), stands(13), stands(5)), (Standing::Ok, Standing::Due, Standing::Critical));
        assert_eq!(stands(-1), Standing::Expired);
        assert_eq!(standing(&rotation, &leaf, true, true, left(-1)), Standing::Revoked);
        assert_eq!(standing(&rotation, &leaf, false, true, left(5)), Standing::Rotating);
    }

    #[test]
    fn a_leaf_that_lives_minutes_is_due_in_the_last_third_of_them() {
        let (rotation, leaf) = (RotationRules::default(), leaf(Duration::minutes(3)));
        assert_eq!(due_at(&rotation, &leaf), NOW + Duration::minutes(2));
        assert_eq!(alert_at(&rotation, &leaf), NOW + Duration::minutes(2), "never before it is due");
    }

    #[test]
    fn a_fraction_stands_in_the_place_of_the_threshold_give_or_take_five_percent() {
        let rotation = RotationRules { fraction: Some(0.7), ..RotationRules::default() };
        let mut seen = std::collections::BTreeSet::new();
        for n in 0_u32..200 {
            let serial = Serial::from_bytes(&n.wrapping_mul(2_654_435_761).to_be_bytes());
            let leaf = Leaf { serial, ..leaf(Duration::days(90)) };
            let part = (due_at(&rotation, &leaf) - NOW) / Duration::days(90);
            assert!((0.664..=0.736).contains(&part), "{part}");
            assert_eq!(due_at(&rotation, &leaf), due_at(&rotation, &leaf));
            seen.insert(due_at(&rotation, &leaf));
        }
        assert!(seen.len() > 100, "they are spread: {}", seen.len());
    }

    #[test]
    fn the_configured_thresholds_count_and_not_their_defaults() {
        let days = |days: u64| std::time::Duration::from_secs(days * 86_400);
        let rotation = RotationRules { threshold: days(20), alert: days(15), ..RotationRules::default() };
        let leaf = leaf(Duration::days(90));
        let stands = |days| standing(&rotation, &leaf, false, false, leaf.not_after - Duration::days(days));
        assert_eq!((stands(21), stands(18), stands(14)), (Standing::Ok, Standing::Due, Standing::Critical));
    }
}
