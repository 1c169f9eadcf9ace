use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Serialize, Serializer};

use crate::Malformed;

/// SHA-256 of a public key (the DER of its SubjectPublicKeyInfo); `Display` is lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

impl Pin {
    /// The pin of a SubjectPublicKeyInfo.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(sha256(spki))
    }

    /// From 64 hexadecimal digits of any case, or `sha256//` with base64, as curl writes it.
    ///
    /// # Errors
    /// Where the text is neither, or not 32 bytes long.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse_sha256(text).map(Self).ok_or_else(|| {
            Malformed::new(format!("\"{text}\" is neither 64 hexadecimal digits nor sha256//BASE64"))
        })
    }

    /// The pin of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// SHA-256 of a whole certificate; `Display` is lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate's DER.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// From 64 hexadecimal digits of any case, with or without colons, as `openssl x509 -fingerprint -sha256` writes it.
    ///
    /// # Errors
    /// Where the text is not that.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = text.replace(':', "");
        parse_sha256(&digits).map(Self).ok_or_else(|| {
            Malformed::new(format!("\"{text}\" is not a SHA-256 fingerprint of 64 hexadecimal digits"))
        })
    }

    /// The 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Both are 32 bytes that read and print alike.
macro_rules! as_hex {
    ($($name:ident)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

as_hex!(Pin Fingerprint);

fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    let bytes = match text.strip_prefix("sha256//") {
        Some(encoded) => BASE64_STANDARD.decode(encoded).ok()?,
        None => unhex(text)?,
    };
    bytes.try_into().ok()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

/// Bytes from an even number of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    use super::{Fingerprint, Pin};

    #[test]
    fn a_pin_of_the_wrong_length_or_alphabet_is_refused() {
        for text in ["", "abcd", &"g".repeat(64), &"a".repeat(66), "sha256//AAAA", "sha256//%%%"] {
            let why = Pin::parse(text).unwrap_err().to_string();
            assert!(why.contains("neither 64 hexadecimal digits nor sha256//BASE64"), "{why}");
        }
    }

    #[test]
    fn a_fingerprint_is_read_as_openssl_writes_it() {
        let openssl = ["AB"; 32].join(":");
        assert_eq!(Fingerprint::parse(&openssl).unwrap().to_string(), "ab".repeat(32));
    }

    proptest! {
        #[test]
        fn a_pin_survives_being_written_and_read(bytes in any::<[u8; 32]>()) {
            let pin = Pin(bytes);
            prop_assert_eq!(Pin::parse(&pin.to_string()).unwrap(), pin);
            prop_assert_eq!(Pin::parse(&pin.to_string().to_uppercase()).unwrap(), pin);
            prop_assert_eq!(Pin::parse(&format!("sha256//{}", BASE64_STANDARD.encode(bytes))).unwrap(), pin);
        }
    }
}
