use std::fmt;

use super::base64url;
use super::problem::Problem;

/// How RFC 9773 §4.1 names a certificate: the identifier of its issuer's key, and its serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    /// The key identifier in the certificate's authorityKeyIdentifier.
    pub issuer_key_id: Vec<u8>,
    /// The content of the serial number's DER INTEGER: big-endian, with a zero in front where it would be negative.
    pub serial: Vec<u8>,
}

impl CertId {
    /// Reads a name.
    ///
    /// # Errors
    /// Where it is not two parts in base64url with a dot between.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            Problem::malformed(format!(
                "\"{}\" is not the identifier of a certificate (RFC 9773 §4.1)",
                text.escape_debug()
            ))
        };
        if text.len() > MOST_BYTES {
            return Err(wrong());
        }
        let (issuer, serial) = text.split_once('.').ok_or_else(wrong)?;
        let part = |text: &str| base64url::decode(text).filter(|bytes| !bytes.is_empty()).ok_or_else(wrong);
        Ok(Self { issuer_key_id: part(issuer)?, serial: part(serial)? })
    }
}

impl fmt::Display for CertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", base64url::encode(&self.issuer_key_id), base64url::encode(&self.serial))
    }
}

/// Both parts have some 20 bytes.
const MOST_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::CertId;

    /// RFC 9773 §4.1's own example.
    #[test]
    fn the_example_of_the_rfc_is_read_and_written() {
        let text = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";
        let id = CertId::parse(text).unwrap();
        assert_eq!(id.serial, [0x00, 0x87, 0x65, 0x43, 0x21]);
        assert_eq!(id.to_string(), text);
        for other in ["", ".", "a.b.c", "AA", "AA.", "AA.AB=", ".AA", &"A".repeat(300)] {
            assert!(CertId::parse(other).is_err(), "{other}");
        }
    }
}
