use fault::Fault;
use time::Duration;

/// A length of time as people write it: `90d`, `24h`, `15m`, `30s`.
///
/// # Errors
/// Where it is none, or is no time at all.
pub fn parse_lifetime(text: &str) -> Result<Duration, Fault> {
    let wrong = || {
        Fault::yours(format!("\"{}\" is no length of time", text.escape_debug()))
            .remedy("write a number with d, h, m or s, such as 90d or 24h")
    };
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(at).ok_or_else(wrong)?;
    let unit = match unit {
        "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.map(Duration::seconds).ok_or_else(wrong)
}

/// A hundred years, so that no sum with a moment leaves the calendar.
const LONGEST: i64 = 100 * 365 * 86_400;

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::parse_lifetime;

    #[test]
    fn a_length_of_time_is_a_number_with_its_unit() {
        for (text, life) in [
            ("90d", Duration::days(90)),
            ("24h", Duration::hours(24)),
            ("15m", Duration::minutes(15)),
            ("1s", Duration::SECOND),
        ] {
            assert_eq!(parse_lifetime(text).unwrap(), life);
        }
        for wrong in [
            "",
            "90",
            "d",
            "0d",
            "-1d",
            "1.5h",
            "1w",
            "99999999999999999999d",
            "9223372036854775807d",
            "1ä",
            "36501d",
        ] {
            assert!(parse_lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
