//! Whether a certificate's days have come, are over, or soon will be.

use std::path::Path;

use fault::Fault;
use identity::Certificate;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A fault outside the certificate's days, a warning when they end within `notice`.
pub(crate) fn check(
    path: &Path,
    leaf: &Certificate,
    now: OffsetDateTime,
    notice: Duration,
) -> Result<Option<Fault>, Fault> {
    let (from, until) = (leaf.identity().not_before(), leaf.identity().not_after());
    let fault = |what: String| {
        let subject = leaf.identity().subject();
        Fault::yours(format!("the certificate of \"{subject}\" {what}")).in_file(path)
    };
    let look = format!("openssl x509 -enddate -noout -in {} shows its end", path.display());
    if now > until {
        return Err(fault(format!("has expired: notAfter={}", moment(until)))
            .because(format!("it is now {}", moment(now)))
            .remedy(format!("renew the certificate; {look}")));
    }
    if now < from {
        return Err(fault(format!(
            "is not yet valid: notBefore={}, notAfter={}",
            moment(from),
            moment(until)
        ))
        .because(format!("it is now {}", moment(now)))
        .remedy(format!("compare this clock with the authority's, or issue the certificate again; {look}")));
    }
    let left = until - now;
    Ok((left < notice).then(|| {
        fault(format!("expires in {}: notAfter={}", in_words(left), moment(until)))
            .remedy(format!("renew the certificate; {look}"))
    }))
}

/// To the second: nobody compares clocks more finely by eye.
fn moment(time: OffsetDateTime) -> String {
    let second = time.replace_nanosecond(0).unwrap_or(time);
    second.format(&Rfc3339).unwrap_or_else(|_| second.to_string())
}

fn in_words(left: Duration) -> String {
    match (left.whole_days(), left.whole_hours()) {
        (0, 0) => "less than an hour".to_owned(),
        (0, 1) => "1 hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}
