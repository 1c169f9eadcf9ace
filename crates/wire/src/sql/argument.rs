use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::value::Value;

/// Standard alphabet; padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A blob as a client writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob<'a> {
    #[serde(borrow)]
    base64: Cow<'a, str>,
}

/// Reads one argument from its JSON text, which is known to be well formed.
///
/// Working on the text keeps integers exact: a parser that has gone through a float first cannot tell an
/// integer too large for 64 bits from a float.
pub(super) fn read(json: &str) -> Result<Value, String> {
    match json.as_bytes().first() {
        Some(b'n') => Ok(Value::Null),
        Some(b't') => Ok(Value::Integer(1)),
        Some(b'f') => Ok(Value::Integer(0)),
        Some(b'"') => serde_json::from_str(json).map(Value::Text).map_err(|why| why.to_string()),
        Some(b'{') => blob(json),
        Some(b'[') => Err("an array is not a value; a blob is written {\"base64\":\"…\"}".to_owned()),
        _ => number(json),
    }
}

fn number(json: &str) -> Result<Value, String> {
    if json.contains(['.', 'e', 'E']) {
        let float: f64 = json.parse().map_err(|_| format!("{json} is not a number"))?;
        return if float.is_finite() {
            Ok(Value::Real(float))
        } else {
            Err(format!("{json} is out of range for a float"))
        };
    }
    json.parse().map(Value::Integer).map_err(|_| {
        format!("integer {json} does not fit 64 bits; write it with a point for a float, or send it as text")
    })
}

fn blob(json: &str) -> Result<Value, String> {
    let blob: Blob<'_> = serde_json::from_str(json)
        .map_err(|_| "an object must be a blob, {\"base64\":\"…\"}, and nothing else".to_owned())?;
    BASE64.decode(blob.base64.as_bytes()).map(Value::Blob).map_err(|why| format!("invalid base64: {why}"))
}
