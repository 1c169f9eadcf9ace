//! The query of a URL: parameters by name.

use std::fmt;
use std::ops::RangeInclusive;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A query that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadQuery;

impl fmt::Display for BadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter is not percent-encoded as it should be")
    }
}

impl std::error::Error for BadQuery {}

/// The parameters of a query in their order, each as its name and its value; one without a value has an empty one.
///
/// A plus sign stays one, because moments have it.
///
/// # Errors
/// A name or a value is not percent-encoded UTF-8.
pub fn parameters(query: &str) -> Result<Vec<(String, String)>, BadQuery> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Text as a value of a query that [`parameters`] reads back.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The value of a parameter that is a moment.
///
/// # Errors
/// It is none; the text says what one looks like.
pub fn moment(name: &str, value: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(value, &Rfc3339)
        .map_err(|_| format!("{name} is a moment like 2026-11-22T11:10:50Z"))
}

/// The value of a parameter that says how many are wanted.
///
/// # Errors
/// It is no number, or none of these.
pub fn number(name: &str, value: &str, allowed: RangeInclusive<usize>) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| format!("{name} is a number from {} to {}", allowed.start(), allowed.end()))
}

/// The value of a parameter that is one of a few words.
///
/// # Errors
/// It is another word; the text lists those there are.
pub fn word<T: Copy>(
    name: &str,
    value: &str,
    known: &[T],
    text: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    known.iter().copied().find(|known| text(*known) == value).ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(|known| text(*known)).collect();
        format!("{name} is one of {}", known.join(", "))
    })
}

fn decoded(value: &str) -> Result<String, BadQuery> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                after
            }
            (b'%', _) => return Err(BadQuery),
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8(bytes).map_err(|_| BadQuery)
}

fn digit(byte: u8) -> Result<u8, BadQuery> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(BadQuery)
}

#[cfg(test)]
mod tests {
    use super::{BadQuery, encoded, moment, number, parameters, word};

    #[test]
    fn parameters_are_read_in_their_order() {
        let read =
            parameters("since=2026-11-22T11:00:00+01:00&name=%2A.example.com&all&&name=b%20c").unwrap();
        let wanted =
            [("since", "2026-11-22T11:00:00+01:00"), ("name", "*.example.com"), ("all", ""), ("name", "b c")];
        assert_eq!(read, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(parameters(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_percent_encoded_as_it_should_be_is_refused() {
        for query in ["a=%", "a=%2", "a=%zz", "a=%ff", "%=1"] {
            assert_eq!(parameters(query), Err(BadQuery), "{query}");
        }
    }

    #[test]
    fn what_was_encoded_reads_back() {
        for text in ["", "a b&c=d%e+f", "ä\u{0}"] {
            assert_eq!(parameters(&format!("x={}", encoded(text))).unwrap()[0].1, text);
        }
    }
    #[test]
    fn a_value_is_what_it_should_be_or_refused_with_what_it_should_be() {
        let at = moment("since", "1970-01-01T01:00:05+01:00").unwrap();
        assert_eq!(at.unix_timestamp(), 5);
        assert_eq!(moment("since", "now").unwrap_err(), "since is a moment like 2026-11-22T11:10:50Z");
        assert_eq!((number("limit", "1", 1..=9), number("limit", "9", 1..=9)), (Ok(1), Ok(9)));
        for value in ["0", "10", "-1", "", "nine"] {
            assert_eq!(number("limit", value, 1..=9).unwrap_err(), "limit is a number from 1 to 9");
        }
        let truth = |value| word("open", value, &[true, false], |open| if open { "yes" } else { "no" });
        assert_eq!((truth("yes"), truth("no")), (Ok(true), Ok(false)));
        assert_eq!(truth("perhaps").unwrap_err(), "open is one of yes, no");
    }
}
