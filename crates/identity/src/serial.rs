use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::Malformed;

/// A certificate's serial number, normalised, so that every way of writing it compares equal.
///
/// `Display` writes it as `openssl x509 -serial` does: upper-case hex in whole bytes, no leading zero bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Box<[u8]>);

impl Serial {
    /// From big-endian bytes, as in the certificate; leading zero bytes do not count.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.get(zeros..).unwrap_or_default().into())
    }

    /// From the content of a DER integer.
    pub(crate) fn from_integer(content: &[u8]) -> Result<Self, Malformed> {
        magnitude(content).map(Self::from_bytes)
    }

    /// From hex of any case, with or without `0x`, colons, spaces and leading zeros.
    ///
    /// # Errors
    /// Where anything but hex digits is left, or nothing at all.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let digits = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>();
        let even = if digits.len() % 2 == 0 { digits } else { format!("0{digits}") };
        match crate::pin::unhex(&even) {
            Some(bytes) if !bytes.is_empty() => Ok(Self::from_bytes(&bytes)),
            _ => Err(Malformed::new(format!("serial number \"{text}\" is not hexadecimal"))),
        }
    }

    /// The number, big-endian, without leading zero bytes; empty for zero.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes that count in a DER integer that may be a serial number: at most 20, as RFC 5280 §4.1.2.2 says, beside the
/// zero that keeps it positive. Two encodings of one number would be two serials to a deny-list, so only DER's own is
/// taken.
pub(crate) fn magnitude(content: &[u8]) -> Result<&[u8], Malformed> {
    let bytes = match content {
        [] => return Err(Malformed::new("the serial number is empty")),
        [first, ..] if first & 0x80 != 0 => return Err(Malformed::new("the serial number is negative")),
        [0, second, ..] if second & 0x80 == 0 => {
            return Err(Malformed::new("the serial number is not in DER"));
        }
        [0, rest @ ..] => rest,
        bytes => bytes,
    };
    if bytes.len() > 20 {
        return Err(Malformed::new("the serial number is longer than 20 bytes"));
    }
    Ok(bytes)
}

impl FromStr for Serial {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::parse(text)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("00");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Serial;

    #[test]
    fn every_way_of_writing_a_serial_is_the_same_serial() {
        let serial = Serial::parse("0a:0B").unwrap();
        for text in ["A0B", "0A0B", "00:0a:0b", "0x0a0b", " a0b ", "0A 0B"] {
            assert_eq!(Serial::parse(text).unwrap(), serial, "{text}");
        }
        assert_eq!(serial.to_string(), "0A0B");
        assert_eq!(Serial::parse("0").unwrap().to_string(), "00");
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused_by_name() {
        for text in ["", "0x", "xyz", "12-34", "é1"] {
            assert!(Serial::parse(text).unwrap_err().to_string().contains("is not hexadecimal"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_serial_survives_being_written_and_read(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            let serial = Serial::from_bytes(&bytes);
            prop_assert_eq!(Serial::parse(&serial.to_string()).unwrap(), serial.clone());
            prop_assert_eq!(Serial::parse(&serial.to_string().to_lowercase()).unwrap(), serial);
        }
    }
}
