use fault::Fault;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

/// A moment as `2026-11-22 11:10:50 UTC`.
pub(crate) fn moment(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(MOMENT).unwrap_or_else(|_| at.unix_timestamp().to_string())
}

/// A moment as a machine reads it: RFC 3339.
pub(crate) fn rfc3339(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_else(|_| at.unix_timestamp().to_string())
}

/// How far away an end is: `in 89 days`, `in 5 hours`, `3 days ago`.
pub(crate) fn distance(end: OffsetDateTime, now: OffsetDateTime) -> String {
    let span = end - now;
    let length = words(span.abs());
    if span.is_negative() { format!("{length} ago") } else { format!("in {length}") }
}

/// Whole days until `end`, negative after it.
pub(crate) fn days(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now).whole_seconds().div_euclid(SECONDS_A_DAY)
}

/// A span in its largest fitting unit: `3 days`, `1 hour`.
pub(crate) fn words(span: Duration) -> String {
    let seconds = span.whole_seconds();
    let (count, unit) = match seconds {
        SECONDS_A_DAY.. => (seconds / SECONDS_A_DAY, "day"),
        3600.. => (seconds / 3600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Reads `--at`: RFC 3339, `2026-11-22`, or seconds since 1970.
///
/// # Errors
/// The text is none of them.
pub(crate) fn parse_moment(text: &str) -> Result<OffsetDateTime, Fault> {
    let date = || Date::parse(text, DATE).ok().map(|date| date.midnight().assume_utc());
    let seconds = || text.parse().ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    OffsetDateTime::parse(text, &Rfc3339).ok().or_else(date).or_else(seconds).ok_or_else(|| {
        Fault::yours(format!("\"{text}\" is no moment"))
            .remedy("write 2026-11-22, 2026-11-22T11:10:50Z or seconds since 1970")
    })
}

/// Reads a span: `90d`, `24h`, `15m`, `30s`.
///
/// # Errors
/// The text is no such span.
pub(crate) fn parse_span(text: &str) -> Result<Duration, Fault> {
    let fault =
        || Fault::yours(format!("\"{text}\" is no span of time")).remedy("write 90d, 24h, 15m or 30s");
    let unit = text.chars().last().ok_or_else(fault)?;
    let seconds: i64 = match unit {
        'd' => SECONDS_A_DAY,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return Err(fault()),
    };
    let count: u32 = text.trim_end_matches(unit).parse().map_err(|_| fault())?;
    Ok(Duration::seconds(seconds.saturating_mul(i64::from(count))))
}

/// Below so many days left, an end deserves a warning.
pub(crate) const SOON_DAYS: i64 = 7;
const SECONDS_A_DAY: i64 = 86_400;
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::{days, distance, moment, parse_moment, parse_span};

    #[test]
    fn moments_are_read_in_three_forms() {
        let expected = datetime!(2026-11-22 0:00 UTC);
        for text in ["2026-11-22", "2026-11-22T00:00:00Z", "1795305600"] {
            assert_eq!(parse_moment(text).unwrap(), expected, "{text}");
        }
        assert!(parse_moment("tomorrow").is_err());
        assert_eq!(moment(expected), "2026-11-22 00:00:00 UTC");
    }

    #[test]
    fn an_end_is_so_many_days_away() {
        let now = datetime!(2026-11-22 0:00 UTC);
        assert_eq!(distance(now + Duration::days(90), now), "in 90 days");
        assert_eq!(distance(now - Duration::hours(1), now), "1 hour ago");
        assert_eq!(days(now - Duration::seconds(1), now), -1);
    }

    #[test]
    fn a_span_is_a_count_and_a_unit() {
        assert_eq!(parse_span("90d").unwrap(), Duration::days(90));
        for wrong in ["", "d", "90", "-1d", "9é"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
    }
}
