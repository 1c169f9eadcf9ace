use fault::Fault;
use identity::Certificate;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::profile::check_lifetime;

/// First and last second of a certificate: from a little before now, for clocks that are behind, and never outside
/// the issuer's own life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) from: OffsetDateTime,
    /// When it was drafted, which is a little after `from`.
    now: OffsetDateTime,
    pub(super) until: OffsetDateTime,
    /// Where the lifetime alone would have ended, if the issuer ends before that.
    pub(super) cut: Option<OffsetDateTime>,
}

impl Validity {
    pub(super) fn new(
        lifetime: Duration,
        issuer: Option<&Certificate>,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        check_lifetime(lifetime)?;
        let now = whole_second(now);
        let early = now.checked_sub(BACKDATED).unwrap_or(now);
        let Some(wanted) = now.checked_add(lifetime).filter(|wanted| *wanted <= END_OF_TIME) else {
            return Err(Fault::yours(format!("a lifetime of {} days is too long", lifetime.whole_days()))
                .remedy("a certificate can end in the year 9999 at the latest"));
        };
        let Some(issuer) = issuer.map(Certificate::identity) else {
            return Ok(Self { from: early, now, until: wanted, cut: None });
        };
        let (from, until) = (early.max(issuer.not_before()), wanted.min(issuer.not_after()));
        if until < now || from > now {
            return Err(Fault::yours(format!(
                "the issuer \"{}\" is valid from {} until {}, and it is {now}",
                issuer.subject(),
                issuer.not_before(),
                issuer.not_after()
            ))
            .remedy("make a new issuer below the root: countersign ca init-issuer"));
        }
        Ok(Self { from, now, until, cut: (until < wanted).then_some(wanted) })
    }

    /// From now to its end.
    pub(super) fn life(&self) -> Duration {
        self.until - self.now
    }

    /// Says that a life was cut short.
    pub(super) fn warning(&self) -> Option<Fault> {
        self.cut.map(|wanted| {
            Fault::yours(format!("the certificate ends on {} and not on {wanted}", self.until))
                .because("no certificate outlives its issuer")
                .remedy("make a new issuer below the root: countersign ca init-issuer")
        })
    }
}

/// A certificate knows no fractions of a second.
fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    let at = at.to_offset(UtcOffset::UTC);
    at.replace_nanosecond(0).unwrap_or(at)
}

const BACKDATED: Duration = Duration::minutes(5);
/// RFC 5280 §4.1.2.5.
const END_OF_TIME: OffsetDateTime = time::macros::datetime!(9999-12-31 23:59:59 UTC);
