//! Questions that are asked by GET: base64 at the end of an address (RFC 6960 §A.1).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{MOST_REQUEST_BYTES, Request};
use crate::Malformed;

impl Request {
    /// Reads a request from the part of an address that follows the responder's own: base64, of which any character may be
    /// escaped with `%`. The padding may be left out.
    ///
    /// # Errors
    /// Where it is not base64, and as [`from_der`](Self::from_der).
    pub fn from_path(path: &str) -> Result<Self, Malformed> {
        // Three characters for each that is escaped, four for each three bytes.
        if path.len() > MOST_REQUEST_BYTES * 4 {
            return Err(Malformed::new(format!("the request is longer than {MOST_REQUEST_BYTES} bytes")));
        }
        let text = unescaped(path).ok_or_else(|| Malformed::new("the address has a broken escape"))?;
        let der = BASE64
            .decode(text)
            .map_err(|error| Malformed::new(format!("the request is not base64: {error}")))?;
        Self::from_der(&der)
    }
}

fn unescaped(path: &str) -> Option<Vec<u8>> {
    let mut bytes = path.bytes();
    let mut plain = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte => byte,
        });
    }
    Some(plain)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
