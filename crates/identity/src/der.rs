//! The little DER that is needed to take signed structures apart and put them together again.
//!
//! Nothing is copied and nothing is kept: a list of a million entries is walked element by element.

use time::{Date, Month, OffsetDateTime, Time};

/// The tag of a BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// The tag of an INTEGER.
pub const INTEGER: u8 = 0x02;
/// The tag of a BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// The tag of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// The tag of a NULL.
pub const NULL: u8 = 0x05;
/// The tag of an OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// The tag of an ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// The tag of a UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// The tag of a GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// The tag of a SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// The first element of `input`, header included, and what follows it.
#[must_use]
pub fn element(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = header(input)?;
    input.split_at_checked(header.checked_add(length)?)
}

/// What an element of this tag holds, and what follows the element.
#[must_use]
pub fn content(tag: u8, input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (element, rest) = element(input)?;
    if element.first() != Some(&tag) {
        return None;
    }
    let (header, _) = header(input)?;
    Some((element.get(header..)?, rest))
}

/// As [`content`], where the element may be absent: then nothing is taken.
#[must_use]
pub fn optional(tag: u8, input: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if input.first() != Some(&tag) {
        return Some((None, input));
    }
    let (content, rest) = content(tag, input)?;
    Some((Some(content), rest))
}

/// The moment that a UTCTime or a GeneralizedTime names in the one form that RFC 5280 §4.1.2.5 allows: seconds and `Z`.
#[must_use]
pub fn moment(input: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    let (content, rest, century) = match *input.first()? {
        UTC_TIME => {
            let (content, rest) = content(UTC_TIME, input)?;
            let (century, digits) = (if content.first()? < &b'5' { 20 } else { 19 }, content);
            (digits, rest, century)
        }
        _ => {
            let (content, rest) = content(GENERALIZED_TIME, input)?;
            let (century, digits) = content.split_at_checked(2)?;
            (digits, rest, two_digits(century)?)
        }
    };
    let (digits, &[b'Z']) = content.split_at_checked(12)? else { return None };
    let mut pairs = digits.chunks(2).map(two_digits);
    let mut next = || pairs.next().flatten();
    let year = i32::from(century) * 100 + i32::from(next()?);
    let date = Date::from_calendar_date(year, Month::try_from(next()?).ok()?, next()?).ok()?;
    let time = Time::from_hms(next()?, next()?, next()?).ok()?;
    Some((date.with_time(time).assume_utc(), rest))
}

fn two_digits(pair: &[u8]) -> Option<u8> {
    match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

/// An element of this tag.
#[must_use]
pub fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
            // A usize has at most 8 bytes.
            out.push(0x80 | significant.len() as u8);
            out.extend(significant);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// `whole` with the first occurrence of `old` replaced.
#[must_use]
pub fn splice(whole: &[u8], old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let at = whole.windows(old.len()).position(|window| window == old)?;
    let (before, after) = (whole.get(..at)?, whole.get(at + old.len()..)?);
    Some([before, new, after].concat())
}

/// Length of the header and of the content.
fn header(input: &[u8]) -> Option<(usize, usize)> {
    let (_tag, first) = (input.first()?, *input.get(1)?);
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let length =
        input.get(2..2 + count)?.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    // DER knows one way to write a length.
    let shortest = length >= 0x80 && input.get(2) != Some(&0);
    shortest.then_some((2 + count, length))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{GENERALIZED_TIME, SEQUENCE, UTC_TIME, content, element, moment, optional, wrap};

    #[test]
    fn a_time_is_read_in_rfc_5280_s_form_alone() {
        let utc = |text: &str| wrap(UTC_TIME, &[text.as_bytes()]);
        let generalized = |text: &str| wrap(GENERALIZED_TIME, &[text.as_bytes()]);
        let read = |der: &[u8]| moment(der).map(|(moment, _)| moment);
        assert_eq!(read(&utc("260102030405Z")), Some(datetime!(2026-01-02 03:04:05 UTC)));
        assert_eq!(read(&utc("500102030405Z")), Some(datetime!(1950-01-02 03:04:05 UTC)));
        assert_eq!(read(&generalized("20500102030405Z")), Some(datetime!(2050-01-02 03:04:05 UTC)));
        for other in ["2601020304Z", "260102030405", "260102030405+0000", "260132030405Z", "26010203040xZ"] {
            assert_eq!(read(&utc(other)), None, "{other}");
        }
        assert_eq!(read(&generalized("20260102030405.5Z")), None);
    }

    #[test]
    fn what_is_optional_is_taken_only_where_its_tag_stands() {
        let whole = wrap(UTC_TIME, &[&[1]]);
        assert_eq!(optional(UTC_TIME, &whole), Some((Some(&[1][..]), &[][..])));
        assert_eq!(optional(SEQUENCE, &whole), Some((None, &whole[..])));
        assert_eq!(optional(UTC_TIME, &[UTC_TIME, 5]), None);
    }

    #[test]
    fn what_is_wrapped_can_be_taken_apart_at_every_length() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let inner = vec![7; length];
            let whole = wrap(SEQUENCE, &[&inner, &[]]);
            let with_rest = [&whole[..], &[1, 2]].concat();
            assert_eq!(element(&with_rest), Some((&whole[..], &[1, 2][..])), "{length}");
            assert_eq!(content(SEQUENCE, &with_rest), Some((&inner[..], &[1, 2][..])), "{length}");
        }
    }

    #[test]
    fn a_length_that_lies_is_not_believed() {
        for lie in [
            &[][..],
            &[0x30],
            &[0x30, 0x05, 0],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x82, 1],
            &[0x30, 0x81, 1, 0],
        ] {
            assert_eq!(element(lie), None, "{lie:?}");
        }
    }
}
