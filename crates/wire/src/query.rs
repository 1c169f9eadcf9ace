//! The query of a URL: parameters by name.

use std::fmt;

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
    use super::{BadQuery, encoded, parameters};

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
}
