use fault::Fault;
use identity::{KeyKind, RevocationReason, der};
use rustls_pki_types::alg_id;
use time::{OffsetDateTime, UtcOffset};

use super::Listed;
use super::own::Own;
use crate::authority::Authority;

/// What a list says of itself.
pub(super) struct Heading {
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
    pub(super) number: u64,
    /// The address of the one distribution point that it belongs to; `None` where it holds everything.
    pub(super) point: Option<String>,
}

/// The entries, encoded as they come: a long list is held once, as the bytes that it will be.
#[derive(Default)]
pub(super) struct Entries {
    encoded: Vec<u8>,
    count: usize,
}

impl Entries {
    pub(super) fn push(&mut self, listed: Listed<'_>) -> Result<(), Fault> {
        let (serial, at) = (integer(listed.serial), moment(listed.at)?);
        let entry = match listed.reason {
            // RFC 5280 §5.3.1: who has no reason says nothing.
            RevocationReason::Unspecified => der::wrap(der::SEQUENCE, &[&serial, &at]),
            reason => {
                let reason = der::wrap(der::ENUMERATED, &[&[reason.number()]]);
                let extensions = der::wrap(der::SEQUENCE, &[&extension(REASON_CODE, &reason)]);
                der::wrap(der::SEQUENCE, &[&serial, &at, &extensions])
            }
        };
        self.encoded.extend(entry);
        self.count += 1;
        Ok(())
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The element that holds them. A list without entries has none (RFC 5280 §5.1.2.6).
    fn element(&self) -> Vec<u8> {
        if self.encoded.is_empty() { Vec::new() } else { der::wrap(der::SEQUENCE, &[&self.encoded]) }
    }
}

/// The whole list, signed by its issuer's key.
pub(super) fn signed(
    authority: &Authority,
    own: &Own,
    heading: &Heading,
    entries: &Entries,
) -> Result<Vec<u8>, Fault> {
    let algorithm = signature_algorithm(authority.key_kind());
    let list = der::wrap(
        der::SEQUENCE,
        &[
            &VERSION_2,
            &algorithm,
            &own.name,
            &moment(heading.this_update)?,
            &moment(heading.next_update)?,
            &entries.element(),
            &extensions(own, heading),
        ],
    );
    let signature = authority.key().signature(&list)?;
    // A BIT STRING begins with the number of bits that its last byte leaves unused: none.
    let signature = der::wrap(der::BIT_STRING, &[&[0], &signature]);
    Ok(der::wrap(der::SEQUENCE, &[&list, &algorithm, &signature]))
}

fn extensions(own: &Own, heading: &Heading) -> Vec<u8> {
    let key = der::wrap(KEY_IDENTIFIER, &[&own.key_identifier]);
    let authority = extension(AUTHORITY_KEY_IDENTIFIER, &der::wrap(der::SEQUENCE, &[&key]));
    let number = extension(CRL_NUMBER, &integer(&heading.number.to_be_bytes()));
    let point = heading.point.as_deref().map(issuing_point).unwrap_or_default();
    der::wrap(EXTENSIONS, &[&der::wrap(der::SEQUENCE, &[&authority, &number, &point])])
}

/// Which certificates the list speaks of: those that name this address (RFC 5280 §5.2.5). Critical, so that whoever does not
/// understand it takes the list for nothing instead of for everything.
fn issuing_point(address: &str) -> Vec<u8> {
    let full = der::wrap(FULL_NAME, &[&der::wrap(URI, &[address.as_bytes()])]);
    let scope = der::wrap(der::SEQUENCE, &[&der::wrap(DISTRIBUTION_POINT, &[&full])]);
    let value = der::wrap(der::OCTET_STRING, &[&scope]);
    der::wrap(der::SEQUENCE, &[&ISSUING_POINT, &TRUE, &value])
}

fn extension(oid: [u8; 5], value: &[u8]) -> Vec<u8> {
    der::wrap(der::SEQUENCE, &[&oid, &der::wrap(der::OCTET_STRING, &[value])])
}

/// A number that is not negative, in as few bytes as it takes.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    let positive = bytes.first().is_some_and(|first| *first < 0x80);
    der::wrap(der::INTEGER, &[if positive { &[] } else { &[0] }, bytes])
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §5.1.2.4).
fn moment(at: OffsetDateTime) -> Result<Vec<u8>, Fault> {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    match year {
        1950..2050 => Ok(der::wrap(der::UTC_TIME, &[format!("{:02}{rest}", year % 100).as_bytes()])),
        0..=9999 => Ok(der::wrap(der::GENERALIZED_TIME, &[format!("{year:04}{rest}").as_bytes()])),
        _ => Err(Fault::ours(format!("a revocation list cannot say {at}"))),
    }
}

/// The AlgorithmIdentifier that goes with a key's signatures.
pub(crate) fn signature_algorithm(kind: KeyKind) -> Vec<u8> {
    let algorithm: &'static rustls_pki_types::AlgorithmIdentifier = match kind {
        KeyKind::EcdsaP256 => &alg_id::ECDSA_SHA256,
        KeyKind::EcdsaP384 => &alg_id::ECDSA_SHA384,
        KeyKind::Ed25519 => &alg_id::ED25519,
        KeyKind::Rsa(_) => &alg_id::RSA_PKCS1_SHA256,
    };
    der::wrap(der::SEQUENCE, &[algorithm.as_ref()])
}

/// `[0]`, explicit, around a list's extensions.
const EXTENSIONS: u8 = 0xa0;
/// `[0]`, implicit, in an authority key identifier.
const KEY_IDENTIFIER: u8 = 0x80;
/// `[0]`, around the name of a distribution point, and within it around its full name.
const DISTRIBUTION_POINT: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
/// `[6]`, implicit: an address among general names.
const URI: u8 = 0x86;
const TRUE: [u8; 3] = [der::BOOLEAN, 1, 0xff];
/// Version 2 is written as 1.
const VERSION_2: [u8; 3] = [der::INTEGER, 1, 1];
/// 2.5.29.20
const CRL_NUMBER: [u8; 5] = [der::OBJECT_IDENTIFIER, 3, 0x55, 0x1d, 20];
/// 2.5.29.21
const REASON_CODE: [u8; 5] = [der::OBJECT_IDENTIFIER, 3, 0x55, 0x1d, 21];
/// 2.5.29.28
const ISSUING_POINT: [u8; 5] = [der::OBJECT_IDENTIFIER, 3, 0x55, 0x1d, 28];
/// 2.5.29.35
const AUTHORITY_KEY_IDENTIFIER: [u8; 5] = [der::OBJECT_IDENTIFIER, 3, 0x55, 0x1d, 35];

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{integer, moment};

    #[test]
    fn numbers_are_positive_and_as_short_as_they_can_be() {
        let cases: [(&[u8], &[u8]); 5] = [
            (&[], &[2, 1, 0]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 1, 0], &[2, 2, 1, 0]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(integer(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_form_of_a_moment_follows_its_year() {
        let text = |at| String::from_utf8(moment(at).unwrap().split_off(2)).unwrap();
        assert_eq!(text(datetime!(2049-12-31 23:59:59.9 UTC)), "491231235959Z");
        assert_eq!(text(datetime!(2050-01-01 1:00 +1)), "20500101000000Z");
    }
}
