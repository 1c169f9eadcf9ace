//! Values of PostgreSQL in JSON.
//!
//! Numbers that a JSON reader may keep exactly are numbers; what it would round, or has no word for, is text as the server
//! writes it.

use std::str;

use serde::de::IgnoredAny;
use wire::sql::ValueRef;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Boolean,
    Integer,
    Float,
    Bytes,
    Json,
    Text,
}

impl Written {
    /// By the type's number, which is the same in every PostgreSQL.
    pub(super) fn of(oid: u32) -> Self {
        match oid {
            16 => Self::Boolean,
            // int8, int2, int4, oid
            20 | 21 | 23 | 26 => Self::Integer,
            700 | 701 => Self::Float,
            17 => Self::Bytes,
            114 | 3802 => Self::Json,
            _ => Self::Text,
        }
    }

    /// Hands on a value as it is written; one that does not look like its type stays text.
    pub(super) fn hand_on(self, text: &[u8], to: impl FnOnce(ValueRef<'_>)) {
        let words = str::from_utf8(text).ok();
        match (self, words) {
            (Self::Boolean, Some("t")) => to(ValueRef::Boolean(true)),
            (Self::Boolean, Some("f")) => to(ValueRef::Boolean(false)),
            (Self::Integer, Some(words)) => match words.parse() {
                Ok(number) => to(ValueRef::Integer(number)),
                Err(_) => to(ValueRef::Text(text)),
            },
            (Self::Float, Some(words)) => match words.parse() {
                Ok(number) => to(ValueRef::Real(number)),
                Err(_) => to(ValueRef::Text(text)),
            },
            (Self::Bytes, Some(words)) => match bytes(words) {
                Some(bytes) => to(ValueRef::Blob(&bytes)),
                None => to(ValueRef::Text(text)),
            },
            // The server checks what it keeps as JSON, and it may be anybody's.
            (Self::Json, Some(words)) if serde_json::from_str::<IgnoredAny>(words).is_ok() => {
                to(ValueRef::Json(words));
            }
            _ => to(ValueRef::Text(text)),
        }
    }
}

/// `\x` and two hexadecimal digits for each byte.
fn bytes(words: &str) -> Option<Vec<u8>> {
    let digits = words.strip_prefix("\\x")?.as_bytes();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| match pair {
            [high, low] => {
                u8::try_from(char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?).ok()
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use wire::sql::ResultEncoder;

    use super::Written;

    fn json(written: Written, text: &[u8]) -> String {
        let mut out = ResultEncoder::new(false);
        out.begin(["x"]);
        out.row_begin();
        written.hand_on(text, |value| out.value(value));
        out.row_end();
        out.finish(0, 0, false);
        let body = String::from_utf8(out.into_body()).unwrap();
        let (_, rest) = body.split_once("\"rows\":[[").unwrap();
        rest.split_once("]],\"rows_affected\"").unwrap().0.to_owned()
    }

    #[test]
    fn values_are_written_as_their_types_and_as_text_where_they_are_none() {
        assert_eq!(json(Written::of(16), b"t"), "true");
        assert_eq!(json(Written::of(20), b"-9223372036854775808"), "-9223372036854775808");
        assert_eq!(json(Written::of(701), b"1e+300"), "1e+300");
        assert_eq!(json(Written::of(701), b"1"), "1.0");
        assert_eq!(json(Written::of(701), b"NaN"), "null");
        assert_eq!(json(Written::of(1700), b"12345678901234567890.10"), "\"12345678901234567890.10\"");
        assert_eq!(json(Written::of(17), b"\\x00ff"), "{\"base64\":\"AP8=\"}");
        assert_eq!(json(Written::of(17), b"\\x0"), "\"\\\\x0\"");
        assert_eq!(json(Written::of(3802), b"{\"a\": [1, null]}"), "{\"a\": [1, null]}");
        assert_eq!(json(Written::of(114), b"{\"a\":}],\"x\":["), "\"{\\\"a\\\":}],\\\"x\\\":[\"");
        assert_eq!(json(Written::of(23), b"many"), "\"many\"");
    }
}
